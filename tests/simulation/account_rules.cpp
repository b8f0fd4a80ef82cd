// Actions, and the rules they are held to.
#include <algorithm>

#include "simulation/account.hpp"

namespace gogrid::simulation {
namespace {

using domain::AttemptOutcome;
using domain::Availability;
using domain::JobState;

using namespace std::chrono_literals;

// A job's time has come only when the scheduler was woken for it.
constexpr Duration wake_up = 50ms;

}  // namespace

bool Account::broken(std::string_view invariant, std::string text) {
  stage_.verdict.broken(invariant, std::move(text));
  return false;
}

void Account::decided(const domain::Actions& actions) {
  // Assignments are in force before what is given out in the same step.
  let_go_.clear();
  for (const auto& action : actions) {
    if (const auto* assign = std::get_if<domain::Assign>(&action)) on(*assign);
  }
  for (const auto& action : actions) {
    // After the first contradiction the account is of no use any more.
    if (stage_.verdict.failure()) return;
    if (std::holds_alternative<domain::Assign>(action)) continue;
    std::visit([this](const auto& one) { on(one); }, action);
  }
  if (event_.to_place) {
    // What its key may not send is no sign of more to come.
    const auto placed = requests_.find(*event_.to_place);
    if (placed != requests_.end()) models_.at(placed->second.request.model).last_request = stage_.now();
  }
  watch_fairness();
}

void Account::on(const domain::Assign& action) {
  const auto found = workers_.find(action.worker);
  if (found == workers_.end()) {
    broken("only connected workers", action.worker.text() + " is given an assignment and is not connected");
    return;
  }
  WorkerAccount& worker = found->second;
  for (const domain::ReplicaKey& key : std::exchange(worker.assigned, {}))
    let_go_.emplace(action.worker, key);
  for (const auto& [model, placement, copy] : action.assignment.replicas) {
    const domain::ReplicaKey key{model.id, copy};
    worker.assigned.insert(key);
    let_go_.erase({action.worker, key});
    auto& held = worker.held[key];
    if (held.dropped > 0) broken("memory is back first", model.id.text() + " has not left " + action.worker.text());
    HeldAccount fresh = hold(model, model.context_tokens, placement);
    held.bytes = fresh.bytes;
    held.devices = std::move(fresh.devices);
  }
  for (auto& [id, held] : worker.held) {
    if (held.dropped > 0 || worker.assigned.contains(id)) continue;
    held.dropped = action.revision;
    const bool is_young = held.ready_since && stage_.now() < *held.ready_since + limits_.min_residency;
    if (is_young && held.is_used && models_.contains(id.model))
      broken("no thrash", id.model.text() + " must leave " + action.worker.text() + ", where it was used and is new");
  }
  check_memory(action.worker, worker);
}

void Account::check_memory(const domain::WorkerId& id, const WorkerAccount& worker) {
  std::uint64_t bytes = 0;
  std::map<std::string, std::uint64_t> device_bytes;
  std::set<std::pair<domain::ModelId, std::string>> places;
  for (const auto& [key, held] : worker.held) {
    bytes += held.bytes;
    for (const auto& share : held.devices) {
      device_bytes[share.device] += share.expected_bytes;
      if (!places.emplace(key.model, share.device).second)
        broken("a GPU each", key.model.text() + " is to be twice on " + share.device + " of " + id.text());
    }
  }
  if (worker.report) {
    for (const auto& device : worker.report->engine.devices) {
      if (device_bytes[device.name] > device.limit_bytes)
        broken("memory", id.text() + " is to have " + std::to_string(device_bytes[device.name]) + " bytes on " +
                             device.name + " and may have " + std::to_string(device.limit_bytes));
    }
  }
  const std::uint64_t budget = domain::memory_budget_bytes(worker.facts);
  if (bytes > budget) {
    broken("memory", id.text() + " is to have " + std::to_string(bytes) + " bytes in memory and may have " +
                         std::to_string(budget));
  }
}

bool Account::may_have(const domain::WorkerId& worker, const domain::ReplicaKey& key, const std::string& what) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return broken("only connected workers", what + " went to " + worker.text());
  auto& entry = found->second;
  if (!entry.report || entry.report->availability != Availability::available) {
    return broken("only available workers", what + " went to " + worker.text() + ", which takes nothing");
  }
  if (entry.assigned.count(key) == 0) {
    return broken("only assigned models",
                  what + " went to " + worker.text() + ", which is not to have " + key.model.text());
  }
  const auto& replicas = entry.report->replicas;
  const auto replica = std::find_if(replicas.begin(), replicas.end(), [&key](const auto& candidate) {
    return candidate.model == key.model && candidate.copy == key.copy;
  });
  if (replica == replicas.end() || replica->progress.phase != domain::Phase::ready) {
    return broken("only ready replicas", what + " went to " + worker.text() + ", where nothing is ready for it");
  }
  if (entry.running[key] >= replica->slots) {
    return broken("slots", what + " went to " + worker.text() + ", which has no free slot");
  }
  return true;
}

