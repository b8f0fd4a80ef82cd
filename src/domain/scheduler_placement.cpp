// What each worker has ready: what has room there, and how it comes and goes.
#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "domain/scheduler_state.hpp"

namespace gogrid::domain {
namespace {

// A model whose engine crashed on so many workers is not tried on more of them.
constexpr std::size_t crashed_workers_limit = 2;

std::int64_t as_signed(std::uint64_t bytes) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(bytes, std::numeric_limits<std::int64_t>::max() / 4));
}

// What a replica takes, by measurement where there is one. `sign` -1: it gives it back.
void take(Room& room, const Placement& placement, const ReplicaReport& report, std::int64_t sign = 1) {
  const bool on_devices = !placement.devices.empty();
  std::uint64_t host_bytes = placement.host_bytes;
  for (const MemoryUse& use : report.memory) {
    // On GPUs the weights are mapped only while they are copied there.
    if (use.device.empty()) host_bytes = std::max(host_bytes, on_devices ? use.bytes - use.mapped_bytes : use.bytes);
  }
  room.host_bytes -= sign * as_signed(host_bytes);
  for (Room::Device& device : room.devices) {
    std::uint64_t bytes = 0;
    for (const DeviceShare& share : placement.devices) {
      if (share.device == device.name) bytes = share.expected_bytes;
    }
    for (const MemoryUse& use : report.memory) {
      if (use.device == device.name) bytes = use.bytes;
    }
    device.free_bytes -= sign * as_signed(bytes);
  }
}

}  // namespace

// ---- what there is ----

const EngineBundle* Scheduler::engine_of(const Worker& worker) const {
  const auto found = engines_.find(worker.facts.target);
  return found == engines_.end() ? nullptr : &found->second;
}

bool Scheduler::knows_devices(const Worker& worker) const {
  if (!worker.facts.tells_devices) return true;
  return worker.report && worker.report->engine.progress.phase == Phase::ready;
}

void Scheduler::recount(Worker& worker) {
  Room room;
  room.host_bytes = as_signed(memory_budget_bytes(worker.facts));
  if (worker.report) {
    const EngineBundle* engine = engine_of(worker);
    const std::string prefix = (worker.facts.has_local_engine || engine == nullptr ? "local" : engine->name) + ": ";
    for (const EngineDevice& device : worker.report->engine.devices) {
      const std::uint64_t ours = device.total_bytes - std::min(device.total_bytes, device.foreign_bytes);
      room.devices.push_back(
          {device.name, kind_of(prefix + device.description), as_signed(std::min(ours, device.limit_bytes))});
    }
  }
  worker.capacity = room;
  worker.has_engine = worker.facts.has_local_engine || engine_of(worker) != nullptr;
  for (const auto& [id, replica] : worker.replicas)
    take(room, replica->placement, replica->report);
  worker.room = std::move(room);
  ++room_version_;
}

void Scheduler::give_back(Room& room, const Replica& replica) { take(room, replica.placement, replica.report, -1); }

const Scheduler::Trial* Scheduler::trial_of(const ModelEntry& model, const Worker& worker) const {
  const auto found = model.trials.find(worker.number);
  return found == model.trials.end() ? nullptr : &found->second;
}

const MemoryNeed& Scheduler::need_on(const ModelEntry& model, const Worker& worker) const {
  const Trial* trial = trial_of(model, worker);
  return trial != nullptr && trial->shortages > 0 ? model.reduced_need : model.need;
}

// Of `room`, which was counted from the worker's newest report, what the model may have.
Room Scheduler::allowed_room(const ModelEntry& model, const Worker& worker, Room room) {
  if (model.model.gpus.empty()) return room;
  for (std::size_t i = 0; i < room.devices.size(); ++i) {
    if (!may_use(worker.report->engine.devices.at(i), model.model)) room.devices[i].free_bytes = 0;
  }
  return room;
}

