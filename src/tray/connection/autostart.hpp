// Starting the tray at login: a desktop entry in the user's autostart directory. Files only; any thread.
#pragma once

#include <QString>
#include <functional>

namespace gogrid::tray {

// ~/.config/autostart/gogrid-tray.desktop, or where XDG_CONFIG_HOME points; empty without HOME.
QString autostart_file(const std::function<QString(const char*)>& environment);
bool autostarts(const QString& file);
// Empty, or why it could not be done, for a person.
QString set_autostart(const QString& file, bool wanted, const QString& program);

}  // namespace gogrid::tray
