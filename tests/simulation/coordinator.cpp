// Its life, its clients and its workers.
#include "simulation/coordinator.hpp"

#include <algorithm>

#include "simulation/virtual_worker.hpp"

namespace gogrid::simulation {

using domain::AttemptOutcome;
using domain::JobState;

using namespace std::chrono_literals;

void Coordinator::later(Duration delay, std::function<void()> event) {
  stage_.timeline.after(delay, [this, life = life_, event = std::move(event)] {
    if (life == life_) event();
  });
}

// ---- its life ----

void Coordinator::start() {
  store_.next_epoch([this, life = life_](std::optional<std::int64_t> epoch) {
    if (life != life_) return;
    if (epoch) return come_up(*epoch);
    later(1s, [this] { start(); });
  });
}

void Coordinator::come_up(std::int64_t epoch) {
  stage_.note("coordinator_up", epoch);
  scheduler_ = std::make_unique<WatchedScheduler>(stage_, ledger_, settings_.limits, settings_.compare_every);
  scheduler_->begin_leases(epoch);
  carry_out(scheduler_->clock_read());
  for (const auto& [id, policy] : settings_.keys)
    carry_out(scheduler_->key_changed(id, policy));
  for (const auto& model : settings_.models)
    carry_out(scheduler_->model_added(model));
  carry_out(scheduler_->engine_changed("linux-x86_64", domain::EngineBundle{"engine", "cpu", 1, "linux-x86_64"}));
  const std::vector<domain::WorkerId> expected(seen_workers_.begin(), seen_workers_.end());
  carry_out(scheduler_->workers_expected(expected, 30s));
  ids_.pass(store_.last_id());
  restore();
  network_.set_coordinator_up(true);
  wake();
}

void Coordinator::restore() {
  for (const auto& [id, row] : store_.rows()) {
    const auto& record = row.record;
    if (domain::is_final(record.state)) continue;
    const bool is_leased = record.state == JobState::leased;
    carry_out(scheduler_->job_restored(schedulable(record), record.attempts, record.retry_at,
                                       is_leased ? record.lease : 0, domain::WorkerId(record.worker_id)));
  }
}

void Coordinator::crash() {
  stage_.note("coordinator_crashes");
  ++life_;
  store_.coordinator_crashed();
  network_.set_coordinator_up(false);
  scheduler_.reset();
  sessions_.clear();
  asked_.clear();
  log_.clear();
  in_flight_ = 0;
  store_works_ = true;
  is_probing_ = false;
  cancelling_.clear();
  wake_at_.reset();
}

void Coordinator::wake() {
  if (!scheduler_) return;
  const auto next = scheduler_->next_tick();
  if (!next || *next == SteadyTime::max() || (wake_at_ && *wake_at_ <= *next)) return;
  wake_at_ = *next;
  // A timer is never early and sometimes late.
  const SteadyTime time = std::max(*next, stage_.now()) + stage_.random.between(Duration(0), Duration(2ms));
  stage_.timeline.at(time, [this, life = life_, due = *next] {
    if (life != life_ || wake_at_ != due) return;
    wake_at_.reset();
    carry_out(scheduler_->tick());
    wake();
  });
}

void Coordinator::clock_was_set() {
  if (scheduler_) carry_out(scheduler_->clock_read());
}

void Coordinator::change_key(const domain::KeyId& id, const domain::KeyPolicy& policy) {
  settings_.keys[id] = policy;
  if (scheduler_) carry_out(scheduler_->key_changed(id, policy));
}

void Coordinator::replace_model(std::size_t number, Duration gap) {
  domain::Model old = settings_.models[number];
  domain::Model fresh = old;
  fresh.id = domain::ModelId(old.id.text() + "'");
  settings_.models[number] = fresh;
  if (!scheduler_) return;
  carry_out(scheduler_->model_removed(old.id));
  later(gap, [this, number] { carry_out(scheduler_->model_added(settings_.models[number])); });
}

// ---- clients ----

void Coordinator::submit(Submission submission, Submitted done) {
  if (!scheduler_) return;
  if (scheduler_->reserve_jobs(submission.key, submission.model, 1)) return done({});
  store::JobRecord record;
  record.id = domain::JobId(ids_.next(stage_.system_now()));
  record.key_id = submission.key.text();
  record.model = submission.model;
  record.priority = submission.priority;
  record.max_attempts = submission.max_attempts;
  record.created_at = std::chrono::floor<std::chrono::milliseconds>(stage_.system_now());
  record.not_before = submission.not_before;
  record.deadline = submission.deadline;
  if (!submission.idempotency_key.empty()) record.idempotency_key = submission.idempotency_key;
  record.request_sha256 = std::to_string(submission.work.usage.completion_tokens);
  record.prompt_tokens = submission.work.usage.prompt_tokens;
  store_.add_job(record, submission.work, [this, record, done](std::optional<DurableStore::Added> added) {
    if (!added || !added->is_new) scheduler_->give_back_reservation(domain::KeyId(record.key_id), 1);
    storing(added.has_value());
    if (!added || !added->is_same_request) return done({});
    done(added->id);
    if (added->is_new) carry_out(scheduler_->job_submitted(schedulable(record), true));
  });
}

void Coordinator::cancel(domain::JobId id, std::function<void(bool)> done) {
  if (!scheduler_) return;
  if (!scheduler_->scheduler().job_state(id)) return done(false);
  cancelling_[id].push_back(std::move(done));
  carry_out(scheduler_->job_cancelled(id, "cancelled by who submitted it"));
}

void Coordinator::retry(domain::JobId id, Submitted done) {
  if (!scheduler_) return;
  const auto* row = store_.find(id);
  if (row == nullptr || !domain::is_final(row->record.state)) return done({});
  const domain::KeyId key(row->record.key_id);
  if (scheduler_->reserve_jobs(key, row->record.model, 1)) return done({});
  store_.retry_job(id, [this, key, done](std::optional<store::JobRecord> record) {
    storing(record.has_value());
    if (!record || record->id.empty()) {
      scheduler_->give_back_reservation(key, 1);
      return done({});
    }
    done(record->id);
    carry_out(scheduler_->job_submitted(schedulable(*record), true));
  });
}

void Coordinator::ask(Question question, Answered done) {
  if (!scheduler_) return;
  const auto& models = settings_.models;
  const auto model = std::find_if(models.begin(), models.end(),
                                  [&question](const auto& candidate) { return candidate.name == question.model; });
  if (model == models.end()) return done(false);
  asked_[question.id] = Asked{model->id, question.work, std::move(done), {}, nullptr, false};
  domain::Request request;
  request.id = question.id;
  request.model = model->id;
  request.key = question.key;
  request.deadline = Deadline::at(stage_.now() + question.patience);
  request.prompt_tokens = static_cast<std::uint32_t>(question.work.usage.prompt_tokens);
  request.prefixes = {1 + question.work.usage.prompt_tokens % 50};
  carry_out(scheduler_->request_submitted(std::move(request)));
}

void Coordinator::hang_up(const domain::RequestId& id) {
  const auto found = asked_.find(id);
  if (found == asked_.end()) return;
  const auto session = sessions_.find(found->second.worker);
  if (session != sessions_.end()) {
    network_.to_worker(session->second.connection, [worker = session->second.worker, id] { worker->stop(id); });
  }
  finish(id, false, std::nullopt);
}

void Coordinator::finish(const domain::RequestId& id, bool is_answered, std::optional<domain::Usage> usage) {
  const auto found = asked_.find(id);
  const Answered done = std::move(found->second.done);
  const domain::RequestId finished = id;
  asked_.erase(found);
  done(is_answered);
  carry_out(scheduler_->request_finished(finished, usage));
}

// ---- workers ----

Coordinator::Session* Coordinator::session_of(const ConnectionPtr& connection) {
  for (auto& [id, session] : sessions_) {
    if (session.connection == connection) return &session;
  }
  return nullptr;
}

void Coordinator::worker_connected(const ConnectionPtr& connection, VirtualWorker& worker, domain::WorkerFacts facts) {
  const domain::WorkerId id = worker.id();
  seen_workers_.insert(id);
  if (const auto old = sessions_.find(id); old != sessions_.end()) {
    const ConnectionPtr replaced = old->second.connection;
    sessions_.erase(old);
    network_.close_at_coordinator(replaced);
  }
  sessions_[id] = Session{connection, &worker};
  connection->lost_at_coordinator = [this, life = life_, id, mine = std::weak_ptr<Connection>(connection)](bool left) {
    if (life == life_) connection_lost(id, mine.lock(), left);
  };
  const std::vector<domain::LeaseId> kept = facts.leases;
  auto actions = scheduler_->worker_connected(id, std::move(facts));
  for (const auto lease : kept) {
    const bool goes_on = std::any_of(actions.begin(), actions.end(), [lease](const auto& action) {
      const auto* resume = std::get_if<domain::Resume>(&action);
      return resume != nullptr && resume->lease == lease;
    });
    if (!goes_on) stop_on(id, lease);
  }
  carry_out(std::move(actions));
  requests_lost(id);
}

void Coordinator::worker_reported(const ConnectionPtr& connection, domain::WorkerReport report) {
  const Session* session = session_of(connection);
  if (session != nullptr) carry_out(scheduler_->worker_reported(session->worker->id(), std::move(report)));
}

void Coordinator::connection_lost(const domain::WorkerId& id, const ConnectionPtr& connection, bool has_left) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.connection != connection) return;
  sessions_.erase(found);
  carry_out(scheduler_->worker_gone(id, !has_left));
  requests_lost(id);
}

