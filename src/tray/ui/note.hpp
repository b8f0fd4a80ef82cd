// Labels beside what an owner edits: what it means, and what is wrong with it. GUI thread.
#pragma once

#include <QLabel>

namespace gogrid::tray {

// Below a field, smaller than the rest.
QLabel* make_note(const QString& text);
// The same in the colour of faults, hidden until it says something.
QLabel* make_fault_note();
void show_fault(QLabel& note, const QString& fault);

}  // namespace gogrid::tray
