// WorkerModel: what the tray knows of its worker, kept up to date by the daemon's own notifications, and the orders
// that it gives it. Owned by the program; on the GUI thread.
#pragma once

#include <QObject>
#include <QTimer>
#include <functional>
#include <optional>

#include "tray/connection/daemon_connection.hpp"
#include "tray/models/worker_status.hpp"

namespace gogrid::tray {

class WorkerModel : public QObject {
  Q_OBJECT

 public:
  explicit WorkerModel(const QString& socket_path, QObject* parent = nullptr);

  void start();

  DaemonConnection& connection() { return connection_; }
  // Nullopt: no daemon answers.
  const std::optional<WorkerStatus>& status() const { return status_; }
  Headline headline() const;
  bool is_paused_by_owner() const;
  // Something beside the daemon went wrong, such as starting it: shown while there is no daemon. Empty takes it back.
  void set_trouble(const QString& trouble);
  // A daemon is being started.
  void set_starting(bool starting);
  // And has not answered yet.
  bool is_starting() const { return is_starting_; }

  // What came of an order: empty, or why not, for a person.
  using Done = std::function<void(const QString& trouble)>;
  // `seconds` 0: until resumed.
  void pause_for(int seconds, QObject* receiver, Done done);
  void pause_until_tomorrow(QObject* receiver, Done done);
  void resume(QObject* receiver, Done done);
  void stop(QObject* receiver, Done done);

 signals:
  void changed();
  // The daemon answered for the first time since it was gone.
  void appeared();
  // There is none (any more).
  void disappeared();

 private:
  void order(const QString& method, const QJsonObject& params, QObject* receiver, Done done);
  void subscribe();
  void take(const QJsonObject& status);

  DaemonConnection connection_;
  // Runs only between the question and its answer.
  QTimer patience_;
  std::optional<WorkerStatus> status_;
  QString why_none_;
  QString trouble_;
  bool is_starting_ = false;
};

}  // namespace gogrid::tray
