// Workers, models, keys and time.
#include "domain/scheduler.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "domain/scheduler_state.hpp"

namespace gogrid::domain {

Scheduler::Scheduler(SchedulerLimits limits) : limits_(limits) {}
Scheduler::~Scheduler() = default;

// ---- time and storage ----

Actions Scheduler::clock_read(SystemTime system, SteadyTime now) {
  Actions actions;
  clock_offset_ = system.time_since_epoch() - now.time_since_epoch();
  now_ = now;
  release_delayed(now);
  expire_jobs(now, actions);
  settle_all(now, actions);
  return actions;
}

SteadyTime Scheduler::steady_time(SystemTime time) const {
  // The clock may be set meanwhile: it is looked at again.
  constexpr auto longest = std::chrono::seconds(60);
  const SystemTime today = system_time(now_);
  if (time <= today) return now_;
  return now_ + std::min<std::chrono::system_clock::duration>(time - today, longest);
}

Actions Scheduler::tick(SteadyTime now) {
  Actions actions;
  now_ = now;
  alarms_.erase(alarms_.begin(), alarms_.upper_bound(now));
  std::vector<WorkerId> gone;
  for (const auto& [id, worker] : workers_) {
    if (!worker->connected && worker->expected_until <= now) gone.push_back(id);
  }
  for (const WorkerId& id : gone)
    forget_worker(id, now, actions);
  end_long_attempts(now, actions);
  expire_jobs(now, actions);
  release_delayed(now);
  settle_all(now, actions);
  while (!deadlines_.empty() && deadlines_.begin()->first.first <= now) {
    RequestEntry& request = *deadlines_.begin()->second;
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(now - request.queued_at).count();
    const auto explanation = explain(request.request.id, now);
    const bool key_busy = explanation->reason == WaitReason::key_concurrency;
    reject(request, key_busy ? RejectCode::key_busy : RejectCode::model_not_ready,
           "it waited " + std::to_string(waited) + " s for a free slot; " + explanation->text, retry_when_not_ready,
           now, actions);
  }
  return actions;
}

std::optional<SteadyTime> Scheduler::next_tick() const {
  SteadyTime time = SteadyTime::max();
  if (!deadlines_.empty()) time = deadlines_.begin()->first.first;
  if (!alarms_.empty()) time = std::min(time, *alarms_.begin());
  if (!delayed_.empty()) time = std::min(time, steady_time(delayed_.begin()->first));
  if (!job_deadlines_.empty()) time = std::min(time, steady_time(job_deadlines_.begin()->first));
  if (!leased_.empty()) time = std::min(time, leased_.begin()->first + limits_.max_attempt_time);
  if (time == SteadyTime::max()) return std::nullopt;
  return time;
}

void Scheduler::wake_at(SteadyTime time) { alarms_.insert(time); }

Actions Scheduler::store_changed(bool available, SteadyTime now) {
  Actions actions;
  now_ = now;
  store_available_ = available;
  settle_all(now, actions);
  return actions;
}

// ---- workers ----

std::uint32_t Scheduler::number_of(const WorkerId& id) {
  const auto [found, is_new] = worker_numbers_.emplace(id, static_cast<std::uint32_t>(known_workers_.size()));
  if (is_new) known_workers_.push_back(KnownWorker{id, {}, {}});
  return found->second;
}

Actions Scheduler::worker_connected(const WorkerId& id, WorkerFacts facts, SteadyTime now) {
  Actions actions;
  now_ = now;
  const auto before = workers_.find(id);
  if (before != workers_.end()) {
    if (before->second->connected) known_workers_[before->second->number].health.disconnected(now);
    lose_work_of(*before->second, now);
    for (auto& [model, replica] : before->second->replicas) {
      if (replica->model != nullptr) replica->model->replicas.erase(id);
    }
    workers_.erase(before);
  }
  auto& worker = *(workers_[id] = std::make_unique<Worker>());
  worker.id = id;
  worker.number = number_of(id);
  worker.facts = std::move(facts);
  worker.facts_known = true;
  plan(worker, true, actions);
  resume_orphans(worker, now, actions);
  settle_all(now, actions);
  return actions;
}

Actions Scheduler::worker_reported(const WorkerId& id, WorkerReport report, SteadyTime now) {
  Actions actions;
  now_ = now;
  const auto found = workers_.find(id);
  if (found == workers_.end() || !found->second->connected) return actions;
  Worker& worker = *found->second;
  const bool availability_changed = !worker.report || worker.report->availability != report.availability;
  for (auto& [model, replica] : worker.replicas) {
    const auto match = std::find_if(report.replicas.begin(), report.replicas.end(),
                                    [&wanted = model](const auto& candidate) { return candidate.model == wanted; });
    const bool reported = match != report.replicas.end();
    ReplicaReport fresh = reported ? *match : ReplicaReport{};
    if (availability_changed || reported != replica->reported || fresh != replica->report) replica->held_until = {};
    replica->report = std::move(fresh);
    replica->reported = reported;
  }
  worker.report = std::move(report);
  settle_all(now, actions);
  return actions;
}

Actions Scheduler::worker_labelled(const WorkerId& id, std::map<std::string, std::string> labels, SteadyTime now) {
  Actions actions;
  now_ = now;
  const auto found = workers_.find(id);
  if (found == workers_.end() || !found->second->facts_known) return actions;
  found->second->facts.labels = std::move(labels);
  plan(*found->second, false, actions);
  settle_all(now, actions);
  return actions;
}

Actions Scheduler::worker_gone(const WorkerId& id, bool may_return, SteadyTime now) {
  Actions actions;
  now_ = now;
  const auto found = workers_.find(id);
  if (found == workers_.end()) return actions;
  Worker& worker = *found->second;
  const bool was_available = !worker.report || worker.report->availability == Availability::available;
  if (worker.connected && may_return) known_workers_[worker.number].health.disconnected(now);
  // Of one that took nothing new only what it still had is awaited.
  const bool is_awaited = was_available || (worker.facts.keeps_leases && worker.running > 0) ||
                          !known_workers_[worker.number].orphans.empty();
  if (!may_return || !is_awaited || limits_.reconnect_grace.count() == 0) {
    forget_worker(id, now, actions);
  } else if (worker.connected) {
    lose_work_of(worker, now);
    if (!worker.facts.keeps_leases) lose_orphans(worker.number, now, actions);
    worker.connected = false;
    worker.takes_nothing = !was_available;
    worker.report.reset();
    worker.expected_until = now + limits_.reconnect_grace;
    wake_at(worker.expected_until);
  }
  settle_all(now, actions);
  return actions;
}

Actions Scheduler::workers_expected(const std::vector<WorkerId>& ids, std::chrono::milliseconds grace, SteadyTime now) {
  now_ = now;
  for (const auto& id : ids) {
    auto& worker = workers_[id];
    if (worker && worker->connected) continue;
    if (!worker) {
      worker = std::make_unique<Worker>();
      worker->id = id;
      worker->number = number_of(id);
      worker->connected = false;
    }
    worker->expected_until = now + grace;
    wake_at(worker->expected_until);
  }
  return {};
}

void Scheduler::plan(Worker& worker, bool always_assign, Actions& actions) {
  const auto engine = engines_.find(worker.facts.target);
  Placement placement = plan_assignment(worker.facts, model_order_,
                                        engine == engines_.end() ? std::nullopt : std::optional(engine->second));
  for (auto& [id, replica] : worker.replicas) {
    replica->assigned = false;
    if (replica->model != nullptr) replica->model->replicas.erase(worker.id);
  }
  for (const auto& model : placement.assignment.models) {
    auto& replica = worker.replicas[model.id];
    if (!replica) replica = std::make_unique<Replica>();
    ModelEntry& entry = *models_.at(model.id);
    replica->worker = &worker;
    replica->model = &entry;
    replica->assigned = true;
    entry.replicas.emplace(worker.id, replica.get());
  }
  for (auto replica = worker.replicas.begin(); replica != worker.replicas.end();) {
    const auto next = std::next(replica);
    drop_if_unused(*replica->second);
    replica = next;
  }
  const bool changed = placement.assignment != worker.placement.assignment;
  worker.placement = std::move(placement);
  if (worker.connected && (changed || always_assign)) actions.push_back(Assign{worker.id, worker.placement.assignment});
}

void Scheduler::plan_all(Actions& actions) {
  for (auto& [id, worker] : workers_) {
    if (!worker->facts_known) continue;
    plan(*worker, false, actions);
  }
}

void Scheduler::drop_if_unused(Replica& replica) {
  if (replica.assigned || replica.slots_busy > 0) return;
  auto& replicas = replica.worker->replicas;
  const auto found = std::find_if(replicas.begin(), replicas.end(),
                                  [&replica](const auto& entry) { return entry.second.get() == &replica; });
  replicas.erase(found);
}

void Scheduler::forget_worker(const WorkerId& id, SteadyTime now, Actions& actions) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  Worker& worker = *found->second;
  const WorkerNumber number = worker.number;
  lose_work_of(worker, now);
  for (auto& [model, replica] : worker.replicas) {
    if (replica->model != nullptr) replica->model->replicas.erase(id);
  }
  workers_.erase(found);
  lose_orphans(number, now, actions);
}

