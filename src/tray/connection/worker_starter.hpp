// WorkerStarter: starts the worker daemon, by systemd's user unit where there is one, else as a process of its own that
// outlives the tray, and tells when that ended. Owned by the program; on the GUI thread.
#pragma once

#include <QObject>
#include <QProcess>
#include <QSocketNotifier>
#include <memory>

#include "tray/connection/place.hpp"

namespace gogrid::tray {

class WorkerStarter : public QObject {
  Q_OBJECT

 public:
  explicit WorkerStarter(Place place, QObject* parent = nullptr);
  ~WorkerStarter() override;

  // Does nothing while a start is on its way.
  void start();

 signals:
  // A daemon was started; it may still end before it can be reached.
  void started();
  // It could not be started; `why` is for a person.
  void failed(const QString& why);
  // The process ended. `why` is its own last word, for a person; empty: it left none, as when it was told to stop.
  void ended(const QString& why);

 private:
  void start_unit();
  void start_process();
  // Tells when the process ends, whose child it is not.
  void watch(qint64 pid);
  void on_end();

  Place place_;
  std::unique_ptr<QProcess> systemctl_;
  std::unique_ptr<QSocketNotifier> ended_;
  int pid_fd_ = -1;
};

}  // namespace gogrid::tray
