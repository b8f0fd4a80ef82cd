#include "tray/models/worker_model.hpp"

namespace gogrid::tray {
namespace {

constexpr int patience_ms = 10'000;

}  // namespace

WorkerModel::WorkerModel(const QString& socket_path, QObject* parent) : QObject(parent), connection_(socket_path) {
  patience_.setSingleShot(true);
  patience_.setInterval(patience_ms);
  connect(&patience_, &QTimer::timeout, this, [this] {
    why_none_ = tr("The worker does not answer.");
    emit changed();
  });
  connect(&connection_, &DaemonConnection::opened, this, &WorkerModel::subscribe);
  connect(&connection_, &DaemonConnection::closed, this, [this](const QString& why) {
    patience_.stop();
    status_.reset();
    why_none_ = why;
    emit changed();
    emit disappeared();
  });
  connect(&connection_, &DaemonConnection::notified, this, [this](const QString& method, const QJsonObject& params) {
    if (method == "status.changed") take(params);
  });
}

void WorkerModel::start() { connection_.open(); }

Headline WorkerModel::headline() const {
  if (status_) return StatusWords::headline(*status_, QDateTime::currentDateTime());
  if (connection_.is_open() && why_none_.isEmpty()) return {Mood::offline, tr("Asking the worker…")};
  if (!trouble_.isEmpty()) return {Mood::error, trouble_};
  if (is_starting_) return {Mood::offline, tr("Starting the worker…")};
  return {Mood::offline, why_none_.isEmpty() ? tr("Looking for the worker…") : why_none_};
}

bool WorkerModel::is_paused_by_owner() const {
  if (!status_) return false;
  for (const Pause& pause : status_->pauses) {
    if (pause.code == "by_owner") return true;
  }
  return status_->pauses.empty() && status_->availability == "paused";
}

void WorkerModel::set_trouble(const QString& trouble) {
  if (trouble == trouble_) return;
  trouble_ = trouble;
  emit changed();
}

void WorkerModel::set_starting(bool starting) {
  if (starting == is_starting_) return;
  is_starting_ = starting;
  emit changed();
}

void WorkerModel::pause_for(int seconds, QObject* receiver, Done done) {
  QJsonObject params;
  if (seconds > 0) params["for_seconds"] = seconds;
  order("pause", params, receiver, std::move(done));
}

void WorkerModel::pause_until_tomorrow(QObject* receiver, Done done) {
  order("pause", {{"until", "tomorrow"}}, receiver, std::move(done));
}

void WorkerModel::resume(QObject* receiver, Done done) { order("resume", {}, receiver, std::move(done)); }

void WorkerModel::stop(QObject* receiver, Done done) { order("stop", {}, receiver, std::move(done)); }

void WorkerModel::order(const QString& method, const QJsonObject& params, QObject* receiver, Done done) {
  connection_.call(method, params, receiver, [done = std::move(done)](const RpcAnswer& answer) {
    done(answer.error ? answer.error->message : QString());
  });
}

void WorkerModel::subscribe() {
  why_none_.clear();
  patience_.start();
  emit changed();
  connection_.call("status.subscribe", {}, this, [this](const RpcAnswer& answer) {
    patience_.stop();
    if (!answer.error) {
      take(answer.result);
      emit appeared();
      return;
    }
    why_none_ = answer.error->message;
    emit changed();
  });
}

void WorkerModel::take(const QJsonObject& status) {
  status_ = read_status(status);
  trouble_.clear();
  is_starting_ = false;
  emit changed();
}

}  // namespace gogrid::tray