FitResult Scheduler::fit_on(const ModelEntry& model, const Worker& worker, const Room& room) const {
  const Trial* trial = trial_of(model, worker);
  FitRules rules;
  rules.gpu_policy = model.model.gpu_policy;
  if (trial != nullptr && trial->shortages > 0) rules.max_layers = trial->max_layers;
  const MemoryNeed& need = need_on(model, worker);
  if (model.model.gpus.empty()) return fit(need, room, rules);
  const FitResult result = fit(need, allowed_room(model, worker, room), rules);
  return result.fit == Fit::cpu ? FitResult{} : result;
}

FitResult Scheduler::fit_beside(const ModelEntry& model, const Worker& worker, const Room& room,
                                const Replica* self) const {
  std::vector<const Replica*> others;
  for (const auto& [key, replica] : replicas_on(worker, model.model.id)) {
    if (replica.get() != self) others.push_back(replica.get());
  }
  if (others.empty()) return fit_on(model, worker, room);
  if (!worker.facts.runs_copies || model.model.gpu_policy == GpuPolicy::spread) return {};
  Room left = room;
  for (const Replica* other : others) {
    if (other->placement.devices.size() != 1 || other->placement.device_layers < model.need.layers) return {};
    for (Room::Device& device : left.devices) {
      if (device.name == other->placement.devices.front().device) device.free_bytes = 0;
    }
  }
  const FitResult result = fit_on(model, worker, left);
  return result.fit == Fit::one_gpu ? result : FitResult{};
}

// `result` is of the same room.
void Scheduler::place_in(Replica& replica, const Room& room, const FitResult& result) {
  const ModelEntry& model = *replica.model;
  const Worker& worker = *replica.worker;
  const MemoryNeed& need = need_on(model, worker);
  replica.placement = place(need, allowed_room(model, worker, room), result);
  replica.is_placed = !worker.capacity.devices.empty();
  replica.is_reduced = &need != &model.need;
  replica.context_tokens =
      replica.is_reduced ? reduced_context_tokens(model.model.context_tokens) : model.model.context_tokens;
}

Scheduler::Misfit Scheduler::misfit(const ModelEntry& model, const Worker& worker) const {
  if (!has_labels(worker.facts, model.model)) return Misfit::other_labels;
  if (!worker.has_engine) return Misfit::no_engine;
  if (knows_devices(worker) && fit_on(model, worker, worker.capacity).fit == Fit::none) {
    const bool has_gpu =
        model.model.gpus.empty() ||
        (worker.report && std::any_of(worker.report->engine.devices.begin(), worker.report->engine.devices.end(),
                                      [&](const EngineDevice& one) { return may_use(one, model.model); }));
    return has_gpu ? Misfit::too_little_memory : Misfit::other_gpus;
  }
  return Misfit::none;
}

bool Scheduler::is_blocked(const ModelEntry& model, const Worker& worker, SteadyTime now) const {
  const Trial* trial = trial_of(model, worker);
  return (trial != nullptr && now < trial->blocked_until) || is_crashing(model, now);
}

bool Scheduler::is_crashing(const ModelEntry& model, SteadyTime now) const {
  if (model.trials.size() < crashed_workers_limit) return false;
  const auto crashed = std::count_if(model.trials.begin(), model.trials.end(), [now](const auto& trial) {
    return trial.second.crashes > 0 && now < trial.second.blocked_until;
  });
  return static_cast<std::size_t>(crashed) >= crashed_workers_limit &&
         std::none_of(model.replicas.begin(), model.replicas.end(), [](const auto& replica) {
           return replica.second->reported && replica.second->report.progress.phase == Phase::ready;
         });
}

// ---- coming and going ----

