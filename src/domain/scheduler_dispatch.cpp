// Which piece of work gets which slot.
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "domain/scheduler_state.hpp"

namespace gogrid::domain {
namespace {

// Before anything was measured.
constexpr double usual_cost = 128;
// A replica that is slower than the best one by this factor is used last.
constexpr double straggler_factor = 3;
constexpr double prompt_token_cost = 0.25;

}  // namespace

double cost_of(const Usage& usage) {
  return prompt_token_cost * static_cast<double>(usage.prompt_tokens) + static_cast<double>(usage.completion_tokens);
}

// ---- fair shares ----

double& Scheduler::served(Line& line, const KeyEntry& key) {
  if (line.served.size() <= key.number) line.served.resize(key.number + 1);
  return line.served[key.number];
}

bool Scheduler::within_rates(const KeyEntry& key, SteadyTime now) {
  return key.requests.has(1, now) && key.tokens.has(1, now);
}

void Scheduler::catch_up(const KeyEntry& key, Line& line) {
  // What it did not ask for while others waited is not owed to it, whether something of it runs or not.
  const bool waits =
      line.queues.count(key.number) > 0 || (line.model != nullptr && line.model->waiting_by_key.count(key.number) > 0);
  if (!waits) served(line, key) = std::max(served(line, key), line.virtual_time);
}

double Scheduler::least_served(Line& line, SteadyTime now) const {
  double least = std::numeric_limits<double>::infinity();
  for (const auto& [number, queue] : line.queues) {
    const KeyEntry& key = *keys_by_number_[number];
    if (key.has_room() && within_rates(key, now)) least = std::min(least, served(line, key));
  }
  if (line.model == nullptr) return least;
  for (const auto& [number, requests] : line.model->waiting_by_key) {
    const KeyEntry& key = *keys_by_number_[number];
    if (key.has_room()) least = std::min(least, served(line, key));
  }
  return least;
}

double Scheduler::charge(const KeyEntry& key, Line& line, std::uint32_t prompt_tokens, SteadyTime now) {
  const double guess =
      std::max(line.cost.value.value_or(usual_cost), prompt_token_cost * static_cast<double>(prompt_tokens));
  // A request may have gone before jobs of keys that were given less.
  line.virtual_time = std::max(line.virtual_time, std::min(served(line, key), least_served(line, now)));
  served(line, key) += guess / key.policy.weight;
  return guess;
}

void Scheduler::settle_account(KeyEntry& key, Line* line, double charged, std::uint32_t prompt_tokens,
                               const std::optional<Usage>& usage, SteadyTime now) {
  const double real = usage ? cost_of(*usage) : 0;
  if (line != nullptr) served(*line, key) += (real - charged) / key.policy.weight;
  const double real_tokens =
      usage ? static_cast<double>(usage->prompt_tokens) + static_cast<double>(usage->completion_tokens) : 0;
  key.tokens.take(real_tokens - static_cast<double>(prompt_tokens), now);
}

// ---- slots ----

void Scheduler::take_slot(Replica& replica, KeyEntry& key, Line& line, SteadyTime now) {
  replica.work_given_at = now;
  ++replica.slots_busy;
  replica.used = true;
  ++replica.worker->running;
  ++key.running;
  ++line.running;
}

void Scheduler::free_slot(Replica& replica, KeyEntry& key, Line& line, SteadyTime now) {
  assert(replica.slots_busy > 0 && key.running > 0 && line.running > 0);
  --replica.slots_busy;
  replica.idle_since = now;
  --replica.worker->running;
  --key.running;
  --line.running;
  if (replica.slots_busy == 0) {
    ++room_version_;
    freed_.insert(replica.worker->id);
  }
  if (replica.slots_busy == 0 && replica.model != nullptr && replica.model->model.idle_timeout.count() > 0)
    wake_at(now + replica.model->model.idle_timeout);
  drop_if_gone(replica);
}

void Scheduler::learn(Replica& replica, Line& line, SteadyTime started_at, const Usage& usage, SteadyTime now) {
  const double seconds = std::chrono::duration<double>(now - started_at).count();
  const double cost = cost_of(usage);
  done_.prompt_tokens += usage.prompt_tokens;
  done_.completion_tokens += usage.completion_tokens;
  line.slot_seconds.add(seconds);
  line.cost.add(cost);
  KnownWorker& worker = known_workers_[replica.worker->number];
  worker.health.succeeded();
  if (cost <= 0) return;
  replica.pace.add(seconds / cost);
  worker.pace.add(seconds / cost);
  if (best_pace_ == 0 || *worker.pace.value < best_pace_) best_pace_ = *worker.pace.value;
}

bool Scheduler::can_take_work(const Replica& replica, SteadyTime now) const {
  const Worker& worker = *replica.worker;
  if (!worker.connected || !worker.report || worker.report->availability != Availability::available) return false;
  if (replica.state != Replica::State::assigned || !replica.reported || replica.report.progress.phase != Phase::ready)
    return false;
  if (replica.slots_busy >= replica.report.slots || replica.held_until > now) return false;
  const WorkerHealth& health = known_workers_[worker.number].health;
  return !health.quarantined(now) && (!health.on_probation() || worker.running == 0);
}

Scheduler::Replica* Scheduler::choose_replica(ModelEntry& model, const Wish& wish, SteadyTime now) const {
  double best_pace = 0;
  for (const auto& [id, replica] : model.replicas) {
    if (replica->pace.value && (best_pace == 0 || *replica->pace.value < best_pace)) best_pace = *replica->pace.value;
  }
  // Smaller is better, in this order: nothing speaks against it, it is warm, how full it is, how long it has rested.
  using Rank = std::tuple<int, bool, double, SteadyTime>;
  Replica* best = nullptr;
  Rank best_rank;
  for (const auto& [id, replica] : model.replicas) {
    if (!can_take_work(*replica, now)) continue;
    const Worker& worker = *replica->worker;
    const bool straggler = replica->pace.value && *replica->pace.value > straggler_factor * best_pace;
    const bool unstable = known_workers_[worker.number].health.unstable(now);
    const int against = (straggler ? 1 : 0) + (unstable ? 1 : 0) + (wish.avoid_worker == worker.number ? 2 : 0);
    const Rank rank(against, wish.warm_place != place_of(*replica),
                    static_cast<double>(replica->slots_busy) / replica->report.slots,
                    std::max(replica->idle_since, replica->ready_since));
    if (best != nullptr && rank >= best_rank) continue;
    best = replica;
    best_rank = rank;
  }
  return best;
}

// Each replica has a cache of its own. Two that share a number would only be mistaken for each other.
PrefixCache::Place Scheduler::place_of(const Replica& replica) {
  constexpr PrefixCache::Place copies = 256;
  return replica.worker->number * copies + replica.key.copy % copies;
}

bool Scheduler::slots_reserved(const ModelEntry& model, SteadyTime now) const {
  if (!model.last_request || now >= *model.last_request + limits_.interactive_memory) return false;
  std::size_t free = 0;
  std::size_t all = 0;
  for (const auto& [id, replica] : model.replicas) {
    const bool usable = can_take_work(*replica, now);
    if (!usable && replica->slots_busy == 0) continue;
    all += std::max(replica->report.slots, replica->slots_busy);
    if (usable) free += replica->report.slots - replica->slots_busy;
  }
  return all > 1 && free <= 1;
}

// ---- matching ----

void Scheduler::settle_all(SteadyTime now, Actions& actions) {
  use_freed_room(now);
  for (auto& [id, model] : models_)
    match(*model, now, actions);
  flush_assignments(actions);
}

void Scheduler::settle(ModelEntry& model, SteadyTime now, Actions& actions) {
  use_freed_room(now);
  match(model, now, actions);
  flush_assignments(actions);
}

void Scheduler::settle_after(const KeyEntry& key, ModelEntry* model, SteadyTime now, Actions& actions) {
  // A key at its limit may have work waiting anywhere.
  if (key.policy.max_concurrent > 0) return settle_all(now, actions);
  if (model != nullptr) return settle(*model, now, actions);
  use_freed_room(now);
  flush_assignments(actions);
}

void Scheduler::match(ModelEntry& model, SteadyTime now, Actions& actions) {
  dispatch_waiting(model, now, actions);
  if (!model.waiting.empty() || model.line->ready > 0 || model.model.min_replicas > 0) provide(model, now);
  if (model.waiting.empty()) {
    // Kept up to date for the next request, but only where a replica has failed: this is every request's path.
    if (model.failing_since) prospect(model, outlook_of(model, now), now);
    return;
  }
  // All workers are looked at only where that may change something: this is every waiting request's path.
  if (!model.failing_since && is_served(model, now)) return;
  const Outlook outlook = outlook_of(model, now);
  switch (prospect(model, outlook, now)) {
    case Prospect::hopeful:
      return;
    case Prospect::failing:
      if (now < *model.failing_since + limits_.failing_patience) return;
      return reject_waiting(model, RejectCode::model_not_ready, retry_when_not_ready, describe(outlook), now, actions);
    case Prospect::none:
      return reject_waiting(model, RejectCode::no_worker, retry_without_worker, describe(outlook), now, actions);
  }
}

void Scheduler::dispatch_waiting(ModelEntry& model, SteadyTime now, Actions& actions) {
  Line& line = *model.line;
  while (!model.waiting.empty() || line.ready > 0) {
    RequestEntry* request = next_request(model);
    JobEntry* job = line.ready > 0 && store_available_ ? next_job(line, now) : nullptr;
    const bool job_is_due = job != nullptr && now >= line.unserved_since + limits_.job_patience;
    if (job != nullptr && !job_is_due && (request != nullptr || slots_reserved(model, now))) {
      if (request == nullptr)
        wake_at(std::min(*model.last_request + limits_.interactive_memory, line.unserved_since + limits_.job_patience));
      job = nullptr;
    }
    if (job == nullptr && request == nullptr) return;
    Wish wish;
    if (job != nullptr) wish.avoid_worker = job->avoid;
    if (limits_.prefix_affinity && job == nullptr) wish.warm_place = model.prefixes.find(request->request.prefixes);
    if (limits_.prefix_affinity && job != nullptr && job->prefix != 0)
      wish.warm_place = model.prefixes.find({job->prefix});
    Replica* replica = choose_replica(model, wish, now);
    if (replica == nullptr) return;
    if (job != nullptr) {
      start(*job, *replica, now, actions);
    } else {
      start(*request, *replica, now, actions);
    }
    assert(replica->slots_busy <= replica->report.slots);
    assert(replica->worker->report->availability == Availability::available);
  }
}

Scheduler::RequestEntry* Scheduler::next_request(ModelEntry& model) const {
  RequestEntry* best = nullptr;
  double least = 0;
  for (const auto& [number, requests] : model.waiting_by_key) {
    const KeyEntry& key = *keys_by_number_[number];
    if (!key.has_room()) continue;
    RequestEntry* first = requests.begin()->second;
    const double its = served(*model.line, key);
    if (best != nullptr && (its > least || (its == least && first->sequence > best->sequence))) continue;
    best = first;
    least = its;
  }
  return best;
}

Scheduler::JobEntry* Scheduler::next_job(Line& line, SteadyTime now) {
  JobEntry* best = nullptr;
  double least = 0;
  for (const auto& [number, queue] : line.queues) {
    const KeyEntry& key = *keys_by_number_[number];
    if (!key.has_room()) continue;
    if (!within_rates(key, now)) {
      wake_at(std::max(key.requests.available_at(1, now), key.tokens.available_at(1, now)));
      continue;
    }
    JobEntry* first = *queue.jobs.begin();
    const double its = served(line, key);
    if (best != nullptr && (its > least || (its == least && JobOrder()(best, first)))) continue;
    best = first;
    least = its;
  }
  return best;
}

Scheduler::Prospect Scheduler::prospect(ModelEntry& model, const Outlook& outlook, SteadyTime now) {
  if (outlook.hopeful() || outlook.failing + outlook.quarantined == 0) {
    model.failing_since.reset();
    return outlook.hopeful() ? Prospect::hopeful : Prospect::none;
  }
  if (!model.failing_since) {
    model.failing_since = now;
    wake_at(now + limits_.failing_patience);
  }
  return Prospect::failing;
}

std::optional<std::chrono::seconds> Scheduler::estimate(const Line& line, const Outlook& outlook,
                                                        std::size_t position) const {
  if (outlook.ready == 0) return outlook.ready_in;
  if (!line.slot_seconds.value || outlook.slots == 0) return std::nullopt;
  const double rounds = static_cast<double>(position + 1) / static_cast<double>(outlook.slots);
  return std::chrono::seconds(static_cast<std::int64_t>(std::ceil(rounds * *line.slot_seconds.value)));
}

}  // namespace gogrid::domain