void Scheduler::lose_work_of(Worker& worker, SteadyTime now) {
  if (worker.running > 0) {
    for (auto& [id, request] : requests_) {
      if (request->state == RequestEntry::State::running && request->replica->worker == &worker)
        release_slot(*request, now);
    }
    std::vector<JobEntry*> jobs;
    for (const auto& [started_at, id] : leased_) {
      JobEntry& job = *jobs_.at(id);
      if (job.replica->worker == &worker) jobs.push_back(&job);
    }
    for (JobEntry* job : jobs) {
      release_slot(*job, now);
      job->state = JobEntry::State::orphaned;
      known_workers_[worker.number].orphans.insert(job->id);
    }
  }
  for (auto replica = worker.replicas.begin(); replica != worker.replicas.end();) {
    const auto next = std::next(replica);
    replica->second->reported = false;
    replica->second->report = {};
    drop_if_unused(*replica->second);
    replica = next;
  }
}

void Scheduler::resume_orphans(Worker& worker, SteadyTime now, Actions& actions) {
  auto& orphans = known_workers_[worker.number].orphans;
  for (auto orphan = orphans.begin(); orphan != orphans.end();) {
    JobEntry& job = *jobs_.at(*orphan);
    const auto& kept = worker.facts.leases;
    const bool holds = std::find(kept.begin(), kept.end(), job.lease) != kept.end();
    const auto replica =
        job.line->model == nullptr ? worker.replicas.end() : worker.replicas.find(job.line->model->model.id);
    if (!holds || replica == worker.replicas.end()) {
      ++orphan;
      continue;
    }
    orphan = orphans.erase(orphan);
    job.state = JobEntry::State::leased;
    job.replica = replica->second.get();
    take_slot(*job.replica, *job.key, *job.line);
    leased_.emplace(job.started_at, job.id);
    actions.push_back(Resume{job.id, job.lease, worker.id, job.line->model->model.id, job.tag});
  }
  lose_orphans(worker.number, now, actions);
}

