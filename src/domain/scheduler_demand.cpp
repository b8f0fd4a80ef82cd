// Work that waits for a model: whether it needs a replica, which worker is best for it, and who makes room.
#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "domain/scheduler_state.hpp"

namespace gogrid::domain {
namespace {

// A place is looked for again after that, whatever happened meanwhile.
constexpr std::chrono::seconds longest_search_pause{1};

}  // namespace

// Of the replicas of a model, what can be counted on.
struct Scheduler::Supply {
  // Ready, or likely to be soon.
  std::size_t replicas = 0;
  std::uint32_t free_slots = 0;
  std::uint32_t coming_slots = 0;
};

// Work that waits for a model.
struct Scheduler::Demand {
  SteadyTime since{};
  // No replica is there or on its way.
  bool is_first = false;
  // There are fewer replicas than there should be at least.
  bool is_short = false;
};

// Where a model could go.
struct Scheduler::Option {
  FitResult result;
  bool evicts = false;
  // When somebody there may be made to leave.
  SteadyTime better_at = SteadyTime::max();
};

// Those that cannot serve now, when others were placed instead of them.
void Scheduler::drop_surplus(ModelEntry& model, SteadyTime now) {
  std::vector<Replica*> useless;
  for (const auto& [id, replica] : model.replicas) {
    if (!counts(*replica, now) && replica->slots_busy == 0) useless.push_back(replica);
  }
  for (Replica* replica : useless) {
    if (model.replicas.size() <= model.allowed_replicas()) return;
    remove(*replica);
  }
}

// Ready, or likely to be soon.
bool Scheduler::counts(const Replica& replica, SteadyTime now) const {
  const Worker& worker = *replica.worker;
  if (!worker.connected || !worker.report) return !worker.takes_nothing;
  if (worker.report->availability != Availability::available) return false;
  if (known_workers_[worker.number].health.quarantined(now)) return false;
  const Phase phase = replica.reported ? replica.report.progress.phase : Phase::waiting;
  // It waits for the engine.
  if (phase == Phase::waiting && worker.report->engine.progress.phase == Phase::failed) return false;
  return phase != Phase::failed;
}

Scheduler::Supply Scheduler::supply_of(const ModelEntry& model, SteadyTime now) const {
  Supply supply;
  for (const auto& [id, replica] : model.replicas) {
    if (!counts(*replica, now)) continue;
    ++supply.replicas;
    if (!replica->reported || replica->report.progress.phase != Phase::ready) {
      supply.coming_slots += model.model.slots;
    } else if (can_take_work(*replica, now)) {
      supply.free_slots += replica->report.slots - replica->slots_busy;
    }
  }
  return supply;
}

// A replica is there, or on its way: waiting can help.
bool Scheduler::is_served(const ModelEntry& model, SteadyTime now) const { return supply_of(model, now).replicas > 0; }

// Nothing when the work that waits has, or will have, what it needs.
std::optional<Scheduler::Demand> Scheduler::demand_for(ModelEntry& model, SteadyTime now) {
  Line& line = *model.line;
  const Supply supply = supply_of(model, now);
  Demand demand;
  demand.is_first = supply.replicas == 0;
  const std::size_t waiting = model.waiting.size() + line.ready;
  const bool is_short = demand.is_short = supply.replicas < model.model.min_replicas;
  if (!is_short) model.short_since.reset();
  if (waiting == 0 && !is_short) return std::nullopt;
  if (supply.replicas >= model.allowed_replicas()) return std::nullopt;
  if (is_short && !model.short_since) model.short_since = now;
  demand.since = model.short_since.value_or(now);
  if (!model.waiting.empty()) demand.since = std::min(demand.since, model.waiting.begin()->second->queued_at);
  if (line.ready > 0) demand.since = std::min(demand.since, line.backlog_since);
  if (is_short || demand.is_first) return demand;
  if (waiting <= supply.coming_slots || supply.free_slots > 0) return std::nullopt;
  // Its keys may run no more.
  if (std::isinf(least_served(line, now))) return std::nullopt;
  const SteadyTime patient_until = demand.since + limits_.growth_patience;
  if (now < patient_until) {
    wake_at(patient_until);
    return std::nullopt;
  }
  return demand;
}

void Scheduler::provide(ModelEntry& model, SteadyTime now) {
  while (const auto demand = demand_for(model, now)) {
    // This may be every request's path while all workers are full.
    if (model.searched_version == room_version_ && now < model.search_again_at) return;
    if (!place_best(model, *demand, now)) return;
    drop_surplus(model, now);
  }
}

SteadyTime Scheduler::evictable_at(const Replica& replica, const ModelEntry& wanted, const Demand& demand,
                                   SteadyTime now) const {
  constexpr SteadyTime never = SteadyTime::max();
  if (replica.state != Replica::State::assigned || replica.model == &wanted) return never;
  const ModelEntry& model = *replica.model;
  if (model.replicas.size() <= model.model.min_replicas) return never;
  const bool is_ready = replica.reported && replica.report.progress.phase == Phase::ready;
  const bool is_failed = replica.reported && replica.report.progress.phase == Phase::failed;
  const bool is_wanted = !model.waiting.empty() || model.line->ready > 0;
  if (is_failed) return now;
  // It is being loaded for somebody.
  if (!is_ready) return is_wanted ? never : now;
  SteadyTime at = now;
  if (replica.used) at = std::max(at, replica.ready_since + limits_.min_residency);
  if (replica.slots_busy == 0 && !is_wanted) {
    // For more of the same, only what nobody seems to want.
    if (!demand.is_first && replica.used) at = std::max(at, replica.idle_since + limits_.min_residency);
    return at;
  }
  if (!demand.is_first) return never;
  // Who has waited longer comes first.
  if (!model.waiting.empty() && model.waiting.begin()->second->queued_at < demand.since)
    return now + longest_search_pause;
  // Not in the moment in which it was given work.
  const SteadyTime settled = replica.work_given_at + std::chrono::milliseconds(1);
  return std::max({at, settled, demand.since + limits_.eviction_patience, replica.ready_since + limits_.min_residency});
}

// The best way to have the model there: as things are or, where that is better, once others have left.
Scheduler::Option Scheduler::option_on(const ModelEntry& model, const Worker& worker, const Demand& demand,
                                       SteadyTime now) const {
  Option option;
  if (!worker.connected || !worker.report || worker.report->availability != Availability::available) return option;
  if (!worker.has_engine || !knows_devices(worker)) return option;
  if (!has_labels(worker.facts, model.model) || known_workers_[worker.number].health.quarantined(now)) return option;
  if (is_blocked(model, worker, now)) return option;
  option.result = fit_beside(model, worker, worker.room);
  if (option.result.fit == Fit::one_gpu || worker.replicas.empty()) return option;
  if (option.result.fit <= fit_beside(model, worker, worker.capacity).fit) return option;
  Room room = worker.room;
  for (const Replica* victim : victims_on(worker, model, demand, now, option.better_at))
    give_back(room, *victim);
  const FitResult after = fit_beside(model, worker, room);
  if (after.fit >= option.result.fit) return option;
  option.result = after;
  option.evicts = true;
  return option;
}

bool Scheduler::place_best(ModelEntry& model, const Demand& demand, SteadyTime now) {
  Worker* best = nullptr;
  Score best_score;
  FitResult best_fit;
  SteadyTime earliest = SteadyTime::max();
  for (const auto& [id, worker] : workers_) {
    const Option option = option_on(model, *worker, demand, now);
    earliest = std::min(earliest, option.better_at);
    if (option.result.fit == Fit::none) continue;
    Score score;
    score.fit = option.result.fit;
    score.evicts = option.evicts;
    score.repeats = demand.is_short && !replicas_on(*worker, model.model.id).empty();
    // What follows takes longer to find out.
    if (best != nullptr && std::pair(score.fit, score.evicts) > std::pair(best_score.fit, best_score.evicts)) continue;
    const KnownWorker& known = known_workers_[worker->number];
    const Trial* trial = trial_of(model, *worker);
    score.unstable = known.health.unstable(now);
    score.reduced = trial != nullptr && trial->shortages > 0;
    score.fetches = !known.fetched.contains(model.model.id);
    score.slowness = slowness(*worker);
    score.other_models = static_cast<std::uint32_t>(worker->replicas.size());
    score.left_bytes = option.result.left_bytes;
    if (best != nullptr && score >= best_score) continue;
    best = worker.get();
    best_score = score;
    best_fit = option.result;
  }
  if (best == nullptr) {
    model.searched_version = room_version_;
    model.search_again_at = std::min(earliest, now + longest_search_pause);
    // One alarm a model: each search would set another one.
    if (earliest < SteadyTime::max() && (model.search_alarm <= now || earliest < model.search_alarm)) {
      model.search_alarm = earliest;
      wake_at(earliest);
    }
    return false;
  }
  if (best_score.evicts) {
    evict_for(model, *best, demand, now);
  } else {
    put(model, *best, best->room, best_fit, now);
    put_copies(model, *best, now);
  }
  return true;
}

// Those that were used longest ago go first.
std::vector<Scheduler::Replica*> Scheduler::victims_on(const Worker& worker, const ModelEntry& wanted,
                                                       const Demand& demand, SteadyTime now, SteadyTime& later) const {
  std::vector<Replica*> victims;
  for (const auto& [key, replica] : worker.replicas) {
    const SteadyTime at = evictable_at(*replica, wanted, demand, now);
    if (at > now) {
      later = std::min(later, at);
    } else {
      victims.push_back(replica.get());
    }
  }
  std::sort(victims.begin(), victims.end(), [](const Replica* a, const Replica* b) {
    return std::tuple(a->slots_busy > 0, a->used, a->idle_since, a->model->order, a->key.copy) <
           std::tuple(b->slots_busy > 0, b->used, b->idle_since, b->model->order, b->key.copy);
  });
  std::map<const ModelEntry*, std::size_t> leave;
  std::erase_if(victims, [&leave](const Replica* victim) {
    const ModelEntry& model = *victim->model;
    if (leave[&model] + model.model.min_replicas >= model.replicas.size()) return true;
    ++leave[&model];
    return false;
  });
  return victims;
}

// No more of them than must.
void Scheduler::evict_for(ModelEntry& model, Worker& worker, const Demand& demand, SteadyTime now) {
  SteadyTime later = SteadyTime::max();
  const std::vector<Replica*> victims = victims_on(worker, model, demand, now, later);
  Room room = worker.room;
  const Fit wanted = fit_beside(model, worker, worker.capacity).fit;
  std::vector<Replica*> leaving;
  FitResult result = fit_beside(model, worker, room);
  for (Replica* victim : victims) {
    if (result.fit <= wanted) break;
    leaving.push_back(victim);
    give_back(room, *victim);
    result = fit_beside(model, worker, room);
  }
  // Not those that make no difference, because they lie on another GPU.
  for (std::size_t i = 0; i < leaving.size();) {
    Room without = worker.room;
    for (Replica* victim : leaving) {
      if (victim != leaving[i]) give_back(without, *victim);
    }
    const FitResult as_well = fit_beside(model, worker, without);
    if (as_well.fit > result.fit) {
      ++i;
      continue;
    }
    leaving.erase(leaving.begin() + static_cast<std::ptrdiff_t>(i));
    room = std::move(without);
    result = as_well;
  }
  for (Replica* victim : leaving) {
    remove(*victim);
    ++done_.evictions;
  }
  // Its place is kept until the memory is back.
  put(model, worker, room, result, now).state = Replica::State::planned;
  start_planned(worker, now);
}

void Scheduler::release_idle(ModelEntry& model, SteadyTime now) {
  if (model.model.idle_timeout.count() == 0 || !model.waiting.empty() || model.line->ready > 0) return;
  const auto is_idle = [&](const Replica& replica) {
    if (replica.slots_busy > 0 || !replica.reported || replica.report.progress.phase != Phase::ready) return false;
    return now >= std::max(replica.ready_since, replica.idle_since) + model.model.idle_timeout;
  };
  std::vector<Replica*> idle;
  // One on each GPU of a worker: they come and go together.
  std::map<const Worker*, std::vector<Replica*>> groups;
  for (const auto& [place, replica] : model.replicas) {
    if (is_idle(*replica)) idle.push_back(replica);
    groups[replica->worker].push_back(replica);
  }
  std::sort(idle.begin(), idle.end(), [](const Replica* a, const Replica* b) { return a->idle_since < b->idle_since; });
  for (Replica* replica : idle) {
    const auto its_group = model.model.gpu_policy == GpuPolicy::each ? std::exchange(groups[replica->worker], {})
                                                                     : std::vector<Replica*>{replica};
    const bool are_idle = std::all_of(its_group.begin(), its_group.end(), [&](Replica* one) { return is_idle(*one); });
    if (!are_idle || model.replicas.size() < model.model.min_replicas + its_group.size()) continue;
    for (Replica* one : its_group)
      remove(*one);
  }
}

std::uint32_t Scheduler::slowness(const Worker& worker) const {
  const auto& pace = known_workers_[worker.number].pace.value;
  if (!pace || best_pace_ <= 0 || *pace <= best_pace_) return 0;
  return static_cast<std::uint32_t>(std::min(std::log2(*pace / best_pace_), 30.0));
}

std::optional<std::chrono::seconds> Scheduler::ready_in(const Replica& replica, SteadyTime now) const {
  const Progress& progress = replica.report.progress;
  const auto& load = replica.model->load_seconds.value;
  const double elapsed = std::chrono::duration<double>(now - replica.phase_since).count();
  double seconds = 0;
  if (progress.phase == Phase::fetching) {
    const std::uint64_t done = progress.done_bytes - std::min(progress.done_bytes, replica.phase_began_at_bytes);
    if (done == 0 || elapsed < 0.5) return std::nullopt;
    const std::uint64_t left = progress.total_bytes - std::min(progress.total_bytes, progress.done_bytes);
    seconds = elapsed / static_cast<double>(done) * static_cast<double>(left) + load.value_or(0);
  } else if (load) {
    seconds = progress.phase == Phase::loading ? *load - elapsed : *load;
  } else {
    return std::nullopt;
  }
  return std::chrono::seconds(static_cast<std::int64_t>(std::ceil(std::max(seconds, 1.0))));
}

}  // namespace gogrid::domain
