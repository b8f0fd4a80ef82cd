#include "tray/ui/single_instance.hpp"

#include <QDir>
#include <QFile>
#include <QLocalSocket>
#include <QLockFile>

namespace gogrid::tray {
namespace {

constexpr int patience_ms = 1000;

}  // namespace

SingleInstance::SingleInstance(const QString& state_dir, QObject* parent)
    : QObject(parent), path_(state_dir + "/tray.sock") {
  server_.setSocketOptions(QLocalServer::UserAccessOption);
  connect(&server_, &QLocalServer::newConnection, this, [this] {
    while (QLocalSocket* socket = server_.nextPendingConnection()) {
      connect(socket, &QLocalSocket::disconnected, socket, &QObject::deleteLater);
      socket->close();
    }
    emit asked_to_show();
  });
}

bool SingleInstance::claim() {
  QDir().mkpath(QFileInfo(path_).absolutePath());
  // Two that start together take turns.
  QLockFile turn(path_ + ".lock");
  turn.tryLock(patience_ms);
  QLocalSocket other;
  other.connectToServer(path_);
  if (other.waitForConnected(patience_ms)) return false;
  QFile::remove(path_);
  // Where no socket can be made there may be two of us, which does no harm.
  server_.listen(path_);
  return true;
}

}  // namespace gogrid::tray
