#include "tray/connection/place.hpp"

#include <QDir>
#include <QFileInfo>
#include <QStandardPaths>

namespace gogrid::tray {
namespace {

QString usual_state_dir(const std::function<QString(const char*)>& environment) {
  const QString data = environment("XDG_DATA_HOME");
  if (data.startsWith('/')) return data + "/gogrid-worker";
  const QString home = environment("HOME");
  return home.isEmpty() ? QString() : home + "/.local/share/gogrid-worker";
}

}  // namespace

bool Place::has_identity() const { return QFileInfo::exists(state_dir + "/identity/worker.json"); }

Place find_place(const QString& state_dir, const std::function<QString(const char*)>& environment,
                 const QString& own_directory) {
  Place place;
  const QString usual = usual_state_dir(environment);
  QString asked = state_dir.isEmpty() ? environment("GOGRID_WORKER_STATE_DIR") : state_dir;
  if (!asked.isEmpty()) asked = QDir::cleanPath(QFileInfo(asked).absoluteFilePath());
  place.state_dir = asked.isEmpty() ? usual : asked;
  place.is_elsewhere = place.state_dir != usual;
  const QString beside = own_directory + "/gogrid-worker";
  place.program = QFileInfo(beside).isExecutable() ? beside : QStandardPaths::findExecutable("gogrid-worker");
  return place;
}

QString shown_path(const QString& path, const QString& home) {
  if (path == home) return "~";
  const bool is_below = home.size() > 1 && path.startsWith(home + '/');
  return is_below ? "~" + path.mid(home.size()) : path;
}

}  // namespace gogrid::tray
