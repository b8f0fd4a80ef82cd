#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "domain/scheduler.hpp"
#include "domain/scheduler_state.hpp"

namespace gogrid::domain {
namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "scheduler invariant broken: %s\n", what);
  std::abort();
}

std::string loading_text(const Progress& progress) {
  std::string text(to_string(progress.phase == Phase::ready ? Phase::loading : progress.phase));
  if (progress.total_bytes > 0) text += " (" + std::to_string(progress.percent()) + " %)";
  return text;
}

WaitReason reason_of(const Outlook& outlook) {
  if (outlook.ready > 0) return WaitReason::slots_busy;
  if (outlook.loading + outlook.lost + outlook.vacant > 0) return WaitReason::workers_loading;
  if (outlook.occupied > 0) return WaitReason::memory_occupied;
  if (outlook.failing + outlook.quarantined > 0) return WaitReason::workers_failing;
  if (outlook.paused + outlook.draining + outlook.refusing > 0) return WaitReason::workers_paused;
  return WaitReason::no_worker;
}

std::string concurrency_text(const KeyPolicy& policy) {
  return "its key may run " + std::to_string(policy.max_concurrent) + " at once and does";
}

std::string about(std::chrono::seconds duration) {
  const auto count = duration.count();
  if (count < 120) return ", about " + std::to_string(count) + " s";
  if (count < 120 * 60) return ", about " + std::to_string(count / 60) + " min";
  return ", about " + std::to_string(count / 3600) + " h";
}

Scheduler::RateView view_of_rate(const RateLimit& rate, SteadyTime now) {
  Scheduler::RateView view;
  if (!rate.limited()) return view;
  view.limit = rate.per_minute();
  view.remaining = static_cast<std::int64_t>(std::max(rate.left(now), 0.0));
  view.reset = std::chrono::ceil<std::chrono::milliseconds>(
      rate.available_at(static_cast<double>(rate.per_minute()), now) - now);
  return view;
}

}  // namespace

std::string_view to_string(WaitReason reason) {
  switch (reason) {
    case WaitReason::slots_busy:
      return "slots_busy";
    case WaitReason::slots_reserved:
      return "slots_reserved";
    case WaitReason::workers_loading:
      return "workers_loading";
    case WaitReason::memory_occupied:
      return "memory_occupied";
    case WaitReason::workers_failing:
      return "workers_failing";
    case WaitReason::workers_paused:
      return "workers_paused";
    case WaitReason::no_worker:
      return "no_worker";
    case WaitReason::model_missing:
      return "model_missing";
    case WaitReason::not_before:
      return "not_before";
    case WaitReason::retry:
      return "retry";
    case WaitReason::key_concurrency:
      return "key_concurrency";
    case WaitReason::key_rate:
      return "key_rate";
    case WaitReason::worker_returning:
      return "worker_returning";
    case WaitReason::store_unavailable:
      return "store_unavailable";
  }
  return "slots_busy";
}

std::optional<Explanation> Scheduler::explain(const RequestId& id, SteadyTime now) const {
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second->state != RequestEntry::State::waiting) return std::nullopt;
  const RequestEntry& request = *found->second;
  const Outlook outlook = outlook_of(*request.model, now);
  Explanation explanation;
  explanation.waited = now - request.queued_at;
  explanation.position = static_cast<std::size_t>(
      std::distance(request.model->waiting.begin(), request.model->waiting.find(request.sequence)));
  explanation.reason = request.key->has_room() ? reason_of(outlook) : WaitReason::key_concurrency;
  explanation.text = request.key->has_room() ? describe(outlook) : concurrency_text(request.key->policy);
  explanation.estimate = estimate(*request.line, outlook, explanation.position);
  if (explanation.estimate) explanation.text += about(*explanation.estimate);
  return explanation;
}

