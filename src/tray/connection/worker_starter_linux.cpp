#include <sys/syscall.h>
#include <unistd.h>

#include <QFile>
#include <QFileInfo>
#include <cerrno>

#include "tray/connection/worker_starter.hpp"

namespace gogrid::tray {
namespace {

constexpr const char* unit = "gogrid-worker.service";
constexpr qint64 max_log_bytes = 16 * 1024;
constexpr QLatin1String own_words("gogrid-worker: ");

// A program that fails says why in its last line. What it logs begins otherwise.
QString last_word(const QString& path) {
  QFile file(path);
  if (!file.open(QIODevice::ReadOnly)) return {};
  if (file.size() > max_log_bytes) file.seek(file.size() - max_log_bytes);
  QString text = QString::fromUtf8(file.readAll()).trimmed();
  text = text.mid(text.lastIndexOf('\n') + 1);
  return text.startsWith(own_words) ? text.mid(own_words.size()) : QString();
}

}  // namespace

WorkerStarter::WorkerStarter(Place place, QObject* parent) : QObject(parent), place_(std::move(place)) {}

WorkerStarter::~WorkerStarter() {
  if (systemctl_) systemctl_->disconnect(this);
  ended_.reset();
  if (pid_fd_ >= 0) ::close(pid_fd_);
}

void WorkerStarter::start() {
  if (systemctl_ || ended_) return;
  // The unit's daemon has the usual state directory.
  if (place_.is_elsewhere) return start_process();
  systemctl_ = std::make_unique<QProcess>();
  connect(systemctl_.get(), &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
    if (error != QProcess::FailedToStart) return;
    systemctl_.release()->deleteLater();
    start_process();
  });
  connect(systemctl_.get(), &QProcess::finished, this, [this](int code) {
    systemctl_.release()->deleteLater();
    if (code == 0) return start_unit();
    start_process();
  });
  systemctl_->setStandardOutputFile(QProcess::nullDevice());
  systemctl_->setStandardErrorFile(QProcess::nullDevice());
  systemctl_->start("systemctl", {"--user", "cat", unit});
}

void WorkerStarter::start_unit() {
  systemctl_ = std::make_unique<QProcess>();
  connect(systemctl_.get(), &QProcess::finished, this, [this](int code) {
    const QString said = QString::fromUtf8(systemctl_->readAllStandardError()).trimmed();
    systemctl_.release()->deleteLater();
    if (code == 0) {
      emit started();
    } else {
      emit failed(said.isEmpty() ? tr("systemd did not start the worker.") : said);
    }
  });
  systemctl_->start("systemctl", {"--user", "start", unit});
}

void WorkerStarter::start_process() {
  if (place_.program.isEmpty()) {
    emit failed(tr("gogrid-worker is not installed."));
    return;
  }
  QProcess process;
  process.setProgram(place_.program);
  process.setArguments({"--state-dir", place_.state_dir, "run"});
  process.setStandardInputFile(QProcess::nullDevice());
  process.setStandardOutputFile(QProcess::nullDevice());
  process.setStandardErrorFile(place_.log(), QIODevice::Truncate);
  process.setWorkingDirectory("/");
  qint64 pid = 0;
  if (!process.startDetached(&pid)) {
    emit failed(tr("%1 cannot be started.").arg(place_.program));
    return;
  }
  emit started();
  watch(pid);
}

void WorkerStarter::watch(qint64 pid) {
  pid_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));
  // It has ended already and was reaped. Another error: the kernel is older than 5.3, and cannot tell.
  if (pid_fd_ < 0) {
    if (errno == ESRCH) emit ended(last_word(place_.log()));
    return;
  }
  ended_ = std::make_unique<QSocketNotifier>(pid_fd_, QSocketNotifier::Read);
  connect(ended_.get(), &QSocketNotifier::activated, this, &WorkerStarter::on_end);
}

void WorkerStarter::on_end() {
  ended_->setEnabled(false);
  ended_.release()->deleteLater();
  ::close(pid_fd_);
  pid_fd_ = -1;
  emit ended(last_word(place_.log()));
}

}  // namespace gogrid::tray
