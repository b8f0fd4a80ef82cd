// Workers, models, keys and time.
#include "domain/scheduler.hpp"

#include <algorithm>
#include <cassert>
#include <tuple>
#include <utility>

#include "domain/scheduler_state.hpp"

namespace gogrid::domain {
namespace {

bool has_new_device(const EngineReport& before, const EngineReport& now) {
  if (before.progress.phase != Phase::ready) return false;
  return std::any_of(now.devices.begin(), now.devices.end(), [&before](const EngineDevice& device) {
    return std::none_of(before.devices.begin(), before.devices.end(),
                        [&device](const EngineDevice& known) { return known.name == device.name; });
  });
}

}  // namespace

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
  // A quarantine may be over, somebody have had its time.
  ++room_version_;
  std::vector<WorkerId> gone;
  for (const auto& [id, worker] : workers_) {
    if (!worker->connected && worker->expected_until <= now) gone.push_back(id);
  }
  for (const WorkerId& id : gone)
    forget_worker(id, now, actions);
  end_long_attempts(now, actions);
  expire_jobs(now, actions);
  release_delayed(now);
  for (ModelEntry* model : model_order_)
    release_idle(*model, now);
  if (!trial_ends_.empty() && *trial_ends_.begin() <= now) {
    trial_ends_.erase(trial_ends_.begin(), trial_ends_.upper_bound(now));
    plan_all(now);
  }
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
  if (is_new) known_workers_.emplace_back().id = id;
  return found->second;
}

Actions Scheduler::worker_connected(const WorkerId& id, WorkerFacts facts, SteadyTime now) {
  Actions actions;
  now_ = now;
  std::vector<HeldReplica> before_lost;
  const auto before = workers_.find(id);
  if (before != workers_.end()) {
    Worker& old = *before->second;
    if (old.connected) known_workers_[old.number].health.disconnected(now);
    lose_work_of(old, now);
    for (auto& [key, replica] : old.replicas) {
      if (replica->model != nullptr) replica->model->replicas.erase({id, key.copy});
      // Where it was started anew its files are still there.
      if (replica->state == Replica::State::assigned)
        before_lost.push_back(HeldReplica{key.model, replica->context_tokens,
                                          replica->is_placed ? std::optional(replica->placement) : std::nullopt,
                                          key.copy});
    }
    workers_.erase(before);
  }
  auto& worker = *(workers_[id] = std::make_unique<Worker>());
  worker.id = id;
  worker.number = number_of(id);
  worker.facts = std::move(facts);
  worker.facts_known = true;
  recount(worker);
  adopt(worker, before_lost, now);
  plan(worker, now);
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
  const bool knew_devices = knows_devices(worker);
  const bool has_more_devices = worker.report && has_new_device(worker.report->engine, report.engine);
  worker.report = std::move(report);
  recount(worker);
  take_replicas(worker, availability_changed, now, actions);
  recount(worker);
  start_planned(worker, now);
  if (has_more_devices) reconsider(worker);
  if (has_more_devices || (!knew_devices && knows_devices(worker))) plan(worker, now);
  settle_all(now, actions);
  return actions;
}

// What failed on a worker that has more devices now did so without them, and what lies on its CPU may do so for want of
// them.
void Scheduler::reconsider(Worker& worker) {
  for (ModelEntry* model : model_order_)
    model->trials.erase(worker.number);
  std::vector<Replica*> misplaced;
  for (const auto& [key, replica] : worker.replicas) {
    const bool is_on_cpu = replica->state != Replica::State::leaving && replica->placement.devices.empty();
    if (is_on_cpu && fit_on(*replica->model, worker, worker.capacity).fit < Fit::cpu)
      misplaced.push_back(replica.get());
  }
  for (Replica* replica : misplaced)
    remove(*replica);
}