Scheduler::Replica& Scheduler::put(ModelEntry& model, Worker& worker, const Room& room, const FitResult& result,
                                   SteadyTime now) {
  ReplicaKey key{model.model.id, 0};
  while (worker.replicas.contains(key))
    ++key.copy;
  auto& replica = worker.replicas[key];
  replica = std::make_unique<Replica>();
  replica->key = key;
  replica->worker = &worker;
  replica->model = &model;
  replica->state = Replica::State::assigned;
  place_in(*replica, room, result);
  replica->phase_since = now;
  model.replicas.emplace(std::pair(worker.id, key.copy), replica.get());
  ++done_.placements;
  unsent_.insert(worker.id);
  recount(worker);
  return *replica;
}

void Scheduler::remove(Replica& replica) {
  Worker& worker = *replica.worker;
  if (replica.model != nullptr) replica.model->replicas.erase({worker.id, replica.key.copy});
  unsent_.insert(worker.id);
  // The worker never heard of it, and will not say that it is gone.
  const bool is_unsent = replica.revision == 0 && !replica.is_adopted && replica.slots_busy == 0;
  if (replica.state == Replica::State::planned || is_unsent) return forget(replica);
  replica.state = Replica::State::leaving;
  replica.revision = 0;
  drop_if_gone(replica);
}

void Scheduler::drop_if_gone(Replica& replica) {
  const Worker& worker = *replica.worker;
  if (replica.state != Replica::State::leaving || replica.slots_busy > 0) return;
  if (worker.connected) {
    // Until the worker has said that it is gone.
    const bool is_carried_out =
        replica.revision > 0 && worker.report && worker.report->revision.value_or(worker.revision) >= replica.revision;
    if (!is_carried_out || replica.reported) return;
  }
  forget(replica);
}

void Scheduler::forget(Replica& replica) {
  Worker& worker = *replica.worker;
  worker.replicas.erase(ReplicaKey(replica.key));
  worker.has_vacancy = true;
  freed_.insert(worker.id);
  recount(worker);
}

void Scheduler::adopt(Worker& worker, const std::vector<HeldReplica>& before, SteadyTime now) {
  for (const HeldReplica& one : std::exchange(worker.facts.held, {})) {
    const bool was_assigned = std::any_of(before.begin(), before.end(), [&one](const HeldReplica& other) {
      return other.model == one.model && other.copy == one.copy;
    });
    adopt(worker, one, true, was_assigned, now);
  }
  for (const HeldReplica& one : before)
    adopt(worker, one, false, true, now);
  recount(worker);
}

// It goes on with what it has, as far as that is wanted.
void Scheduler::adopt(Worker& worker, const HeldReplica& held, bool is_there, bool was_assigned, SteadyTime now) {
  const ReplicaKey key{held.model, held.copy};
  if (worker.replicas.contains(key)) return;
  const auto model = models_.find(held.model);
  if (!is_there && (model == models_.end() || fit_beside(*model->second, worker, worker.room).fit == Fit::none)) return;
  const Placement placement = held.placement.value_or(Placement());
  // Several of a model each have a device of their own.
  const auto others = replicas_on(worker, held.model);
  const bool has_place = std::all_of(others.begin(), others.end(), [&](const auto& entry) {
    const Placement& other = entry.second->placement;
    return worker.facts.runs_copies && other.devices.size() == 1 && placement.devices.size() == 1 &&
           !same_devices(other, placement);
  });
  auto& replica = *(worker.replicas[key] = std::make_unique<Replica>());
  replica.worker = &worker;
  replica.key = key;
  replica.placement = placement;
  replica.is_placed = held.placement.has_value();
  replica.context_tokens = held.context_tokens;
  replica.phase_since = now;
  replica.state = Replica::State::leaving;
  if (model == models_.end()) return;
  ModelEntry& entry = *model->second;
  replica.model = &entry;
  replica.placement.host_bytes = host_bytes(entry.need, placement.device_layers);
  replica.placement.model_layers = entry.need.layers;
  const bool is_enough = entry.replicas.size() >= entry.allowed_replicas();
  const bool is_reduced = held.context_tokens == reduced_context_tokens(entry.model.context_tokens);
  const bool is_same = is_reduced || held.context_tokens == entry.model.context_tokens;
  const bool is_blocked_here = !was_assigned && is_blocked(entry, worker, now);
  if (is_enough || !is_same || !has_place || is_blocked_here || misfit(entry, worker) != Misfit::none) return;
  replica.is_reduced = is_reduced && held.context_tokens < entry.model.context_tokens;
  if (replica.is_reduced) entry.trials[worker.number].shortages = 1;
  replica.state = Replica::State::assigned;
  replica.is_adopted = true;
  replica.used = true;
  entry.replicas.emplace(std::pair(worker.id, key.copy), &replica);
  recount(worker);
}

