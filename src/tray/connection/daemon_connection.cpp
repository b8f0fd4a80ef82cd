#include "tray/connection/daemon_connection.hpp"

#include <QFileInfo>

namespace gogrid::tray {
namespace {

constexpr qsizetype max_line_bytes = 1024 * 1024;
constexpr int max_retries = 3;
constexpr int first_retry_ms = 50;

}  // namespace

DaemonConnection::DaemonConnection(QString socket_path, QObject* parent)
    : QObject(parent), socket_path_(std::move(socket_path)), watch_(socket_path_) {
  retry_.setSingleShot(true);
  connect(&retry_, &QTimer::timeout, this, &DaemonConnection::attempt);
  connect(&watch_, &SocketWatch::stirred, this, [this] {
    retries_ = 0;
    attempt();
  });
  connect(&socket_, &QLocalSocket::connected, this, &DaemonConnection::on_connected);
  connect(&socket_, &QLocalSocket::disconnected, this, &DaemonConnection::on_lost);
  connect(&socket_, &QLocalSocket::readyRead, this, &DaemonConnection::read);
  connect(&socket_, &QLocalSocket::errorOccurred, this, [this] {
    if (!was_open_) on_failed();
  });
}

DaemonConnection::~DaemonConnection() {
  // Its signals would reach a half of us.
  socket_.disconnect(this);
  socket_.abort();
}

void DaemonConnection::open() {
  wanted_ = true;
  retries_ = 0;
  if (was_open_) return;
  watch_.arm();
  attempt();
}

void DaemonConnection::close() {
  wanted_ = false;
  retry_.stop();
  watch_.disarm();
  socket_.abort();
}

void DaemonConnection::call(const QString& method, const QJsonObject& params, QObject* receiver, Answered answered) {
  const qint64 id = ++last_id_;
  waiting_.insert(id, Waiting{receiver, std::move(answered)});
  if (is_open()) {
    socket_.write(write_call(id, method, params));
    return;
  }
  QMetaObject::invokeMethod(
      this,
      [this, id] {
        RpcMessage message;
        message.id = id;
        message.answer.error = RpcError{0, "unavailable", {}, tr("The worker is not running.")};
        take(message);
      },
      Qt::QueuedConnection);
}

void DaemonConnection::attempt() {
  if (!wanted_ || socket_.state() != QLocalSocket::UnconnectedState) return;
  socket_.connectToServer(socket_path_);
}

void DaemonConnection::on_connected() {
  was_open_ = true;
  retries_ = 0;
  retry_.stop();
  watch_.disarm();
  buffer_.clear();
  dropped_.clear();
  emit opened();
}

void DaemonConnection::on_failed() {
  if (!wanted_) return;
  if (socket_.error() == QLocalSocket::SocketAccessError) {
    emit closed(tr("The worker runs as another user; this one may not talk to it."));
    return;
  }
  if (QFileInfo::exists(socket_path_) && retries_ < max_retries) {
    retry_.start(first_retry_ms << (2 * retries_++));
    return;
  }
  emit closed(tr("The worker is not running."));
}

void DaemonConnection::on_lost() {
  if (!was_open_) return;
  was_open_ = false;
  const QString why = dropped_.isEmpty() ? tr("The worker is not running.") : dropped_;
  fail_waiting(why);
  if (!wanted_) return;
  emit closed(why);
  retries_ = 0;
  watch_.arm();
  // What speaks in riddles is not asked again until it restarts.
  if (dropped_.isEmpty()) retry_.start(first_retry_ms);
}

void DaemonConnection::read() {
  buffer_ += socket_.readAll();
  qsizetype begin = 0;
  for (;;) {
    const qsizetype end = buffer_.indexOf('\n', begin);
    if (end < 0) break;
    const auto message = read_message(buffer_.mid(begin, end - begin));
    if (!message) return drop(tr("The worker's answer cannot be read. Is it another version?"));
    begin = end + 1;
    take(*message);
    if (!is_open()) return;
  }
  buffer_.remove(0, begin);
  if (buffer_.size() > max_line_bytes) drop(tr("The worker's answer is too long. Is it another version?"));
}

void DaemonConnection::take(const RpcMessage& message) {
  if (message.id == 0) {
    emit notified(message.method, message.params);
    return;
  }
  const auto found = waiting_.find(message.id);
  if (found == waiting_.end()) return;
  const Waiting waiting = found.value();
  waiting_.erase(found);
  if (waiting.receiver) waiting.answered(message.answer);
}

void DaemonConnection::drop(const QString& why) {
  buffer_.clear();
  dropped_ = why;
  socket_.abort();
}

void DaemonConnection::fail_waiting(const QString& why) {
  const auto waiting = std::exchange(waiting_, {});
  RpcAnswer answer;
  answer.error = RpcError{0, "unavailable", {}, why};
  for (const Waiting& one : waiting) {
    if (one.receiver) one.answered(answer);
  }
}

}  // namespace gogrid::tray