std::optional<Explanation> Scheduler::explain(JobId id, SteadyTime now) const {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return std::nullopt;
  const JobEntry& job = *found->second;
  Explanation explanation;
  switch (job.state) {
    case JobEntry::State::leased:
    case JobEntry::State::settling:
      return std::nullopt;
    case JobEntry::State::ready:
      explanation = explain_ready(job, now);
      break;
    case JobEntry::State::orphaned:
      explanation.reason = WaitReason::worker_returning;
      explanation.text = "its worker has lost its connection and may come back with the answer";
      break;
    case JobEntry::State::delayed: {
      const bool retry = job.retry_at > job.not_before;
      const auto left = std::max(job.retry_at, job.not_before) - system_time(now);
      explanation.reason = retry ? WaitReason::retry : WaitReason::not_before;
      explanation.estimate = std::max(std::chrono::ceil<std::chrono::seconds>(left), std::chrono::seconds(0));
      explanation.text = retry ? "attempt " + std::to_string(job.attempts) + " failed; it is tried again"
                               : std::string("its time has not come");
      explanation.text += about(*explanation.estimate);
      break;
    }
  }
  explanation.waited = std::max(system_time(now) - job.created_at, {});
  return explanation;
}

Explanation Scheduler::explain_ready(const JobEntry& job, SteadyTime now) const {
  Explanation explanation;
  explanation.position = position_of(job);
  const KeyEntry& key = *job.key;
  if (job.line->model == nullptr) {
    explanation.reason = WaitReason::model_missing;
    explanation.text =
        "there is no model \"" + job.line->name + "\" any more; it waits until one of that name is added";
    return explanation;
  }
  const Outlook outlook = outlook_of(*job.line->model, now);
  explanation.estimate = estimate(*job.line, outlook, explanation.position);
  if (!store_available_) {
    explanation.reason = WaitReason::store_unavailable;
    explanation.text = "the coordinator cannot store anything now";
    explanation.estimate.reset();
  } else if (!key.has_room()) {
    explanation.reason = WaitReason::key_concurrency;
    explanation.text = concurrency_text(key.policy);
  } else if (!within_rates(key, now)) {
    const SteadyTime again = std::max(key.requests.available_at(1, now), key.tokens.available_at(1, now));
    explanation.reason = WaitReason::key_rate;
    explanation.text = "its key has used up what it may use in a minute";
    explanation.estimate = std::chrono::ceil<std::chrono::seconds>(again - now);
  } else {
    explanation.reason = reason_of(outlook);
    explanation.text = describe(outlook);
    if (explanation.reason == WaitReason::slots_busy && outlook.slots > outlook.slots_busy) {
      explanation.reason = WaitReason::slots_reserved;
      explanation.text += "; what is free is kept for interactive requests";
    }
  }
  if (explanation.estimate) explanation.text += about(*explanation.estimate);
  return explanation;
}

std::size_t Scheduler::position_of(const JobEntry& job) const {
  const auto& mine = job.line->queues.at(job.key->number).jobs;
  const std::size_t own = mine.rank(mine.find(const_cast<JobEntry*>(&job)));
  // Of the others' jobs those that come first while the keys take turns by their weights.
  std::size_t ahead = own + job.line->requests_waiting();
  for (const auto& [number, queue] : job.line->queues) {
    if (number == job.key->number) continue;
    const KeyEntry& other = *keys_by_number_[number];
    const double turns = static_cast<double>(own + 1) * other.policy.weight / job.key->policy.weight;
    ahead += std::min(queue.jobs.size(), static_cast<std::size_t>(turns));
  }
  return ahead;
}

Outlook Scheduler::outlook(const ModelId& id) const {
  const auto found = models_.find(id);
  return found == models_.end() ? Outlook{} : outlook_of(*found->second, now_);
}

Scheduler::RateView Scheduler::request_rate(const KeyId& key, SteadyTime now) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? RateView{} : view_of_rate(found->second->requests, now);
}

Scheduler::RateView Scheduler::token_rate(const KeyId& key, SteadyTime now) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? RateView{} : view_of_rate(found->second->tokens, now);
}

