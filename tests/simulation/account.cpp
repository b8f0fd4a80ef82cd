// Events.
#include "simulation/account.hpp"

#include <algorithm>

namespace gogrid::simulation {

using domain::AttemptOutcome;

void Account::clock_read(SystemTime system) {
  event_ = {};
  latest_clock_ = std::max(latest_clock_, system_now());
  clock_ = system;
  clock_read_at_ = stage_.now();
}

void Account::worker_connected(const domain::WorkerId& id, const domain::WorkerFacts& facts) {
  worker_gone(id, true);
  event_ = {};
  event_.connected = id;
  const auto& kept = facts.leases;
  for (const auto job : away_[id]) {
    if (std::find(kept.begin(), kept.end(), jobs_.at(job).lease) != kept.end()) event_.to_resume.push_back(job);
  }
  workers_[id].facts = facts;
  for (const auto& replica : facts.held) {
    const auto model = models_.find(replica.model);
    if (model == models_.end()) continue;
    workers_[id].held[{replica.model, replica.copy}] =
        hold(model->second.model, replica.context_tokens, replica.placement);
  }
}

Account::HeldAccount Account::hold(const domain::Model& model, std::uint32_t context_tokens,
                                   const std::optional<domain::Placement>& placement) {
  HeldAccount held;
  held.bytes = host_bytes(estimate_memory(model, context_tokens), placement ? placement->device_layers : 0);
  if (placement) held.devices = placement->devices;
  return held;
}

void Account::worker_reported(const domain::WorkerId& id, const domain::WorkerReport& report) {
  event_ = {};
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  found->second.report = report;
  for (auto& [key, held] : found->second.held) {
    const auto replica = std::find_if(report.replicas.begin(), report.replicas.end(), [&its = key](const auto& one) {
      return one.model == its.model && one.copy == its.copy;
    });
    const bool is_ready = replica != report.replicas.end() && replica->progress.phase == domain::Phase::ready;
    if (is_ready && held.ready_since) continue;
    held.ready_since = is_ready ? std::optional(stage_.now()) : std::nullopt;
    held.is_used = false;
  }
  std::erase_if(found->second.held, [&report](const auto& entry) {
    const auto& held = entry.second;
    return held.dropped > 0 && *report.revision >= held.dropped &&
           std::none_of(report.replicas.begin(), report.replicas.end(), [&key = entry.first](const auto& replica) {
             return replica.model == key.model && replica.copy == key.copy;
           });
  });
}

void Account::worker_gone(const domain::WorkerId& id, bool may_return) {
  event_ = {};
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  const bool is_awaited = may_return && found->second.facts.keeps_leases;
  for (const auto job_id : found->second.jobs) {
    auto& job = jobs_.at(job_id);
    let_go(id, leased_replicas_[job.lease], job.job.key);
    --running_jobs_;
    job.place = Place::away;
    job.away_until = is_awaited ? stage_.now() + limits_.reconnect_grace : stage_.now();
    away_[id].insert(job_id);
  }
  for (const auto& request_id : found->second.requests) {
    auto& request = requests_.at(request_id);
    let_go(id, request.replica, request.request.key);
    --running_requests_;
    request.place = RequestAccount::Place::lost;
  }
  workers_.erase(found);
}

void Account::workers_expected(const std::vector<domain::WorkerId>& ids, std::chrono::milliseconds grace) {
  event_ = {};
  for (const auto& id : ids)
    expected_until_[id] = stage_.now() + grace;
}

void Account::model_added(const domain::Model& model) {
  event_ = {};
  models_[model.id].model = model;
  fairness_.interrupted();
}

void Account::model_removed(const domain::ModelId& id) {
  event_ = {};
  models_.erase(id);
  fairness_.interrupted();
}

void Account::key_changed(const domain::KeyId& id, const domain::KeyPolicy& policy) {
  event_ = {};
  keys_[id].policy = policy;
  fairness_.key_changed(id, policy.weight);
}

void Account::store_changed(bool available) {
  event_ = {};
  store_available_ = available;
  fairness_.interrupted();
}

void Account::request_submitted(const domain::Request& request) {
  event_ = {};
  event_.to_place = request.id;
  requests_[request.id].request = request;
  waiting_requests_[request.model].insert(request.id);
  ++waiting_count_;
  keys_[request.key].has_asked = true;
}

void Account::request_finished(const domain::RequestId& id, const std::optional<domain::Usage>& usage) {
  event_ = {};
  const auto found = requests_.find(id);
  if (found == requests_.end()) return;
  const auto& request = found->second;
  if (request.place == RequestAccount::Place::running) {
    workers_.at(request.worker).requests.erase(id);
    let_go(request.worker, request.replica, request.request.key);
    --running_requests_;
  }
  if (request.place == RequestAccount::Place::waiting) {
    waiting_requests_[request.request.model].erase(id);
    --waiting_count_;
  }
  if (usage) fairness_.given(request.request.key, domain::cost_of(*usage));
  requests_.erase(found);
}

void Account::request_returned(const domain::RequestId& id) {
  event_ = {};
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second.place == RequestAccount::Place::waiting) return;
  auto& request = found->second;
  if (request.place == RequestAccount::Place::running) {
    workers_.at(request.worker).requests.erase(id);
    let_go(request.worker, request.replica, request.request.key);
    --running_requests_;
  }
  request.place = RequestAccount::Place::waiting;
  waiting_requests_[request.request.model].insert(id);
  ++waiting_count_;
}