void Scheduler::take_replicas(Worker& worker, bool availability_changed, SteadyTime now, Actions& actions) {
  const auto& reports = worker.report->replicas;
  const std::uint64_t revision = worker.report->revision.value_or(worker.revision);
  // Those that left while there was no connection still have their memory.
  for (const ReplicaReport& one : reports) {
    const ReplicaKey key{one.model, one.copy};
    if (one.progress.phase != Phase::leaving || worker.replicas.contains(key)) continue;
    if (worker.replicas.size() >= most_replicas) break;
    Replica& replica = *(worker.replicas[key] = std::make_unique<Replica>());
    replica.worker = &worker;
    replica.key = key;
    const auto model = models_.find(one.model);
    if (model != models_.end()) replica.model = model->second.get();
    replica.state = Replica::State::leaving;
    replica.revision = worker.revision;
    replica.reported = true;
  }
  std::vector<Replica*> replicas;
  for (const auto& [key, replica] : worker.replicas)
    replicas.push_back(replica.get());
  for (Replica* replica : replicas) {
    // What was said before it was assigned is of another one.
    if (replica->state == Replica::State::planned || revision < replica->revision) continue;
    const auto match = std::find_if(reports.begin(), reports.end(), [replica](const ReplicaReport& candidate) {
      return candidate.copy == replica->key.copy && candidate.model == replica->key.model;
    });
    const bool is_reported = match != reports.end();
    ReplicaReport fresh = is_reported ? *match : ReplicaReport{};
    if (availability_changed || is_reported != replica->reported || fresh != replica->report) replica->held_until = {};
    const ReplicaReport before = std::exchange(replica->report, std::move(fresh));
    replica->reported = is_reported;
    note_report(worker, *replica, before, now, actions);
  }
  for (auto entry = worker.replicas.begin(); entry != worker.replicas.end();)
    drop_if_gone(*(entry++)->second);
}

Actions Scheduler::worker_hardware(const WorkerId& id, Hardware hardware, SteadyTime now) {
  Actions actions;
  now_ = now;
  const auto found = workers_.find(id);
  if (found == workers_.end() || !found->second->facts_known) return actions;
  found->second->facts.hardware = std::move(hardware);
  plan(*found->second, now);
  settle_all(now, actions);
  return actions;
}

