#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSaveFile>

#include "tray/connection/autostart.hpp"

namespace gogrid::tray {
namespace {

constexpr qint64 max_file_bytes = 64 * 1024;

// As the Desktop Entry Specification quotes an argument of Exec: in double quotes, with four characters escaped, the
// percent sign doubled, and each backslash doubled once more, as in any string of an entry.
QString quoted(const QString& program) {
  QString out;
  for (const QChar c : program) {
    if (c == '"' || c == '`' || c == '$') out += "\\\\";
    if (c == '\\') out += "\\\\\\";
    if (c == '%') out += '%';
    out += c;
  }
  return '"' + out + '"';
}

}  // namespace

QString autostart_file(const std::function<QString(const char*)>& environment) {
  QString config = environment("XDG_CONFIG_HOME");
  const QString home = environment("HOME");
  if (!config.startsWith('/') && home.isEmpty()) return {};
  if (!config.startsWith('/')) config = home + "/.config";
  return config + "/autostart/gogrid-tray.desktop";
}

bool autostarts(const QString& file) {
  QFile entry(file);
  if (file.isEmpty() || !entry.open(QIODevice::ReadOnly)) return false;
  // "Hidden" is how some desktops turn an entry off.
  for (const QByteArray& line : entry.read(max_file_bytes).split('\n')) {
    const QByteArray plain = line.simplified().replace(" ", "").toLower();
    if (plain == "hidden=true" || plain == "x-gnome-autostart-enabled=false") return false;
  }
  return true;
}

QString set_autostart(const QString& file, bool wanted, const QString& program) {
  if (!wanted) {
    QFile entry(file);
    return !entry.exists() || entry.remove() ? QString() : entry.errorString();
  }
  QDir().mkpath(QFileInfo(file).absolutePath());
  QSaveFile entry(file);
  const QString text = "[Desktop Entry]\nType=Application\nName=GoGrid\nIcon=gogrid-tray\nExec=" + quoted(program) +
                       " --background\nX-GNOME-Autostart-enabled=true\n";
  if (!entry.open(QIODevice::WriteOnly) || entry.write(text.toUtf8()) < 0 || !entry.commit())
    return entry.errorString();
  return {};
}

}  // namespace gogrid::tray
