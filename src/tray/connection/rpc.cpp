#include "tray/connection/rpc.hpp"

#include <QJsonDocument>

namespace gogrid::tray {
namespace {

// What stands on the screen has room for about that much.
constexpr int max_message_characters = 2000;

RpcError read_error(const QJsonObject& error) {
  const QJsonObject data = error["data"].toObject();
  RpcError out;
  out.code = error["code"].toInt();
  out.name = data["code"].toString();
  out.key = data["key"].toString();
  out.message = error["message"].toString().left(max_message_characters);
  return out;
}

}  // namespace

QByteArray write_call(qint64 id, const QString& method, const QJsonObject& params) {
  const QJsonObject call = {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}};
  return QJsonDocument(call).toJson(QJsonDocument::Compact) + '\n';
}

std::optional<RpcMessage> read_message(const QByteArray& line) {
  const QJsonDocument parsed = QJsonDocument::fromJson(line);
  if (!parsed.isObject()) return std::nullopt;
  const QJsonObject object = parsed.object();
  if (object["jsonrpc"].toString() != "2.0") return std::nullopt;
  RpcMessage message;
  if (object["method"].isString()) {
    message.method = object["method"].toString();
    message.params = object["params"].toObject();
    return message;
  }
  if (object["error"].isObject()) {
    // An error without an id answers what the daemon could not read.
    message.id = object["id"].toInteger(-1);
    message.answer.error = read_error(object["error"].toObject());
    return message;
  }
  message.id = object["id"].toInteger();
  if (message.id <= 0 || !object["result"].isObject()) return std::nullopt;
  message.answer.result = object["result"].toObject();
  return message;
}

}  // namespace gogrid::tray
