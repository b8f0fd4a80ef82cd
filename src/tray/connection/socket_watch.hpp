// SocketWatch: tells when a socket's file may have come, by the kernel's word for changed directories. Nothing is
// polled. Owned by a DaemonConnection; on the GUI thread.
#pragma once

#include <QFileSystemWatcher>
#include <QObject>
#include <QString>

namespace gogrid::tray {

class SocketWatch : public QObject {
  Q_OBJECT

 public:
  explicit SocketWatch(QString socket_path, QObject* parent = nullptr);

  // From now on, until disarmed. What came before is not told: look after this.
  void arm();
  void disarm();

 signals:
  // The file is there, and something changed beside it.
  void stirred();

 private:
  void look();

  QString socket_path_;
  QFileSystemWatcher watcher_;
};

}  // namespace gogrid::tray