Outlook Scheduler::outlook_of(const ModelEntry& model, SteadyTime now) const {
  Outlook outlook;
  outlook.needed_bytes = model.need.cpu_bytes();
  unsigned furthest = 0;
  const auto loading = [&](std::string text, unsigned rank) {
    ++outlook.loading;
    if (rank >= furthest) {
      furthest = rank;
      outlook.loading_detail = std::move(text);
    }
  };
  for (const auto& [id, worker] : workers_) {
    if (worker->connected) ++outlook.workers_connected;
    const Misfit why = worker->facts_known ? misfit(model, *worker) : Misfit::none;
    if (why != Misfit::none) {
      if (worker->connected) add_misfit(outlook, why, *worker);
      continue;
    }
    if (!worker->connected) {
      ++(worker->takes_nothing ? outlook.paused : outlook.lost);
      continue;
    }
    if (!worker->report) {
      loading("connecting", 0);
      continue;
    }
    switch (worker->report->availability) {
      case Availability::paused:
        ++outlook.paused;
        continue;
      case Availability::draining:
        ++outlook.draining;
        continue;
      case Availability::refusing:
        ++outlook.refusing;
        outlook.refusing_detail = worker->report->reason;
        continue;
      case Availability::available:
        break;
    }
    const WorkerHealth& health = known_workers_[worker->number].health;
    // It counts once, as its best replica.
    const Replica* shown = nullptr;
    const auto further = [](const Replica& replica) {
      const Phase phase = replica.report.progress.phase;
      if (replica.state == Replica::State::leaving) return 0;
      if (replica.reported && phase == Phase::failed) return 1;
      if (replica.state == Replica::State::planned) return 2;
      return replica.reported && phase == Phase::ready ? 4 : 3;
    };
    for (const auto& [key, replica] : replicas_on(*worker, model.model.id)) {
      if (shown == nullptr || further(*replica) > further(*shown)) shown = replica.get();
      if (further(*replica) < 4 || health.quarantined(now)) continue;
      outlook.slots += replica->report.slots;
      outlook.slots_busy += replica->slots_busy;
    }
    if (shown == nullptr) {
      add_absent(outlook, model, *worker, now);
      continue;
    }
    const Replica& replica = *shown;
    if (replica.state == Replica::State::planned) {
      loading("waiting until other models have left", 0);
      continue;
    }
    if (replica.state == Replica::State::leaving) {
      ++outlook.occupied;
      continue;
    }
    if (!replica.reported) {
      loading("preparing", 0);
      continue;
    }
    const Progress& progress = replica.report.progress;
    const Progress& engine = worker->report->engine.progress;
    if (health.quarantined(now)) {
      ++outlook.quarantined;
      outlook.quarantine_detail = health.describe(now);
    } else if (progress.phase == Phase::ready && replica.report.slots > 0) {
      ++outlook.ready;
    } else if (progress.phase == Phase::failed || (progress.phase == Phase::waiting && engine.phase == Phase::failed)) {
      ++outlook.failing;
      outlook.failing_detail = progress.phase == Phase::failed ? progress.detail : engine.detail;
    } else if (progress.phase == Phase::waiting && engine.phase != Phase::ready && engine.phase != Phase::waiting) {
      loading(loading_text(engine) + " the engine", 1 + engine.percent());
    } else {
      loading(loading_text(progress), (progress.phase == Phase::loading ? 300 : 150) + progress.percent());
      const auto left = ready_in(replica, now);
      if (left && (!outlook.ready_in || *left < *outlook.ready_in)) outlook.ready_in = left;
    }
  }
  return outlook;
}

void Scheduler::add_misfit(Outlook& outlook, Misfit why, const Worker& worker) {
  switch (why) {
    case Misfit::none:
      return;
    case Misfit::other_labels:
      ++outlook.without_labels;
      return;
    case Misfit::other_gpus:
      ++outlook.without_gpus;
      return;
    case Misfit::no_engine:
      ++outlook.without_engine;
      outlook.target_without_engine = worker.facts.target;
      return;
    case Misfit::too_little_memory:
      break;
  }
  ++outlook.without_memory;
  std::int64_t most = worker.capacity.host_bytes;
  for (const Room::Device& device : worker.capacity.devices)
    most = std::max(most, device.free_bytes);
  if (most < 0 || static_cast<std::uint64_t>(most) < outlook.most_bytes) return;
  outlook.most_bytes = static_cast<std::uint64_t>(most);
  outlook.most_bytes_on = worker.facts.host_name.empty() ? worker.id.text() : worker.facts.host_name;
}

