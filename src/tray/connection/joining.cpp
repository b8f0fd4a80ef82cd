#include "tray/connection/joining.hpp"

#include <QRegularExpression>

namespace gogrid::tray {
namespace {

constexpr int max_pasted = 20'000;

}  // namespace

PastedToken read_pasted(const QString& text) {
  static const QRegularExpression token("\\bggj_[0-9a-f]{16}\\.[A-Za-z0-9_-]{43}\\.[0-9a-f]{64}\\b");
  static const QRegularExpression coordinator("--coordinator[ =](\\S+)");
  const QString bounded = text.left(max_pasted);
  PastedToken pasted;
  pasted.token = token.match(bounded).captured(0);
  pasted.coordinator = coordinator.match(bounded).captured(1);
  return pasted;
}

QString join_address(const QString& host, int port) {
  static const QRegularExpression with_port("^([^:]+|\\[[^\\]]*\\]):[0-9]{1,5}$");
  if (with_port.match(host).hasMatch()) return host;
  const bool is_bare_ipv6 = host.contains(':') && !host.startsWith('[');
  return (is_bare_ipv6 ? "[" + host + "]" : host) + ":" + QString::number(port);
}

Joining::Joining(Place place, QObject* parent) : QObject(parent), place_(std::move(place)) {}

Joining::~Joining() {
  if (process_) process_->disconnect(this);
}

void Joining::start(const QString& coordinator, const QString& token) {
  if (process_) return;
  if (place_.program.isEmpty()) {
    emit failed(tr("gogrid-worker is not installed."));
    return;
  }
  process_ = std::make_unique<QProcess>();
  connect(process_.get(), &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
    if (error != QProcess::FailedToStart) return;
    const QString why = process_->errorString();
    process_.release()->deleteLater();
    emit failed(why);
  });
  connect(process_.get(), &QProcess::finished, this, [this](int code, QProcess::ExitStatus) {
    QString said = QString::fromUtf8(process_->readAllStandardError()).trimmed();
    process_.release()->deleteLater();
    if (code == 0) {
      emit joined();
      return;
    }
    said = said.mid(said.lastIndexOf('\n') + 1);
    if (said.startsWith("gogrid-worker: ")) said = said.mid(15);
    emit failed(said.isEmpty() ? tr("gogrid-worker join ended with code %1.").arg(code) : said);
  });
  process_->start(place_.program, {"--state-dir", place_.state_dir, "join", "-", "--coordinator", coordinator});
  process_->write(token.toUtf8() + '\n');
  process_->closeWriteChannel();
}

}  // namespace gogrid::tray
