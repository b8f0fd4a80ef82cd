// DaemonConnection: a connection to the worker daemon's control socket that is there whenever the daemon is: it
// connects again when the socket comes back. Owned by the tray's models; on the GUI thread, which it never blocks.
#pragma once

#include <QByteArray>
#include <QHash>
#include <QLocalSocket>
#include <QObject>
#include <QPointer>
#include <QTimer>
#include <functional>

#include "tray/connection/rpc.hpp"
#include "tray/connection/socket_watch.hpp"

namespace gogrid::tray {

class DaemonConnection : public QObject {
  Q_OBJECT

 public:
  using Answered = std::function<void(const RpcAnswer&)>;

  explicit DaemonConnection(QString socket_path, QObject* parent = nullptr);
  ~DaemonConnection() override;

  // Connects, now or when the daemon is there, and stays so until closed.
  void open();
  void close();
  bool is_open() const { return socket_.state() == QLocalSocket::ConnectedState; }
  const QString& socket_path() const { return socket_path_; }

  // `answered` is called once, from the event loop: with the answer, or with an error when there is no connection or it
  // breaks. Never after `receiver` is gone.
  void call(const QString& method, const QJsonObject& params, QObject* receiver, Answered answered);

 signals:
  void opened();
  // Also when there was none to begin with. `why` is for a person.
  void closed(const QString& why);
  void notified(const QString& method, const QJsonObject& params);

 private:
  struct Waiting {
    QPointer<QObject> receiver;
    Answered answered;
  };

  void attempt();
  void on_connected();
  void on_failed();
  void on_lost();
  void read();
  void take(const RpcMessage& message);
  void drop(const QString& why);
  void fail_waiting(const QString& why);

  QString socket_path_;
  QLocalSocket socket_;
  SocketWatch watch_;
  // A socket that is there and refuses is a daemon that begins, or one that was killed: it gets a few more tries.
  QTimer retry_;
  int retries_ = 0;
  bool wanted_ = false;
  bool was_open_ = false;
  QString dropped_;
  QByteArray buffer_;
  qint64 last_id_ = 0;
  QHash<qint64, Waiting> waiting_;
};

}  // namespace gogrid::tray