void Coordinator::requests_lost(const domain::WorkerId& id) {
  std::vector<domain::RequestId> lost;
  for (const auto& [request, asked] : asked_) {
    // What was given to a connection that was made just now is not lost.
    if (asked.worker == id && !asked.connection->is_open_at_coordinator) lost.push_back(request);
  }
  for (const auto& request : lost) {
    auto& asked = asked_.at(request);
    asked.worker = {};
    // Another worker goes on with what has begun.
    if (std::exchange(asked.has_begun, false)) {
      carry_out(scheduler_->request_interrupted(request));
    } else {
      carry_out(scheduler_->request_returned(request));
    }
  }
}

void Coordinator::stop_on(const domain::WorkerId& worker, domain::LeaseId lease) {
  const auto session = sessions_.find(worker);
  if (session == sessions_.end()) return;
  network_.to_worker(session->second.connection, [end = session->second.worker, lease] { end->stop(lease); });
}

void Coordinator::job_begun(domain::JobId job, domain::LeaseId lease) {
  if (scheduler_) scheduler_->job_running(job, lease);
}

void Coordinator::job_ended(domain::JobId job, domain::LeaseId lease, const domain::AttemptEnd& end) {
  carry_out(scheduler_->job_ended(job, lease, end));
}

void Coordinator::request_begun(const ConnectionPtr& connection, const domain::RequestId& id) {
  const auto found = asked_.find(id);
  const Session* session = session_of(connection);
  if (found == asked_.end() || session == nullptr || found->second.worker != session->worker->id()) return;
  found->second.has_begun = true;
}

void Coordinator::request_ended(const ConnectionPtr& connection, const domain::RequestId& id,
                                const domain::AttemptEnd& end) {
  const auto found = asked_.find(id);
  const Session* session = session_of(connection);
  if (found == asked_.end() || session == nullptr || found->second.worker != session->worker->id()) return;
  const bool is_answered = end.outcome == AttemptOutcome::succeeded || end.outcome == AttemptOutcome::rejected;
  if (is_answered || found->second.has_begun) {
    return finish(id, is_answered, is_answered ? std::optional(end.usage) : std::nullopt);
  }
  found->second.worker = {};
  carry_out(scheduler_->request_returned(id));
}

}  // namespace gogrid::simulation