bool Scheduler::conforms(const Replica& replica) const {
  const Worker& worker = *replica.worker;
  const Model& model = replica.model->model;
  if (!worker.report || !knows_devices(worker)) return true;
  const auto& devices = worker.report->engine.devices;
  if (!has_devices(worker.report->engine, replica.placement)) return false;
  if (!model.gpus.empty() && replica.placement.devices.empty()) return false;
  for (const DeviceShare& share : replica.placement.devices) {
    const auto device =
        std::find_if(devices.begin(), devices.end(), [&share](const auto& one) { return one.name == share.device; });
    if (!may_use(*device, model)) return false;
  }
  // Its settings may have changed while its worker was away.
  if (!replica.is_adopted || model.gpu_policy == GpuPolicy::automatic || replica.placement.devices.empty()) return true;
  const Fit best = fit_on(*replica.model, worker, worker.capacity).fit;
  const bool is_on_one = replica.placement.devices.size() == 1;
  return model.gpu_policy == GpuPolicy::spread ? !is_on_one || best != Fit::several_gpus
                                               : is_on_one || best != Fit::one_gpu;
}

void Scheduler::plan(Worker& worker, SteadyTime now) {
  recount(worker);
  std::vector<Replica*> unwanted;
  for (const auto& [id, replica] : worker.replicas) {
    if (replica->state == Replica::State::leaving) continue;
    if (!conforms(*replica) || misfit(*replica->model, worker) != Misfit::none) unwanted.push_back(replica.get());
  }
  for (Replica* replica : unwanted)
    remove(*replica);
  unsent_.insert(worker.id);
  fill(worker, now);
}

void Scheduler::plan_all(SteadyTime now) {
  for (auto& [id, worker] : workers_) {
    if (worker->facts_known) plan(*worker, now);
  }
}

bool Scheduler::wanted_ahead(const ModelEntry& model, SteadyTime now) const {
  const std::size_t there = model.replicas.size();
  if (model.model.max_replicas > 0 && there >= model.model.max_replicas) return false;
  if (model.model.idle_timeout.count() == 0 || there < model.model.min_replicas) return true;
  const SteadyTime last_use = std::max(model.added_at, model.last_request.value_or(SteadyTime{}));
  return there == 0 && now < last_use + model.model.idle_timeout;
}

// Only in the best way in which the worker could have it: a model that has to lie on the CPU because others have the
// GPU is better loaded when it is needed, in their place.
void Scheduler::fill(Worker& worker, SteadyTime now) {
  if (!worker.connected || !knows_devices(worker)) return;
  for (ModelEntry* model : model_order_) {
    const bool is_new = replicas_on(worker, model->model.id).empty();
    if (is_new && wanted_ahead(*model, now) && misfit(*model, worker) == Misfit::none &&
        !is_blocked(*model, worker, now)) {
      const FitResult result = fit_on(*model, worker, worker.room);
      const bool is_best = result.fit <= fit_on(*model, worker, worker.capacity).fit;
      if (result.fit != Fit::none && is_best) put(*model, worker, worker.room, result, now);
    }
    put_copies(*model, worker, now);
  }
}

