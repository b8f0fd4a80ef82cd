// What passes over the worker daemon's control socket (JSON-RPC 2.0, one message a line) as the tray writes and reads
// it. Pure; any thread.
#pragma once

#include <QByteArray>
#include <QJsonObject>
#include <QString>
#include <optional>

namespace gogrid::tray {

// Why a call did not do what it should, in words for a person.
struct RpcError {
  int code = 0;
  // The daemon's name for it: "invalid_argument"; "unavailable" when there is no daemon.
  QString name;
  // The setting that is at fault, if one is.
  QString key;
  QString message;
};

struct RpcAnswer {
  QJsonObject result;
  std::optional<RpcError> error;
};

// What the daemon sent: the answer to a call, or a notification.
struct RpcMessage {
  // Of an answer; 0: it is a notification.
  qint64 id = 0;
  RpcAnswer answer;
  QString method;
  QJsonObject params;
};

// One line with its end.
QByteArray write_call(qint64 id, const QString& method, const QJsonObject& params);
// A line without its end; nullopt: it is none of ours.
std::optional<RpcMessage> read_message(const QByteArray& line);

}  // namespace gogrid::tray
