#include "tray/ui/note.hpp"

namespace gogrid::tray {
namespace {

constexpr double note_scale = 0.9;

}  // namespace

QLabel* make_note(const QString& text) {
  auto* note = new QLabel(text);
  note->setWordWrap(true);
  note->setTextFormat(Qt::PlainText);
  QFont font = note->font();
  font.setPointSizeF(font.pointSizeF() * note_scale);
  note->setFont(font);
  return note;
}

QLabel* make_fault_note() {
  QLabel* note = make_note({});
  note->hide();
  return note;
}

void show_fault(QLabel& note, const QString& fault) {
  // The theme may have changed since the last one.
  QPalette red;
  const bool is_dark = red.color(QPalette::Window).lightness() < 128;
  red.setColor(QPalette::WindowText, is_dark ? QColor(0xff, 0x8a, 0x80) : QColor(0xb0, 0x1b, 0x1b));
  note.setPalette(red);
  note.setText(fault);
  note.setVisible(!fault.isEmpty());
}

}  // namespace gogrid::tray