void Scheduler::lose_orphans(std::uint32_t worker, SteadyTime now, Actions& actions) {
  const auto orphans = std::exchange(known_workers_[worker].orphans, {});
  for (const JobId id : orphans) {
    JobEntry& job = *jobs_.at(id);
    AttemptEnd end;
    end.outcome = AttemptOutcome::worker_lost;
    end.reason = "the connection to the worker was lost";
    finish_attempt(job, std::move(end), now, actions);
  }
}

void Scheduler::note_failure(Worker& worker, std::size_t work, AttemptOutcome outcome, SteadyTime now) {
  WorkerHealth& health = known_workers_[worker.number].health;
  health.failed(work, outcome, now);
  if (health.quarantined(now)) wake_at(health.quarantined_until());
}

// ---- models, engines and keys ----

Actions Scheduler::model_added(Model model, SteadyTime now) {
  Actions actions;
  now_ = now;
  auto& entry = models_[model.id];
  if (!entry) {
    entry = std::make_unique<ModelEntry>();
    model_order_.push_back(&entry->model);
  }
  entry->model = std::move(model);
  Line& line = line_of(entry->model.name);
  if (entry->line != &line) {
    if (entry->line != nullptr) {
      entry->line->model = nullptr;
      drop_if_unused(*entry->line);
    }
    entry->line = &line;
    line.model = entry.get();
  }
  plan_all(actions);
  settle_all(now, actions);
  return actions;
}

Actions Scheduler::model_removed(const ModelId& id, SteadyTime now) {
  Actions actions;
  now_ = now;
  const auto found = models_.find(id);
  if (found == models_.end()) return actions;
  ModelEntry& entry = *found->second;
  reject_waiting(entry, RejectCode::model_not_found, std::chrono::seconds(0), "the model was removed", now, actions);
  std::erase(model_order_, &entry.model);
  plan_all(actions);
  for (auto& [worker_id, worker] : workers_) {
    const auto replica = worker->replicas.find(id);
    if (replica != worker->replicas.end()) replica->second->model = nullptr;
  }
  for (auto& [request_id, request] : requests_) {
    if (request->model != &entry) continue;
    request->model = nullptr;
    if (request->state != RequestEntry::State::running) request->line = nullptr;
  }
  Line& line = *entry.line;
  line.model = nullptr;
  models_.erase(found);
  drop_if_unused(line);
  settle_all(now, actions);
  return actions;
}

Actions Scheduler::engine_changed(const std::string& target, std::optional<EngineBundle> bundle, SteadyTime now) {
  Actions actions;
  now_ = now;
  if (bundle) {
    engines_.insert_or_assign(target, *std::move(bundle));
  } else {
    engines_.erase(target);
  }
  plan_all(actions);
  settle_all(now, actions);
  return actions;
}

Scheduler::KeyEntry& Scheduler::key_entry(const KeyId& id) {
  auto& entry = keys_[id];
  if (!entry) {
    entry = std::make_unique<KeyEntry>();
    entry->id = id;
    entry->number = static_cast<KeyNumber>(keys_by_number_.size());
    keys_by_number_.push_back(entry.get());
  }
  return *entry;
}

Actions Scheduler::key_changed(const KeyId& id, const KeyPolicy& policy, SteadyTime now) {
  Actions actions;
  now_ = now;
  KeyEntry& key = key_entry(id);
  key.policy = policy;
  key.policy.weight = std::clamp(policy.weight, min_key_weight, max_key_weight);
  key.requests.set(policy.requests_per_minute, now);
  key.tokens.set(policy.tokens_per_minute, now);
  // What it was not given because of its old limits is not owed to it.
  for (const auto& [name, line] : lines_)
    served(*line, key) = std::max(served(*line, key), line->virtual_time);
  settle_all(now, actions);
  return actions;
}

}  // namespace gogrid::domain