Actions Scheduler::worker_labelled(const WorkerId& id, std::map<std::string, std::string> labels, SteadyTime now) {
  Actions actions;
  now_ = now;
  const auto found = workers_.find(id);
  if (found == workers_.end() || !found->second->facts_known) return actions;
  found->second->facts.labels = std::move(labels);
  plan(*found->second, now);
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
    lose_replicas_of(worker, now);
    // Of its devices nothing is known.
    recount(worker);
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

void Scheduler::forget_worker(const WorkerId& id, SteadyTime now, Actions& actions) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  Worker& worker = *found->second;
  const WorkerNumber number = worker.number;
  lose_work_of(worker, now);
  for (auto& [key, replica] : worker.replicas) {
    if (replica->model != nullptr) replica->model->replicas.erase({id, key.copy});
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
}

void Scheduler::lose_replicas_of(Worker& worker, SteadyTime now) {
  std::vector<Replica*> replicas;
  for (const auto& [id, replica] : worker.replicas)
    replicas.push_back(replica.get());
  for (Replica* replica : replicas) {
    replica->reported = false;
    replica->report = {};
    replica->phase_since = now;
    if (replica->state == Replica::State::planned) {
      remove(*replica);
    } else {
      drop_if_gone(*replica);
    }
  }
}

void Scheduler::resume_orphans(Worker& worker, SteadyTime now, Actions& actions) {
  auto& orphans = known_workers_[worker.number].orphans;
  for (auto orphan = orphans.begin(); orphan != orphans.end();) {
    JobEntry& job = *jobs_.at(*orphan);
    const auto& kept = worker.facts.leases;
    const bool holds = std::find(kept.begin(), kept.end(), job.lease) != kept.end();
    Replica* replica = holds && job.line->model != nullptr ? replica_of(job, worker) : nullptr;
    if (replica == nullptr) {
      ++orphan;
      continue;
    }
    orphan = orphans.erase(orphan);
    job.state = JobEntry::State::leased;
    job.replica = replica;
    take_slot(*job.replica, *job.key, *job.line, now);
    leased_.emplace(job.started_at, job.id);
    actions.push_back(Resume{job.id, job.lease, worker.id, replica->key.model, job.tag, replica->key.copy});
  }
  lose_orphans(worker.number, now, actions);
}

// Where it ran or, where that is not known, where there is most room.
Scheduler::Replica* Scheduler::replica_of(const JobEntry& job, const Worker& worker) {
  const auto rank = [&job](const Replica& replica) {
    return std::tuple(replica.key.copy != job.copy, replica.state == Replica::State::leaving, replica.slots_busy);
  };
  Replica* best = nullptr;
  for (const auto& [key, replica] : replicas_on(worker, job.line->model->model.id)) {
    if (best == nullptr || rank(*replica) < rank(*best)) best = replica.get();
  }
  return best;
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
  // What a worker gives up when it is paused or stops is its owner's wish.
  if (worker.report && worker.report->availability != Availability::available) return;
  WorkerHealth& health = known_workers_[worker.number].health;
  health.failed(work, outcome, now);
  if (health.quarantined(now)) wake_at(health.quarantined_until());
}

// ---- models, engines and keys ----

Actions Scheduler::model_added(Model model, SteadyTime now) {
  Actions actions;
  now_ = now;
  auto& entry = models_[model.id];
  const bool is_new = !entry;
  if (is_new) {
    entry = std::make_unique<ModelEntry>();
    entry->order = ++models_added_;
    entry->added_at = now;
    model_order_.push_back(entry.get());
  }
  const bool is_changed = is_new || entry->model != model;
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
  if (is_changed) model_changed(*entry, now);
  settle_all(now, actions);
  return actions;
}

// What failed with it before may work now; and where it is it may need another place.
void Scheduler::model_changed(ModelEntry& model, SteadyTime now) {
  estimate_need(model);
  model.trials.clear();
  if (model.model.idle_timeout.count() > 0) wake_at(now + model.model.idle_timeout);
  std::vector<Replica*> replicas;
  for (const auto& [id, replica] : model.replicas)
    replicas.push_back(replica);
  for (Replica* replica : replicas) {
    Worker& worker = *replica->worker;
    Room room = worker.room;
    give_back(room, *replica);
    const bool may_stay = knows_devices(worker) && model.replicas.size() <= model.allowed_replicas();
    const FitResult result = may_stay ? fit_beside(model, worker, room, replica) : FitResult{};
    const Placement before = replica->placement;
    if (result.fit != Fit::none) place_in(*replica, room, result);
    // One that moves has what it had until its worker says that it is back.
    if (result.fit == Fit::none || !same_devices(before, replica->placement)) {
      replica->placement = before;
      remove(*replica);
      continue;
    }
    unsent_.insert(worker.id);
    recount(worker);
  }
  plan_all(now);
}

Actions Scheduler::model_removed(const ModelId& id, SteadyTime now) {
  Actions actions;
  now_ = now;
  const auto found = models_.find(id);
  if (found == models_.end()) return actions;
  ModelEntry& entry = *found->second;
  reject_waiting(entry, RejectCode::model_not_found, std::chrono::seconds(0), "the model was removed", now, actions);
  std::erase(model_order_, &entry);
  for (auto& [worker_id, worker] : workers_) {
    std::vector<Replica*> replicas;
    for (const auto& [key, replica] : worker->replicas) {
      if (key.model == id && replica->state != Replica::State::leaving) replicas.push_back(replica.get());
    }
    for (Replica* replica : replicas)
      remove(*replica);
    for (const auto& [key, replica] : worker->replicas) {
      if (key.model == id) replica->model = nullptr;
    }
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
  plan_all(now);
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
  plan_all(now);
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