// A worker that could have the model and has not.
void Scheduler::add_absent(Outlook& outlook, const ModelEntry& model, const Worker& worker, SteadyTime now) const {
  const Progress& engine = worker.report->engine.progress;
  const Trial* trial = trial_of(model, worker);
  if (!knows_devices(worker)) {
    if (engine.phase == Phase::failed) {
      ++outlook.failing;
      outlook.failing_detail = engine.detail;
    } else {
      ++outlook.loading;
      if (outlook.loading_detail.empty()) outlook.loading_detail = loading_text(engine) + " the engine";
    }
  } else if (trial != nullptr && now < trial->blocked_until) {
    ++outlook.failing;
    outlook.failing_detail = trial->reason;
  } else if (is_crashing(model, now)) {
    ++outlook.failing;
    if (outlook.failing_detail.empty()) outlook.failing_detail = "its engine crashed on other workers";
  } else if (model.replicas.size() < model.allowed_replicas()) {
    ++(fit_on(model, worker, worker.room).fit == Fit::none ? outlook.occupied : outlook.vacant);
  }
}

// " of a and b", which leave.
std::string Scheduler::leaving_text(const Worker& worker) const {
  std::string text;
  for (const auto& [key, replica] : worker.replicas) {
    if (replica->state != Replica::State::leaving) continue;
    text +=
        (text.empty() ? " of " : ", ") + (replica->model == nullptr ? key.model.text() : replica->model->model.name);
  }
  return text;
}

Scheduler::WorkerView Scheduler::view_of(const Worker& worker, SteadyTime now) const {
  WorkerView view;
  view.quarantine = known_workers_[worker.number].health.describe(now);
  view.id = worker.id;
  view.facts = &worker.facts;
  view.report = worker.report ? &*worker.report : nullptr;
  for (const auto& [key, replica] : worker.replicas) {
    const std::string name = replica->model == nullptr ? key.model.text() : replica->model->model.name;
    view.replicas.push_back(ReplicaView{key.model, name, replica->report, replica->slots_busy, replica->placement,
                                        replica->context_tokens, key.copy});
    ReplicaReport& report = view.replicas.back().report;
    report.model = key.model;
    if (replica->state == Replica::State::leaving) report.progress.phase = Phase::leaving;
    if (replica->state == Replica::State::planned) report.progress.detail = "waiting for memory" + leaving_text(worker);
  }
  return view;
}

std::optional<Scheduler::WorkerView> Scheduler::worker(const WorkerId& id) const {
  const auto found = workers_.find(id);
  if (found == workers_.end() || !found->second->connected) return std::nullopt;
  return view_of(*found->second, now_);
}

std::vector<Scheduler::WorkerView> Scheduler::workers() const {
  std::vector<WorkerView> views;
  for (const auto& [id, worker] : workers_) {
    if (worker->connected) views.push_back(view_of(*worker, now_));
  }
  return views;
}

Scheduler::Totals Scheduler::totals() const {
  Totals totals = done_;
  totals.requests_waiting = waiting_;
  totals.requests_running = running_;
  totals.jobs_running = leased_.size();
  for (const auto& [name, line] : lines_)
    totals.jobs_waiting += line->open;
  totals.jobs_settling = jobs_.size() - totals.jobs_waiting;
  totals.jobs_waiting -= totals.jobs_running;
  for (const auto phase : all_phases)
    totals.replicas[phase] = 0;
  for (const auto& [id, worker] : workers_) {
    if (!worker->connected) continue;
    ++totals.workers_connected;
    if (known_workers_[worker->number].health.quarantined(now_)) ++totals.workers_quarantined;
    const bool available = worker->report && worker->report->availability == Availability::available;
    for (const auto& [key, replica] : worker->replicas) {
      totals.slots_busy += replica->slots_busy;
      if (replica->state != Replica::State::assigned) continue;
      const Phase phase = replica->reported ? replica->report.progress.phase : Phase::waiting;
      ++totals.replicas[phase];
      if (available && phase == Phase::ready && replica->report.slots > replica->slots_busy) {
        totals.slots_free += replica->report.slots - replica->slots_busy;
      }
    }
  }
  return totals;
}