// As far as there is room: nobody has to make some.
void Scheduler::put_copies(ModelEntry& model, Worker& worker, SteadyTime now) {
  const auto there = replicas_on(worker, model.model.id);
  const bool stays = std::any_of(there.begin(), there.end(),
                                 [](const auto& entry) { return entry.second->state != Replica::State::leaving; });
  if (model.model.gpu_policy != GpuPolicy::each || !stays) return;
  if (misfit(model, worker) != Misfit::none) return;
  while (model.replicas.size() < model.allowed_replicas() && !is_blocked(model, worker, now)) {
    const FitResult result = fit_beside(model, worker, worker.room);
    if (result.fit != Fit::one_gpu) return;
    put(model, worker, worker.room, result, now);
  }
}

void Scheduler::start_planned(Worker& worker, SteadyTime now) {
  if (!knows_devices(worker)) return;
  std::vector<Replica*> planned;
  for (const auto& [id, replica] : worker.replicas) {
    if (replica->state == Replica::State::planned) planned.push_back(replica.get());
  }
  for (Replica* replica : planned) {
    // What others have reserved does not stand in its way, what they still hold does.
    Room room = worker.capacity;
    bool others_leave = false;
    for (const auto& [id, other] : worker.replicas) {
      if (other->state == Replica::State::planned) continue;
      take(room, other->placement, other->report);
      others_leave = others_leave || other->state == Replica::State::leaving;
    }
    ModelEntry& model = *replica->model;
    const FitResult result = fit_beside(model, worker, room, replica);
    const Fit best = fit_beside(model, worker, worker.capacity, replica).fit;
    if (result.fit == Fit::none || (others_leave && result.fit > best)) {
      // The memory that was awaited is back, and others than we have taken it.
      if (!others_leave) remove(*replica);
      continue;
    }
    place_in(*replica, room, result);
    replica->state = Replica::State::assigned;
    replica->phase_since = now;
    unsent_.insert(worker.id);
    recount(worker);
  }
}

// What waits for the memory comes before what nobody asks for.
void Scheduler::use_freed_room(SteadyTime now) {
  bool has_changed = false;
  for (const WorkerId& id : std::exchange(freed_, {})) {
    const auto found = workers_.find(id);
    if (found == workers_.end() || !found->second->facts_known) continue;
    Worker& worker = *found->second;
    has_changed = true;
    start_planned(worker, now);
    if (std::exchange(worker.has_vacancy, false)) fill(worker, now);
  }
  if (!has_changed) return;
  for (ModelEntry* model : model_order_) {
    if (model->searched_version > 0 && (!model->waiting.empty() || model->line->ready > 0)) provide(*model, now);
  }
}

void Scheduler::flush_assignments(Actions& actions) {
  for (const WorkerId& id : std::exchange(unsent_, {})) {
    const auto found = workers_.find(id);
    if (found == workers_.end() || !found->second->connected) continue;
    Worker& worker = *found->second;
    Assignment assignment;
    if (const EngineBundle* engine = engine_of(worker); engine != nullptr && !worker.facts.has_local_engine)
      assignment.engine = *engine;
    std::vector<Replica*> replicas;
    for (const auto& [key, replica] : worker.replicas) {
      if (replica->state == Replica::State::assigned) replicas.push_back(replica.get());
    }
    std::sort(replicas.begin(), replicas.end(), [](const Replica* a, const Replica* b) {
      return std::pair(a->model->order, a->key.copy) < std::pair(b->model->order, b->key.copy);
    });
    for (const Replica* replica : replicas) {
      AssignedReplica assigned;
      assigned.model = replica->model->model;
      assigned.model.context_tokens = replica->context_tokens;
      assigned.copy = replica->key.copy;
      if (replica->is_placed) assigned.placement = replica->placement;
      assignment.replicas.push_back(std::move(assigned));
    }
    if (worker.revision == 0 || assignment != worker.assignment) {
      ++worker.revision;
      worker.assignment = std::move(assignment);
      actions.push_back(Assign{id, worker.assignment, worker.revision});
    }
    for (const auto& [key, replica] : worker.replicas) {
      if (replica->state != Replica::State::planned && replica->revision == 0) replica->revision = worker.revision;
    }
  }
}

}  // namespace gogrid::domain
