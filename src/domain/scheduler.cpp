#include "domain/scheduler.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "domain/scheduler_state.hpp"

namespace gogrid::domain {
namespace {

constexpr std::chrono::seconds retry_when_full{5};
constexpr std::chrono::seconds retry_when_not_ready{15};
constexpr std::chrono::seconds retry_without_worker{30};

std::string seconds_text(std::chrono::steady_clock::duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

}  // namespace

std::string_view to_string(RejectCode code) {
  switch (code) {
    case RejectCode::model_not_found:
      return "model_not_found";
    case RejectCode::no_worker:
      return "no_worker";
    case RejectCode::model_not_ready:
      return "model_not_ready";
    case RejectCode::queue_full:
      return "queue_full";
    case RejectCode::worker_lost:
      return "worker_lost";
  }
  return "no_worker";
}

Scheduler::Scheduler(SchedulerLimits limits) : limits_(limits) {}
Scheduler::~Scheduler() = default;

Actions Scheduler::worker_connected(const WorkerId& id, WorkerFacts facts, SteadyTime now) {
  Actions actions;
  forget_worker(id);
  auto& worker = *(workers_[id] = std::make_unique<Worker>());
  worker.id = id;
  worker.facts = std::move(facts);
  worker.facts_known = true;
  plan(worker, true, actions);
  settle_all(now, actions);
  return actions;
}

Actions Scheduler::worker_reported(const WorkerId& id, WorkerReport report, SteadyTime now) {
  Actions actions;
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

Actions Scheduler::worker_gone(const WorkerId& id, bool may_return, SteadyTime now) {
  Actions actions;
  const auto found = workers_.find(id);
  if (found == workers_.end()) return actions;
  Worker& worker = *found->second;
  const bool was_available = !worker.report || worker.report->availability == Availability::available;
  if (!may_return || !was_available || limits_.reconnect_grace.count() == 0) {
    forget_worker(id);
  } else if (worker.connected) {
    lose_requests_of(worker, now);
    worker.connected = false;
    worker.report.reset();
    worker.expected_until = now + limits_.reconnect_grace;
    wake_at(worker.expected_until);
  }
  settle_all(now, actions);
  return actions;
}

Actions Scheduler::workers_expected(const std::vector<WorkerId>& ids, std::chrono::milliseconds grace, SteadyTime now) {
  for (const auto& id : ids) {
    auto& worker = workers_[id];
    if (worker) continue;
    worker = std::make_unique<Worker>();
    worker->id = id;
    worker->connected = false;
    worker->expected_until = now + grace;
    wake_at(worker->expected_until);
  }
  return {};
}

Actions Scheduler::model_added(Model model, SteadyTime now) {
  Actions actions;
  auto& entry = models_[model.id];
  if (!entry) {
    entry = std::make_unique<ModelEntry>();
    model_order_.push_back(&entry->model);
  }
  entry->model = std::move(model);
  plan_all(actions);
  settle_all(now, actions);
  return actions;
}

Actions Scheduler::model_removed(const ModelId& id, SteadyTime now) {
  Actions actions;
  const auto found = models_.find(id);
  if (found == models_.end()) return actions;
  ModelEntry& entry = *found->second;
  reject_waiting(entry, RejectCode::model_not_found, "the model was removed", std::chrono::seconds(0), actions);
  std::erase(model_order_, &entry.model);
  plan_all(actions);
  for (auto& [worker_id, worker] : workers_) {
    const auto replica = worker->replicas.find(id);
    if (replica != worker->replicas.end()) replica->second->model = nullptr;
  }
  for (auto& [request_id, request] : requests_) {
    if (request->model == &entry) request->model = nullptr;
  }
  models_.erase(found);
  settle_all(now, actions);
  return actions;
}

Actions Scheduler::engine_changed(const std::string& target, std::optional<EngineBundle> bundle, SteadyTime now) {
  Actions actions;
  if (bundle) {
    engines_.insert_or_assign(target, *std::move(bundle));
  } else {
    engines_.erase(target);
  }
  plan_all(actions);
  settle_all(now, actions);
  return actions;
}

Actions Scheduler::request_submitted(Request request, SteadyTime now) {
  Actions actions;
  const auto model = models_.find(request.model);
  if (model == models_.end()) {
    actions.push_back(Reject{request.id, RejectCode::model_not_found, "the model is not known", {}});
    return actions;
  }
  auto entry = std::make_unique<RequestEntry>();
  entry->sequence = next_sequence_++;
  entry->model = model->second.get();
  entry->queued_at = now;
  entry->allowance = request.deadline.left(now);
  entry->request = std::move(request);
  const RequestId id = entry->request.id;
  const auto [added, is_new] = requests_.emplace(id, std::move(entry));
  assert(is_new);
  if (!is_new) return actions;
  enqueue(*added->second);
  settle(*model->second, now, actions);
  if (waiting_ > limits_.max_waiting_requests) {
    // It is the last of its queue, so if it still waits it is the one over the limit.
    const auto still = requests_.find(id);
    if (still != requests_.end() && still->second->state == RequestEntry::State::waiting) {
      actions.push_back(Reject{id, RejectCode::queue_full,
                               std::to_string(limits_.max_waiting_requests) + " requests are waiting already",
                               retry_when_full});
      leave_queue(*still->second);
      requests_.erase(still);
    }
  }
  return actions;
}

Actions Scheduler::request_finished(const RequestId& id, SteadyTime now) {
  Actions actions;
  const auto found = requests_.find(id);
  if (found == requests_.end()) return actions;
  RequestEntry& request = *found->second;
  ModelEntry* model = request.model;
  if (request.state == RequestEntry::State::waiting) leave_queue(request);
  if (request.state == RequestEntry::State::running) release_slot(request, now);
  requests_.erase(found);
  if (model != nullptr) settle(*model, now, actions);
  return actions;
}

Actions Scheduler::request_returned(const RequestId& id, SteadyTime now) {
  Actions actions;
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second->state == RequestEntry::State::waiting) return actions;
  RequestEntry& request = *found->second;
  if (request.state == RequestEntry::State::running) {
    request.replica->held_until = now + limits_.replica_hold;
    wake_at(request.replica->held_until);
    release_slot(request, now);
  }
  ModelEntry* model = request.model;
  std::optional<Reject> reject;
  if (model == nullptr) {
    reject = Reject{id, RejectCode::model_not_found, "the model was removed", {}};
  } else if (request.attempts >= limits_.max_attempts) {
    reject = Reject{id, RejectCode::worker_lost,
                    "it was given up after " + std::to_string(request.attempts) +
                        " attempts: the worker was lost or its engine failed each time",
                    retry_when_full};
  }
  if (reject) {
    actions.push_back(*std::move(reject));
    requests_.erase(found);
  } else {
    request.request.deadline =
        Deadline::at(request.allowance < SteadyTime::max() - now ? now + request.allowance : SteadyTime::max());
    request.queued_at = now;
    enqueue(request);
  }
  if (model != nullptr) settle(*model, now, actions);
  return actions;
}

Actions Scheduler::tick(SteadyTime now) {
  Actions actions;
  alarms_.erase(alarms_.begin(), alarms_.upper_bound(now));
  for (auto worker = workers_.begin(); worker != workers_.end();) {
    const auto next = std::next(worker);
    if (!worker->second->connected && worker->second->expected_until <= now) forget_worker(WorkerId(worker->first));
    worker = next;
  }
  settle_all(now, actions);
  while (!deadlines_.empty() && deadlines_.begin()->first.first <= now) {
    RequestEntry& request = *deadlines_.begin()->second;
    actions.push_back(Reject{request.request.id, RejectCode::model_not_ready,
                             "it waited " + seconds_text(now - request.queued_at) + " for a free slot; " +
                                 describe(outlook_of(*request.model)),
                             retry_when_not_ready});
    leave_queue(request);
    requests_.erase(RequestId(request.request.id));
  }
  return actions;
}

std::optional<SteadyTime> Scheduler::next_tick() const {
  std::optional<SteadyTime> time;
  // Without a waiting request there is nothing to decide, but for letting go of a worker that did not come back.
  if (!deadlines_.empty() && deadlines_.begin()->first.first != SteadyTime::max())
    time = deadlines_.begin()->first.first;
  if (!alarms_.empty() && (!time || *alarms_.begin() < *time)) time = *alarms_.begin();
  return time;
}

void Scheduler::wake_at(SteadyTime time) { alarms_.insert(time); }

// ---- workers and their assignments ----

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

void Scheduler::forget_worker(const WorkerId& id) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  Worker& worker = *found->second;
  lose_requests_of(worker, SteadyTime{});
  for (auto& [model, replica] : worker.replicas) {
    if (replica->model != nullptr) replica->model->replicas.erase(id);
  }
  workers_.erase(found);
}

void Scheduler::lose_requests_of(Worker& worker, SteadyTime now) {
  for (auto& [id, request] : requests_) {
    if (request->state != RequestEntry::State::running || request->replica->worker != &worker) continue;
    request->state = RequestEntry::State::lost;
    request->replica = nullptr;
    --running_;
  }
  for (auto replica = worker.replicas.begin(); replica != worker.replicas.end();) {
    const auto next = std::next(replica);
    replica->second->slots_busy = 0;
    replica->second->idle_since = now;
    replica->second->reported = false;
    replica->second->report = {};
    drop_if_unused(*replica->second);
    replica = next;
  }
}

// ---- the queue ----

void Scheduler::enqueue(RequestEntry& request) {
  request.state = RequestEntry::State::waiting;
  request.model->waiting.emplace(request.sequence, &request);
  deadlines_.emplace(std::pair(request.request.deadline.time(), request.sequence), &request);
  ++waiting_;
}

void Scheduler::leave_queue(RequestEntry& request) {
  assert(request.state == RequestEntry::State::waiting);
  request.model->waiting.erase(request.sequence);
  deadlines_.erase(std::pair(request.request.deadline.time(), request.sequence));
  request.state = RequestEntry::State::lost;
  --waiting_;
}

void Scheduler::release_slot(RequestEntry& request, SteadyTime now) {
  Replica& replica = *request.replica;
  assert(replica.slots_busy > 0);
  --replica.slots_busy;
  replica.idle_since = now;
  request.replica = nullptr;
  request.state = RequestEntry::State::lost;
  --running_;
  drop_if_unused(replica);
}

void Scheduler::settle_all(SteadyTime now, Actions& actions) {
  for (auto& [id, model] : models_)
    settle(*model, now, actions);
}

void Scheduler::settle(ModelEntry& model, SteadyTime now, Actions& actions) {
  dispatch_waiting(model, now, actions);
  if (model.waiting.empty()) {
    // Kept up to date for the next request, but only where a replica has failed: this is every request's path.
    if (model.failing_since) prospect(model, outlook_of(model), now);
    return;
  }
  const Outlook outlook = outlook_of(model);
  switch (prospect(model, outlook, now)) {
    case Prospect::hopeful:
      return;
    case Prospect::failing:
      if (now < *model.failing_since + limits_.failing_patience) return;
      return reject_waiting(model, RejectCode::model_not_ready, describe(outlook), retry_when_not_ready, actions);
    case Prospect::none:
      return reject_waiting(model, RejectCode::no_worker, describe(outlook), retry_without_worker, actions);
  }
}

void Scheduler::dispatch_waiting(ModelEntry& model, SteadyTime now, Actions& actions) {
  while (!model.waiting.empty()) {
    Replica* replica = choose_replica(model, now);
    if (replica == nullptr) return;
    RequestEntry& request = *model.waiting.begin()->second;
    leave_queue(request);
    request.state = RequestEntry::State::running;
    request.replica = replica;
    ++request.attempts;
    ++replica->slots_busy;
    ++running_;
    assert(replica->slots_busy <= replica->report.slots);
    assert(replica->worker->report->availability == Availability::available);
    actions.push_back(Dispatch{request.request.id, replica->worker->id, model.model.id});
  }
}

void Scheduler::reject_waiting(ModelEntry& model, RejectCode code, const std::string& text,
                               std::chrono::seconds retry_after, Actions& actions) {
  while (!model.waiting.empty()) {
    RequestEntry& request = *model.waiting.begin()->second;
    actions.push_back(Reject{request.request.id, code, text, retry_after});
    leave_queue(request);
    requests_.erase(RequestId(request.request.id));
  }
}

bool Scheduler::can_take_work(const Replica& replica, SteadyTime now) const {
  const Worker& worker = *replica.worker;
  return worker.connected && worker.report && worker.report->availability == Availability::available &&
         replica.assigned && replica.reported && replica.report.progress.phase == Phase::ready &&
         replica.slots_busy < replica.report.slots && replica.held_until <= now;
}

Scheduler::Replica* Scheduler::choose_replica(ModelEntry& model, SteadyTime now) const {
  Replica* best = nullptr;
  for (auto& [id, replica] : model.replicas) {
    if (!can_take_work(*replica, now)) continue;
    if (best == nullptr) {
      best = replica;
      continue;
    }
    // busy/slots compared without division.
    const std::uint64_t load = std::uint64_t{replica->slots_busy} * best->report.slots;
    const std::uint64_t best_load = std::uint64_t{best->slots_busy} * replica->report.slots;
    if (load < best_load || (load == best_load && replica->idle_since < best->idle_since)) best = replica;
  }
  return best;
}

Scheduler::Prospect Scheduler::prospect(ModelEntry& model, const Outlook& outlook, SteadyTime now) {
  if (outlook.hopeful() || outlook.failing == 0) {
    model.failing_since.reset();
    return outlook.hopeful() ? Prospect::hopeful : Prospect::none;
  }
  if (!model.failing_since) {
    model.failing_since = now;
    wake_at(now + limits_.failing_patience);
  }
  return Prospect::failing;
}

}  // namespace gogrid::domain
