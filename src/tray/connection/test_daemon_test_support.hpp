// TestDaemon: the daemon's end of the control socket for unit tests; it answers what it was told to. On the test's
// thread.
#pragma once

#include <QDir>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLocalServer>
#include <QLocalSocket>
#include <QMap>
#include <memory>
#include <vector>

namespace gogrid::tray {

class TestDaemon {
 public:
  explicit TestDaemon(const QString& path) {
    QDir().mkpath(QFileInfo(path).absolutePath());
    QLocalServer::removeServer(path);
    QObject::connect(&server_, &QLocalServer::newConnection, &server_, [this] { accept(); });
    is_listening = server_.listen(path);
  }

  // Whole lines, to every connection.
  void send(const QByteArray& text) {
    for (QLocalSocket* socket : sockets_)
      socket->write(text);
  }
  void notify(const QString& method, const QJsonObject& params) {
    send(line({{"jsonrpc", "2.0"}, {"method", method}, {"params", params}}));
  }
  static QByteArray line(const QJsonObject& message) {
    return QJsonDocument(message).toJson(QJsonDocument::Compact) + '\n';
  }

  bool is_listening = false;
  // By method; what has none is left unanswered.
  QMap<QString, QJsonObject> results;
  QMap<QString, QJsonObject> errors;
  std::vector<QJsonObject> calls;

 private:
  void accept() {
    QLocalSocket* socket = server_.nextPendingConnection();
    sockets_.push_back(socket);
    QObject::connect(socket, &QLocalSocket::readyRead, socket, [this, socket] {
      while (socket->canReadLine())
        answer(socket, QJsonDocument::fromJson(socket->readLine()).object());
    });
  }
  void answer(QLocalSocket* socket, const QJsonObject& call) {
    calls.push_back(call);
    const QString method = call["method"].toString();
    if (results.contains(method))
      socket->write(line({{"jsonrpc", "2.0"}, {"id", call["id"]}, {"result", results[method]}}));
    if (errors.contains(method))
      socket->write(line({{"jsonrpc", "2.0"}, {"id", call["id"]}, {"error", errors[method]}}));
  }

  // The server owns its sockets.
  std::vector<QLocalSocket*> sockets_;
  QLocalServer server_;
};

}  // namespace gogrid::tray