bool Account::has_room(const domain::KeyId& key) {
  const auto& entry = keys_[key];
  const auto limit = static_cast<std::size_t>(entry.policy.max_concurrent);
  return limit == 0 || entry.running < limit;
}

bool Account::has_rates(const domain::KeyId& key) {
  const auto& policy = keys_[key].policy;
  return policy.requests_per_minute > 0 || policy.tokens_per_minute > 0;
}

void Account::on(const domain::Dispatch& action) {
  const auto found = requests_.find(action.request);
  if (found == requests_.end() || found->second.place != RequestAccount::Place::waiting) {
    broken("dispatched once", action.request.text() + " was dispatched and does not wait");
    return;
  }
  auto& request = found->second;
  const domain::ReplicaKey replica{action.model, action.copy};
  if (!may_have(action.worker, replica, action.request.text())) return;
  if (!has_room(request.request.key)) {
    broken("concurrency", action.request.text() + " is one too many of " + request.request.key.text());
    return;
  }
  check_job_patience(action);
  waiting_requests_[request.request.model].erase(action.request);
  --waiting_count_;
  ++running_requests_;
  request.place = RequestAccount::Place::running;
  request.worker = action.worker;
  request.replica = replica;
  workers_.at(action.worker).requests.insert(action.request);
  take(action.worker, replica, request.request.key);
}

void Account::on(const domain::Reject& action) {
  const auto found = requests_.find(action.request);
  const bool waits = found != requests_.end() && found->second.place == RequestAccount::Place::waiting;
  if (!waits) {
    broken("answered once", action.request.text() + " was rejected and does not wait");
    return;
  }
  if (action.text.empty()) broken("reasons", action.request.text() + " was rejected without a word");
  waiting_requests_[found->second.request.model].erase(action.request);
  --waiting_count_;
  requests_.erase(found);
}

void Account::on(const domain::Lease& action) {
  const std::string name = action.job.text();
  const auto found = jobs_.find(action.job);
  if (found == jobs_.end() || found->second.place != Place::queued) {
    broken("leased once", name + " was leased and does not wait");
    return;
  }
  auto& job = found->second;
  ledger_.leased(action.job, action.lease);
  if (!may_have(action.worker, {action.model, action.copy}, name)) return;
  const auto model = models_.find(action.model);
  if (model == models_.end() || model->second.model.name != job.job.model) {
    broken("the right model", name + " was leased for another model");
    return;
  }
  if (!has_room(job.job.key)) broken("concurrency", name + " is one too many of " + job.job.key.text());
  if (!store_available_) broken("nothing unstored", name + " was leased while nothing can be stored");
  // What was due stays so when the clock is set back.
  const SystemTime latest = std::max(system_now(), latest_clock_);
  if (job.job.not_before && *job.job.not_before > latest) broken("not before", name + " was leased too early");
  const bool rested =
      !job.retry_at || *job.retry_at <= latest || (job.retry_at_steady && *job.retry_at_steady <= stage_.now());
  if (!rested) broken("retries wait", name + " was leased again too early");
  if (job.failures >= job.job.max_attempts) {
    broken("attempts", name + " was leased after " + std::to_string(job.failures) + " failures");
  }
  if (action.attempt != job.begun + 1) {
    broken("attempts",
           name + " began attempt " + std::to_string(action.attempt) + " after " + std::to_string(job.begun));
  }
  check_order(job);
  check_interactive_first(job, action);
  leave_queue(job);
  job.place = Place::leased;
  job.lease = action.lease;
  job.worker = action.worker;
  workers_.at(action.worker).jobs.insert(action.job);
  job.begun = action.attempt;
  ++running_jobs_;
  model->second.last_lease = stage_.now();
  leased_replicas_[action.lease] = {action.model, action.copy};
  take(action.worker, {action.model, action.copy}, job.job.key);
}

