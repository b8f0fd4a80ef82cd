#include "tray/connection/socket_watch.hpp"

#include <QFileInfo>

namespace gogrid::tray {
namespace {

// The directory of the file, or of those above it the first that exists.
QString nearest_directory(const QString& path) {
  QString directory = QFileInfo(path).absolutePath();
  while (!QFileInfo(directory).isDir()) {
    const QString above = QFileInfo(directory).absolutePath();
    if (above == directory) break;
    directory = above;
  }
  return directory;
}

}  // namespace

SocketWatch::SocketWatch(QString socket_path, QObject* parent) : QObject(parent), socket_path_(std::move(socket_path)) {
  connect(&watcher_, &QFileSystemWatcher::directoryChanged, this, &SocketWatch::look);
}

void SocketWatch::arm() {
  disarm();
  // A directory further down may have come between looking and watching.
  for (QString watched; watched != nearest_directory(socket_path_);) {
    watched = nearest_directory(socket_path_);
    disarm();
    watcher_.addPath(watched);
  }
}

void SocketWatch::disarm() {
  if (!watcher_.directories().isEmpty()) watcher_.removePaths(watcher_.directories());
}

void SocketWatch::look() {
  if (watcher_.directories() != QStringList{nearest_directory(socket_path_)}) arm();
  if (QFileInfo::exists(socket_path_)) emit stirred();
}

}  // namespace gogrid::tray