void Account::reserved(const domain::KeyId& key, std::size_t count, bool granted) {
  event_ = {};
  if (!granted) return;
  auto& entry = keys_[key];
  entry.jobs_open += count;
  const auto limit = static_cast<std::size_t>(entry.policy.max_queued);
  if (limit > 0 && entry.jobs_open > limit) {
    broken("queue length", key.text() + " has " + std::to_string(entry.jobs_open) + " jobs");
  }
}

void Account::given_back(const domain::KeyId& key, std::size_t count) {
  event_ = {};
  keys_[key].jobs_open -= count;
}

void Account::job_submitted(const domain::Job& job, bool was_reserved) {
  event_ = {};
  auto& entry = jobs_[job.id];
  entry = JobAccount{};
  entry.job = job;
  if (!was_reserved) ++keys_[job.key].jobs_open;
  queue(entry);
}

void Account::job_restored(const domain::Job& job, unsigned attempts, std::optional<SystemTime> retry_at,
                           domain::LeaseId lease, const domain::WorkerId& worker) {
  event_ = {};
  auto& entry = jobs_[job.id];
  entry.job = job;
  entry.begun = attempts;
  entry.lease = lease;
  entry.worker = worker;
  // What is begun may still end well.
  entry.failures = lease == 0 ? attempts : attempts - 1;
  entry.retry_at = retry_at;
  ++keys_[job.key].jobs_open;
  if (lease == 0) {
    queue(entry);
  } else {
    entry.place = Place::away;
    entry.away_until = expected_until_[worker];
    away_[worker].insert(job.id);
  }
}

void Account::job_ended(domain::JobId id, domain::LeaseId lease, const domain::AttemptEnd& end) {
  event_ = {};
  event_.ended = id;
  event_.lease = lease;
  event_.outcome = end.outcome;
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.lease != lease) return;
  const bool is_answered = end.outcome == AttemptOutcome::succeeded || end.outcome == AttemptOutcome::rejected;
  if (found->second.place == Place::leased && is_answered) {
    fairness_.given(found->second.job.key, domain::cost_of(end.usage));
  }
}

void Account::job_cancelled(domain::JobId id) {
  event_ = {};
  event_.cancelled = id;
}

void Account::job_stored(domain::JobId id) {
  event_ = {};
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  if (found->second.place != Place::ending) broken("ends are decided", id.text() + " is stored as ended and is not");
  jobs_.erase(found);
}

std::string Account::first_open_job() const {
  if (jobs_.empty()) return "";
  const auto first = std::min_element(jobs_.begin(), jobs_.end(),
                                      [](const auto& left, const auto& right) { return left.first < right.first; });
  return first->first.text();
}

void Account::take(const domain::WorkerId& worker, const domain::ReplicaKey& replica, const domain::KeyId& key) {
  ++workers_[worker].running[replica];
  workers_[worker].held[replica].is_used = true;
  ++keys_[key].running;
}

void Account::let_go(const domain::WorkerId& worker, const domain::ReplicaKey& replica, const domain::KeyId& key) {
  --workers_[worker].running[replica];
  --keys_[key].running;
}

Account::Rank Account::rank_of(const domain::Job& job) const {
  const auto made = std::chrono::duration_cast<std::chrono::milliseconds>(job.created_at.time_since_epoch());
  return Rank(made - job.priority * limits_.ageing, job.id);
}

void Account::queue(JobAccount& job) {
  job.place = Place::queued;
  job.queued_at = stage_.now();
  queues_[Line(job.job.key, job.job.model)].insert(rank_of(job.job));
  keys_[job.job.key].wishes.insert(job.job.model);
}

void Account::leave_queue(const JobAccount& job) { queues_[Line(job.job.key, job.job.model)].erase(rank_of(job.job)); }

SystemTime Account::system_now() const {
  return clock_ + std::chrono::duration_cast<SystemTime::duration>(stage_.now() - clock_read_at_);
}

std::optional<domain::ModelId> Account::model_named(const std::string& name) const {
  for (const auto& [id, model] : models_) {
    if (model.model.name == name) return id;
  }
  return std::nullopt;
}

}  // namespace gogrid::simulation