void Account::on(const domain::Resume& action) {
  const auto found = jobs_.find(action.job);
  const auto& kept = event_.to_resume;
  const bool is_kept = found != jobs_.end() && found->second.place == Place::away &&
                       found->second.lease == action.lease && found->second.worker == action.worker &&
                       std::find(kept.begin(), kept.end(), action.job) != kept.end();
  if (!is_kept) {
    broken("only kept work goes on", action.job.text() + " was resumed and nobody has kept it");
    return;
  }
  found->second.place = Place::leased;
  away_[action.worker].erase(action.job);
  workers_.at(action.worker).jobs.insert(action.job);
  ++running_jobs_;
  leased_replicas_[action.lease] = {action.model, action.copy};
  take(action.worker, {action.model, action.copy}, found->second.job.key);
}

void Account::on(const domain::Revoke& action) {
  const auto found = jobs_.find(action.job);
  if (found == jobs_.end() || found->second.lease != action.lease || found->second.worker != action.worker) {
    broken("leases end", action.job.text() + " is to be stopped under a lease it never had");
  }
}

void Account::on(const domain::Settle& action) {
  const auto found = jobs_.find(action.job);
  if (found == jobs_.end() || found->second.place == Place::ending) {
    broken("ends once", action.job.text() + " was settled and is not open");
    return;
  }
  auto& job = found->second;
  const bool was_leased = job.place == Place::leased || job.place == Place::away;
  if (was_leased != (action.lease != 0) || (was_leased && action.lease != job.lease)) {
    broken("leases end", action.job.text() + " was settled with another lease than it has");
    return;
  }
  if (was_leased) check_attempt(job, action);
  if (job.place == Place::away) away_[job.worker].erase(action.job);
  if (job.place == Place::leased) {
    workers_.at(job.worker).jobs.erase(action.job);
    let_go(job.worker, leased_replicas_[job.lease], job.job.key);
    --running_jobs_;
  }
  if (job.place == Place::queued) leave_queue(job);
  leased_replicas_.erase(job.lease);
  if (was_leased && action.end.outcome != AttemptOutcome::refused) ++job.failures;
  // It was not begun.
  if (action.end.outcome == AttemptOutcome::refused) --job.begun;
  if (action.state == JobState::queued) {
    if (!was_leased) broken("ends are decided", action.job.text() + " was settled without an end");
    job.retry_at = action.retry_at;
    job.retry_at_steady.reset();
    if (action.retry_at) job.retry_at_steady = stage_.now() + (*action.retry_at - system_now());
    queue(job);
    return;
  }
  check_end(job, action);
  job.place = Place::ending;
  --keys_[job.job.key].jobs_open;
}

void Account::check_attempt(const JobAccount& job, const domain::Settle& settle) {
  const std::string name = job.job.id.text();
  if (settle.attempt != job.begun) broken("attempts", name + " ended another attempt than it began");
  const bool was_told = event_.ended == job.job.id && event_.lease == job.lease;
  switch (settle.end.outcome) {
    case AttemptOutcome::succeeded:
    case AttemptOutcome::rejected:
    case AttemptOutcome::refused:
      if (!was_told || event_.outcome != settle.end.outcome) {
        broken("stale ends", name + " ended as nobody has said");
      }
      break;
    case AttemptOutcome::worker_lost: {
      const bool came_without = event_.connected == job.worker && !goes_on(job);
      if (job.place == Place::away && !came_without && stage_.now() < job.away_until) {
        broken("returning workers are awaited", name + " was given up while its worker could be back with it");
      }
      if (job.place == Place::leased) broken("stale ends", name + " lost a worker that is there");
      break;
    }
    case AttemptOutcome::failed:
    case AttemptOutcome::cancelled:
      break;
  }
  if (settle.end.outcome != AttemptOutcome::succeeded && settle.end.reason.empty()) {
    broken("reasons", name + " ended an attempt without a reason");
  }
}