std::vector<Scheduler::LineView> Scheduler::lines(SteadyTime now) const {
  std::vector<LineView> views;
  for (const auto& [name, line] : lines_) {
    LineView view;
    view.model = name;
    view.jobs_waiting = line->ready;
    view.running = line->running;
    if (line->model != nullptr) {
      view.requests_waiting = line->model->waiting.size();
      view.outlook = outlook_of(*line->model, now);
      view.estimate = estimate(*line, view.outlook, view.requests_waiting + line->ready);
    }
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<Scheduler::KeyView> Scheduler::keys() const {
  std::vector<KeyView> views;
  for (const KeyEntry* key : keys_by_number_) {
    if (key->requests_waiting + key->jobs_open + key->running == 0) continue;
    views.push_back(KeyView{key->id, key->requests_waiting, key->jobs_open, key->running});
  }
  return views;
}

void Scheduler::check_jobs(std::map<const Replica*, std::uint32_t>& busy) const {
  std::map<const Line*, std::size_t> open;
  std::map<const Line*, std::size_t> ready;
  std::size_t delayed = 0;
  std::size_t leased = 0;
  std::size_t deadlines = 0;
  for (const auto& [id, job] : jobs_) {
    if (job->state == JobEntry::State::settling) {
      require(job->line == nullptr && job->replica == nullptr, "an ended job holds nothing");
      continue;
    }
    ++open[job->line];
    deadlines += job->deadline == SystemTime::max() ? 0 : 1;
    require(
        job->failures < job->max_attempts || job->state == JobEntry::State::orphaned || job->failures <= job->attempts,
        "attempts are counted");
    switch (job->state) {
      case JobEntry::State::ready:
        ++ready[job->line];
        require(job->line->queues.at(job->key->number).jobs.count(job.get()) == 1, "a ready job is in its line");
        break;
      case JobEntry::State::delayed:
        ++delayed;
        break;
      case JobEntry::State::leased:
        ++leased;
        require(job->lease != 0 && job->replica->worker->connected, "a leased job has a connected worker");
        ++busy[job->replica];
        break;
      case JobEntry::State::orphaned:
        require(job->replica == nullptr, "an orphaned job holds no slot");
        require(known_workers_[job->worker].orphans.count(id) == 1, "an orphan is known by its worker");
        break;
      case JobEntry::State::settling:
        break;
    }
  }
  require(delayed == delayed_.size() && leased == leased_.size(), "delayed and leased jobs are counted");
  require(deadlines == job_deadlines_.size(), "deadlines of jobs are kept");
  std::size_t all_ready = 0;
  for (const auto& [name, line] : lines_) {
    require(line->open == open[line.get()] && line->ready == ready[line.get()], "lines count their jobs");
    require(line->model == nullptr || line->model->line == line.get(), "a line knows its model");
    all_ready += line->ready;
  }
  require(all_ready == jobs_ready_, "ready jobs are counted");
}

void Scheduler::check_invariants() const {
  std::map<const Replica*, std::uint32_t> busy;
  check_jobs(busy);
  std::size_t waiting = 0;
  std::size_t running = 0;
  for (const auto& [id, request] : requests_) {
    switch (request->state) {
      case RequestEntry::State::waiting: {
        ++waiting;
        require(request->model != nullptr, "a waiting request has a model");
        const auto place = request->model->waiting.find(request->sequence);
        require(place != request->model->waiting.end() && place->second == request.get(),
                "a waiting request is in its queue");
        break;
      }
      case RequestEntry::State::running:
        ++running;
        require(request->replica != nullptr && request->replica->worker->connected,
                "a running request has a connected worker");
        ++busy[request->replica];
        break;
      case RequestEntry::State::lost:
        require(request->replica == nullptr, "a lost request holds no slot");
        break;
    }
  }
  require(waiting == waiting_ && running == running_, "requests are counted");
  require(deadlines_.size() == waiting, "every waiting request has a deadline");
  std::size_t queued = 0;
  for (const auto& [id, model] : models_)
    queued += model->waiting.size();
  require(queued == waiting, "queues hold waiting requests only");
  std::size_t replicas = 0;
  for (const auto& [id, worker] : workers_) {
    for (const auto& [key, replica] : worker->replicas) {
      const auto counted = busy.find(replica.get());
      require(replica->slots_busy == (counted == busy.end() ? 0 : counted->second), "slots are counted");
      const bool stays = replica->state != Replica::State::leaving;
      require(worker->connected || stays || replica->slots_busy > 0, "what has left a lost worker is forgotten");
      require(!stays || replica->model->replicas.at({id, key.copy}) == replica.get(), "a model knows its replicas");
      require(replica->state != Replica::State::planned || replica->slots_busy == 0, "what is planned runs nothing");
      replicas += stays ? 1 : 0;
    }
  }
  std::size_t known = 0;
  for (const auto& [id, model] : models_)
    known += model->replicas.size();
  require(known == replicas, "a model knows no other replicas");
}

}  // namespace gogrid::domain
