#include "simulation/watched_scheduler.hpp"

namespace gogrid::simulation {

using domain::Actions;

Actions WatchedScheduler::decided(Actions actions) {
  for (const auto& action : actions)
    note(action);
  account_.decided(actions);
  if (stage_.verdict.failure()) return actions;
  // The more there is to compare the less often it is.
  const bool is_due = ++steps_ >= compare_every_ + account_.open_jobs();
  if (is_due) steps_ = 0;
  account_.compare(scheduler_, is_due);
  return actions;
}

void WatchedScheduler::note(const domain::Action& action) {
  if (const auto* dispatch = std::get_if<domain::Dispatch>(&action)) {
    stage_.note("  dispatch", dispatch->request.text(), dispatch->worker.text());
  } else if (const auto* reject = std::get_if<domain::Reject>(&action)) {
    stage_.note("  reject", reject->request.text(), domain::to_string(reject->code), reject->text);
  } else if (const auto* assign = std::get_if<domain::Assign>(&action)) {
    stage_.note("  assign", assign->worker.text(), assign->assignment.replicas.size());
  } else if (const auto* lease = std::get_if<domain::Lease>(&action)) {
    stage_.note("  lease", lease->job, lease->lease, lease->attempt, lease->worker.text());
  } else if (const auto* resume = std::get_if<domain::Resume>(&action)) {
    stage_.note("  resume", resume->job, resume->lease, resume->worker.text());
  } else if (const auto* revoke = std::get_if<domain::Revoke>(&action)) {
    stage_.note("  revoke", revoke->job, revoke->lease, revoke->worker.text());
  } else if (const auto* settle = std::get_if<domain::Settle>(&action)) {
    stage_.note("  settle", settle->job, settle->lease, settle->attempt, domain::to_string(settle->end.outcome),
                settle->end.reason, domain::to_string(settle->state), settle->error_code);
  }
}

Actions WatchedScheduler::clock_read() {
  const SystemTime system = stage_.system_now();
  stage_.note("clock_read", system.time_since_epoch().count());
  account_.clock_read(system);
  return decided(scheduler_.clock_read(system, stage_.now()));
}

Actions WatchedScheduler::tick() {
  account_.ticked();
  return decided(scheduler_.tick(stage_.now()));
}

Actions WatchedScheduler::worker_connected(const domain::WorkerId& id, domain::WorkerFacts facts) {
  stage_.note("worker_connected", id.text(), facts.leases.size());
  account_.worker_connected(id, facts);
  return decided(scheduler_.worker_connected(id, std::move(facts), stage_.now()));
}

Actions WatchedScheduler::worker_reported(const domain::WorkerId& id, domain::WorkerReport report) {
  stage_.note("worker_reported", id.text(), domain::to_string(report.availability));
  account_.worker_reported(id, report);
  return decided(scheduler_.worker_reported(id, std::move(report), stage_.now()));
}

Actions WatchedScheduler::worker_gone(const domain::WorkerId& id, bool may_return) {
  stage_.note("worker_gone", id.text(), may_return);
  account_.worker_gone(id, may_return);
  return decided(scheduler_.worker_gone(id, may_return, stage_.now()));
}

Actions WatchedScheduler::workers_expected(const std::vector<domain::WorkerId>& ids, std::chrono::milliseconds grace) {
  stage_.note("workers_expected", ids.size());
  account_.workers_expected(ids, grace);
  return decided(scheduler_.workers_expected(ids, grace, stage_.now()));
}

Actions WatchedScheduler::model_added(domain::Model model) {
  stage_.note("model_added", model.id.text(), model.slots);
  account_.model_added(model);
  return decided(scheduler_.model_added(std::move(model), stage_.now()));
}

Actions WatchedScheduler::model_removed(const domain::ModelId& id) {
  stage_.note("model_removed", id.text());
  account_.model_removed(id);
  return decided(scheduler_.model_removed(id, stage_.now()));
}

Actions WatchedScheduler::engine_changed(const std::string& target, std::optional<domain::EngineBundle> bundle) {
  stage_.note("engine_changed", target);
  account_.ticked();
  return decided(scheduler_.engine_changed(target, std::move(bundle), stage_.now()));
}

Actions WatchedScheduler::key_changed(const domain::KeyId& id, const domain::KeyPolicy& policy) {
  stage_.note("key_changed", id.text(), policy.weight, policy.max_concurrent);
  account_.key_changed(id, policy);
  return decided(scheduler_.key_changed(id, policy, stage_.now()));
}

Actions WatchedScheduler::store_changed(bool is_available) {
  stage_.note("store_changed", is_available);
  account_.store_changed(is_available);
  return decided(scheduler_.store_changed(is_available, stage_.now()));
}

Actions WatchedScheduler::request_submitted(domain::Request request) {
  stage_.note("request_submitted", request.id.text(), request.key.text(), request.model.text());
  account_.request_submitted(request);
  return decided(scheduler_.request_submitted(std::move(request), stage_.now()));
}

Actions WatchedScheduler::request_finished(const domain::RequestId& id, std::optional<domain::Usage> usage) {
  stage_.note("request_finished", id.text());
  account_.request_finished(id, usage);
  return decided(scheduler_.request_finished(id, stage_.now(), usage));
}

Actions WatchedScheduler::request_returned(const domain::RequestId& id) {
  stage_.note("request_returned", id.text());
  account_.request_returned(id);
  return decided(scheduler_.request_returned(id, domain::ReturnCause::refused, stage_.now()));
}

Actions WatchedScheduler::request_interrupted(const domain::RequestId& id) {
  constexpr auto allowance = std::chrono::seconds(30);
  stage_.note("request_interrupted", id.text());
  account_.request_returned(id);
  return decided(scheduler_.request_interrupted(id, domain::ReturnCause::refused, allowance, stage_.now()));
}

std::optional<domain::Reject> WatchedScheduler::reserve_jobs(const domain::KeyId& key, const std::string& model,
                                                             std::size_t count) {
  auto refusal = scheduler_.reserve_jobs(key, model, count, stage_.now());
  stage_.note("reserve_jobs", key.text(), count, refusal ? domain::to_string(refusal->code) : "granted");
  account_.reserved(key, count, !refusal);
  return refusal;
}

void WatchedScheduler::give_back_reservation(const domain::KeyId& key, std::size_t count) {
  stage_.note("give_back_reservation", key.text(), count);
  account_.given_back(key, count);
  scheduler_.give_back_reservation(key, count);
}

Actions WatchedScheduler::job_submitted(domain::Job job, bool was_reserved) {
  stage_.note("job_submitted", job.id, job.key.text(), job.model, job.priority);
  account_.job_submitted(job, was_reserved);
  return decided(scheduler_.job_submitted(std::move(job), was_reserved, stage_.now()));
}

Actions WatchedScheduler::job_restored(domain::Job job, unsigned attempts, std::optional<SystemTime> retry_at,
                                       domain::LeaseId lease, const domain::WorkerId& worker) {
  stage_.note("job_restored", job.id, attempts, lease, worker.text());
  account_.job_restored(job, attempts, retry_at, lease, worker);
  return decided(scheduler_.job_restored(std::move(job), attempts, retry_at, lease, worker, stage_.now()));
}

void WatchedScheduler::job_running(domain::JobId id, domain::LeaseId lease) { scheduler_.job_running(id, lease); }

Actions WatchedScheduler::job_ended(domain::JobId id, domain::LeaseId lease, domain::AttemptEnd end) {
  stage_.note("job_ended", id, lease, domain::to_string(end.outcome));
  account_.job_ended(id, lease, end);
  return decided(scheduler_.job_ended(id, lease, std::move(end), stage_.now()));
}

Actions WatchedScheduler::job_cancelled(domain::JobId id, const std::string& reason) {
  stage_.note("job_cancelled", id);
  account_.job_cancelled(id);
  return decided(scheduler_.job_cancelled(id, reason, stage_.now()));
}

Actions WatchedScheduler::job_stored(domain::JobId id) {
  stage_.note("job_stored", id);
  account_.job_stored(id);
  return decided(scheduler_.job_stored(id, stage_.now()));
}

}  // namespace gogrid::simulation