bool Account::goes_on(const JobAccount& job) const {
  const auto& kept = event_.to_resume;
  if (std::find(kept.begin(), kept.end(), job.job.id) == kept.end()) return false;
  const auto model = model_named(job.job.model);
  const auto& assigned = workers_.at(job.worker).assigned;
  return model && std::any_of(assigned.begin(), assigned.end(), [&](const auto& key) { return key.model == *model; });
}

void Account::check_end(const JobAccount& job, const domain::Settle& settle) {
  const std::string name = job.job.id.text();
  switch (settle.state) {
    case JobState::succeeded:
      if (settle.lease == 0 || settle.end.outcome != AttemptOutcome::succeeded) {
        broken("ends are decided", name + " succeeded without a result");
      }
      return;
    case JobState::failed:
      if (settle.end.outcome != AttemptOutcome::rejected && job.failures < job.job.max_attempts) {
        broken("attempts", name + " failed after " + std::to_string(job.failures) + " of " +
                               std::to_string(job.job.max_attempts) + " attempts");
      }
      break;
    case JobState::cancelled:
      if (event_.cancelled != job.job.id) broken("ends are decided", name + " was cancelled by nobody");
      break;
    case JobState::expired:
      if (!job.job.deadline || *job.job.deadline > system_now())
        broken("ends are decided", name + " expired too early");
      break;
    default:
      broken("ends are decided", name + " ended as it cannot end");
  }
  if (settle.error_code.empty() || settle.error_message.empty()) broken("reasons", name + " ended without a reason");
}

bool Account::is_ready(const JobAccount& job) const {
  const SystemTime then = system_now() - std::chrono::duration_cast<SystemTime::duration>(wake_up);
  return (!job.job.not_before || *job.job.not_before <= then) && (!job.retry_at || *job.retry_at <= then);
}

void Account::check_order(const JobAccount& job) {
  const auto& queue = queues_[Line(job.job.key, job.job.model)];
  const Rank rank = rank_of(job.job);
  for (auto ahead = queue.begin(); ahead != queue.end() && *ahead < rank; ++ahead) {
    if (!is_ready(jobs_.at(ahead->second))) continue;
    broken("order", job.job.id.text() + " was leased before " + ahead->second.text());
    return;
  }
}

void Account::check_interactive_first(const JobAccount& job, const domain::Lease& lease) {
  const auto& model = models_.at(lease.model);
  // Its patience began with its last lease or later.
  if (!model.last_lease || stage_.now() - *model.last_lease >= limits_.job_patience) return;
  for (const auto& id : waiting_requests_[lease.model]) {
    if (!has_room(requests_.at(id).request.key)) continue;
    broken("interactive first", job.job.id.text() + " was leased while " + id.text() + " waited");
    return;
  }
  if (!model.last_request || stage_.now() - *model.last_request >= limits_.interactive_memory) return;
  std::size_t free = 0;
  // At least: of a worker that is idle nobody here can tell whether it is in quarantine.
  std::size_t all = 0;
  for (auto& [id, worker] : workers_) {
    if (!worker.report) continue;
    for (const auto& replica : worker.report->replicas) {
      const domain::ReplicaKey key{replica.model, replica.copy};
      // What is let go in the same step made room for another model only after the slots were given out.
      if (replica.model != lease.model || (worker.assigned.count(key) == 0 && !let_go_.contains({id, key}))) continue;
      const std::size_t running = worker.running[key];
      const bool is_given = id == lease.worker && replica.copy == lease.copy;
      if (running > 0 || is_given) all += std::max<std::size_t>(running, replica.slots);
      const bool takes = worker.report->availability == Availability::available &&
                         replica.progress.phase == domain::Phase::ready && replica.slots > running;
      if (takes) free += replica.slots - running;
    }
  }
  if (all > 1 && free <= 1) broken("a slot is kept", job.job.id.text() + " took the slot kept for requests");
}

void Account::check_job_patience(const domain::Dispatch& dispatch) {
  const auto& model = models_.at(dispatch.model);
  const SteadyTime since = stage_.now() - limits_.job_patience - wake_up;
  if (!store_available_ || !model.last_lease || *model.last_lease > since) return;
  for (const auto& [line, queue] : queues_) {
    if (line.second != model.model.name || queue.empty() || !has_room(line.first) || has_rates(line.first)) continue;
    const auto& first = jobs_.at(queue.begin()->second);
    if (first.queued_at > since || first.job.not_before || first.retry_at) continue;
    broken("job patience", dispatch.request.text() + " was served though no job was for as long as they are patient");
    return;
  }
}

void Account::compare(const domain::Scheduler& scheduler, bool thoroughly) {
  if (event_.to_place) {
    const auto found = requests_.find(*event_.to_place);
    if (found != requests_.end()) check_explained(scheduler, found->second);
  }
  for (const auto job : {event_.ended, event_.cancelled}) {
    const auto found = jobs_.find(job);
    if (found != jobs_.end()) check_explained(scheduler, found->second);
  }
  if (!thoroughly) return;
  const auto totals = scheduler.totals();
  if (totals.requests_waiting != waiting_count_ || totals.requests_running != running_requests_ ||
      totals.jobs_running != running_jobs_ || totals.slots_busy != running_jobs_ + running_requests_) {
    broken("counts agree",
           "the scheduler counts " + std::to_string(totals.requests_waiting) + " waiting and " +
               std::to_string(totals.requests_running) + " running requests, " + std::to_string(totals.jobs_running) +
               " running jobs, " + std::to_string(totals.slots_busy) + " busy slots; there are " +
               std::to_string(waiting_count_) + ", " + std::to_string(running_requests_) + ", " +
               std::to_string(running_jobs_) + ", " + std::to_string(running_jobs_ + running_requests_));
  }
  for (const auto& [id, request] : requests_)
    check_explained(scheduler, request);
  for (const auto& [line, queue] : queues_) {
    // The first ones stand for all: with thousands waiting, explaining each at every turn would take all the time.
    std::size_t looked_at = 0;
    for (auto rank = queue.begin(); rank != queue.end() && looked_at < 16; ++rank, ++looked_at)
      check_explained(scheduler, jobs_.at(rank->second));
  }
  scheduler.check_invariants();
}

void Account::check_explained(const domain::Scheduler& scheduler, const JobAccount& job) {
  const domain::JobId id = job.job.id;
  const auto state = scheduler.job_state(id);
  const bool holds = scheduler.holds_lease(id, job.lease);
  const bool is_leased = job.place == Place::leased;
  if (holds != is_leased)
    broken("leases end", id.text() + (holds ? " holds a lease that is over" : " has lost its lease"));
  if (state.has_value() == (job.place == Place::ending))
    broken("states agree", id.text() + " is open for one of us only");
  if (job.place == Place::leased || job.place == Place::ending) return;
  if ((state == JobState::queued) != (job.place == Place::queued))
    broken("states agree", id.text() + " waits and has another state");
  const auto explanation = scheduler.explain(id, stage_.now());
  if (!explanation || explanation->text.empty()) broken("reasons", id.text() + " waits without a reason");
}

void Account::check_explained(const domain::Scheduler& scheduler, const RequestAccount& request) {
  if (request.place != RequestAccount::Place::waiting) return;
  const auto explanation = scheduler.explain(request.request.id, stage_.now());
  if (!explanation || explanation->text.empty()) {
    broken("reasons", request.request.id.text() + " waits without a reason");
  }
}

void Account::watch_fairness() {
  for (const auto& [id, model] : models_) {
    // Keys are compared that want the same thing and never wanted anything else.
    std::set<domain::KeyId> keys;
    for (const auto& [key, entry] : keys_) {
      if (entry.has_asked || entry.wishes.size() != 1 || *entry.wishes.begin() != model.model.name) continue;
      if (entry.policy.max_concurrent > 0 || has_rates(key)) continue;
      const auto queue = queues_.find(Line(key, model.model.name));
      if (queue == queues_.end() || queue->second.empty()) continue;
      if (is_ready(jobs_.at(queue->second.begin()->second))) keys.insert(key);
    }
    if (keys.size() < 2) {
      fairness_.want(id, {}, 0);
      continue;
    }
    std::size_t slots = 0;
    // What is away comes back, as what runs on a worker that has not reported yet.
    for (const auto& [worker_id, jobs] : away_)
      slots += jobs.size();
    for (const auto& [worker_id, worker] : workers_) {
      if (!worker.report) {
        slots += worker.jobs.size();
        continue;
      }
      for (const auto& replica : worker.report->replicas)
        slots += replica.model == id ? std::max<std::size_t>(replica.slots, 1) : 0;
    }
    fairness_.want(id, keys, slots);
  }
}

}  // namespace gogrid::simulation
