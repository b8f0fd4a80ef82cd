// Jobs: their lines, their leases, their attempts, their end.
#include <algorithm>
#include <cassert>
#include <utility>

#include "domain/scheduler_state.hpp"

namespace gogrid::domain {

// ---- coming in ----

void Scheduler::begin_leases(std::int64_t epoch) {
  last_lease_ = std::max(last_lease_, static_cast<LeaseId>(epoch) << 32);
}

Scheduler::Line& Scheduler::line_of(const std::string& model_name) {
  auto& line = lines_[model_name];
  if (!line) {
    line = std::make_unique<Line>();
    line->name = model_name;
  }
  return *line;
}

void Scheduler::drop_if_unused(Line& line) {
  if (line.model == nullptr && line.open == 0 && line.running == 0) lines_.erase(lines_.find(line.name));
}

std::optional<Reject> Scheduler::reserve_jobs(const KeyId& id, const std::string& model, std::size_t count,
                                              SteadyTime now) {
  now_ = now;
  KeyEntry& key = key_entry(id);
  Reject refusal;
  refusal.code = RejectCode::queue_full;
  refusal.retry_after = retry_when_full;
  const auto most = static_cast<std::size_t>(key.policy.max_queued);
  if (!store_available_) {
    refusal.code = RejectCode::store_unavailable;
    refusal.text = "jobs cannot be stored now; nothing that was accepted is lost";
    refusal.explanation.reason = WaitReason::store_unavailable;
  } else if (most > 0 && key.jobs_open + count > most) {
    refusal.text = "this key may have " + std::to_string(most) + " jobs that have not ended, and has " +
                   std::to_string(key.jobs_open);
  } else if (jobs_open_ + count > limits_.max_jobs) {
    refusal.text = std::to_string(jobs_open_) + " jobs are waiting already";
  } else {
    key.jobs_open += count;
    jobs_open_ += count;
    return std::nullopt;
  }
  refusal.explanation.text = refusal.text;
  refusal.explanation.position = key.jobs_open;
  const auto line = lines_.find(model);
  if (line != lines_.end() && line->second->model != nullptr)
    refusal.explanation.estimate = estimate(*line->second, outlook_of(*line->second->model, now), line->second->ready);
  return refusal;
}

void Scheduler::give_back_reservation(const KeyId& id, std::size_t count) {
  KeyEntry& key = key_entry(id);
  assert(key.jobs_open >= count && jobs_open_ >= count);
  key.jobs_open -= count;
  jobs_open_ -= count;
}

Scheduler::JobEntry& Scheduler::add_job(Job job, SteadyTime now) {
  const auto [added, is_new] = jobs_.emplace(job.id, std::make_unique<JobEntry>());
  assert(is_new);
  JobEntry& entry = *added->second;
  entry.id = job.id;
  entry.created_at = job.created_at;
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(job.created_at.time_since_epoch());
  entry.rank = since - job.priority * limits_.ageing;
  entry.not_before = job.not_before.value_or(SystemTime::min());
  entry.deadline = job.deadline.value_or(SystemTime::max());
  entry.key = &key_entry(job.key);
  entry.line = &line_of(job.model);
  ++entry.line->open;
  entry.prefix = job.prefix;
  entry.tag = job.tag;
  entry.prompt_tokens = job.prompt_tokens;
  entry.max_attempts = static_cast<std::uint16_t>(std::clamp(job.max_attempts, 1u, max_attempts_limit));
  if (job.deadline) job_deadlines_.emplace(entry.deadline, entry.id);
  if (entry.line->ready == 0) entry.line->unserved_since = now;
  return entry;
}

Actions Scheduler::job_submitted(Job job, bool reserved, SteadyTime now) {
  Actions actions;
  now_ = now;
  JobEntry& entry = add_job(std::move(job), now);
  if (!reserved) {
    ++entry.key->jobs_open;
    ++jobs_open_;
  }
  enqueue(entry, now);
  if (entry.deadline <= system_time(now)) expire_jobs(now, actions);
  ModelEntry* model = entry.line == nullptr ? nullptr : entry.line->model;
  if (model != nullptr) settle(*model, now, actions);
  return actions;
}

Actions Scheduler::job_restored(Job job, unsigned attempts, std::optional<SystemTime> retry_at, LeaseId lease,
                                const WorkerId& worker, SteadyTime now) {
  Actions actions;
  now_ = now;
  JobEntry& entry = add_job(std::move(job), now);
  ++entry.key->jobs_open;
  ++jobs_open_;
  entry.attempts = static_cast<std::uint16_t>(std::min(attempts, 0xffffu));
  entry.retry_at = retry_at.value_or(SystemTime::min());
  if (lease == 0) {
    entry.failures = entry.attempts;
    enqueue(entry, now);
    if (entry.line->model != nullptr) settle(*entry.line->model, now, actions);
    return actions;
  }
  entry.failures = static_cast<std::uint16_t>(entry.attempts > 0 ? entry.attempts - 1 : 0);
  entry.lease = lease;
  entry.worker = number_of(worker);
  entry.started_at = now;
  entry.state = JobEntry::State::orphaned;
  known_workers_[entry.worker].orphans.insert(entry.id);
  if (workers_.count(worker) == 0) {
    lose_orphans(entry.worker, now, actions);
    settle_all(now, actions);
  }
  return actions;
}

// ---- the queue ----

void Scheduler::enqueue(JobEntry& job, SteadyTime now) {
  const SystemTime from = std::max(job.not_before, job.retry_at);
  if (from > system_time(now)) {
    job.state = JobEntry::State::delayed;
    delayed_.emplace(from, job.id);
    return;
  }
  job.state = JobEntry::State::ready;
  Line& line = *job.line;
  catch_up(*job.key, line);
  if (line.ready == 0) line.unserved_since = line.backlog_since = now;
  line.queues[job.key->number].jobs.insert(&job);
  ++line.ready;
  ++job.key->jobs_ready;
  ++jobs_ready_;
}

void Scheduler::leave_queue(JobEntry& job) {
  if (job.state == JobEntry::State::delayed) {
    delayed_.erase(std::pair(std::max(job.not_before, job.retry_at), job.id));
    return;
  }
  assert(job.state == JobEntry::State::ready);
  const auto queue = job.line->queues.find(job.key->number);
  queue->second.jobs.erase(&job);
  if (queue->second.jobs.empty()) job.line->queues.erase(queue);
  --job.line->ready;
  --job.key->jobs_ready;
  --jobs_ready_;
}

void Scheduler::release_delayed(SteadyTime now) {
  const SystemTime today = system_time(now);
  while (!delayed_.empty() && delayed_.begin()->first <= today) {
    JobEntry& job = *jobs_.at(delayed_.begin()->second);
    leave_queue(job);
    enqueue(job, now);
  }
}

void Scheduler::expire_jobs(SteadyTime now, Actions& actions) {
  const SystemTime today = system_time(now);
  while (!job_deadlines_.empty() && job_deadlines_.begin()->first <= today) {
    JobEntry& job = *jobs_.at(job_deadlines_.begin()->second);
    end_job(job, JobState::expired, "deadline_passed", "its deadline passed", now, actions);
  }
}

// ---- attempts ----

void Scheduler::start(JobEntry& job, Replica& replica, SteadyTime now, Actions& actions) {
  leave_queue(job);
  job.state = JobEntry::State::leased;
  job.running = false;
  job.replica = &replica;
  job.worker = replica.worker->number;
  job.started_at = now;
  job.lease = ++last_lease_;
  ++job.attempts;
  leased_.emplace(now, job.id);
  take_slot(replica, *job.key, *job.line, now);
  job.charged = charge(*job.key, *job.line, job.prompt_tokens, now);
  job.key->requests.take(1, now);
  job.key->tokens.take(job.prompt_tokens, now);
  job.line->unserved_since = now;
  job.copy = replica.key.copy;
  if (job.prefix != 0) replica.model->prefixes.note({job.prefix}, place_of(replica));
  actions.push_back(
      Lease{job.id, job.lease, job.attempts, replica.worker->id, replica.model->model.id, job.tag, replica.key.copy});
}

void Scheduler::release_slot(JobEntry& job, SteadyTime now) {
  assert(job.state == JobEntry::State::leased);
  leased_.erase(std::pair(job.started_at, job.id));
  free_slot(*std::exchange(job.replica, nullptr), *job.key, *job.line, now);
}

void Scheduler::job_running(JobId id, LeaseId lease) {
  if (holds_lease(id, lease)) jobs_.at(id)->running = true;
}

bool Scheduler::holds_lease(JobId id, LeaseId lease) const {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || lease == 0) return false;
  const JobEntry& job = *found->second;
  return job.lease == lease && job.state == JobEntry::State::leased;
}

Actions Scheduler::job_ended(JobId id, LeaseId lease, AttemptEnd end, SteadyTime now) {
  Actions actions;
  now_ = now;
  if (!holds_lease(id, lease)) {
    ++done_.stale_ends;
    return actions;
  }
  JobEntry& job = *jobs_.at(id);
  KeyEntry& key = *job.key;
  Replica& replica = *job.replica;
  const bool answered = end.outcome == AttemptOutcome::succeeded || end.outcome == AttemptOutcome::rejected;
  if (answered) {
    learn(replica, *job.line, job.started_at, end.usage, now);
    ++done_.jobs_done;
  } else if (end.outcome == AttemptOutcome::failed || end.outcome == AttemptOutcome::refused) {
    // One that waits is in a part of the machine that its owner wants.
    if (replica.report.progress.phase != Phase::waiting)
      note_failure(*replica.worker, std::hash<JobId>()(id), end.outcome, now);
    replica.held_until = now + limits_.replica_hold;
    wake_at(replica.held_until);
  }
  ModelEntry* model = job.line->model;
  release_slot(job, now);
  finish_attempt(job, std::move(end), now, actions);
  settle_after(key, model, now, actions);
  return actions;
}

void Scheduler::end_long_attempts(SteadyTime now, Actions& actions) {
  while (!leased_.empty() && leased_.begin()->first + limits_.max_attempt_time <= now) {
    JobEntry& job = *jobs_.at(leased_.begin()->second);
    const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(limits_.max_attempt_time).count();
    actions.push_back(Revoke{job.id, job.lease, known_workers_[job.worker].id});
    release_slot(job, now);
    AttemptEnd end;
    end.reason = "it took longer than " + std::to_string(minutes) + " minutes";
    finish_attempt(job, std::move(end), now, actions);
  }
}

SystemTime Scheduler::retry_time(const JobEntry& job, AttemptOutcome outcome, SteadyTime now) const {
  if (outcome != AttemptOutcome::failed) return SystemTime::min();
  const unsigned doublings = std::min(job.failures > 0 ? job.failures - 1u : 0u, 20u);
  const auto delay = std::min(limits_.first_retry_delay * (1u << doublings), limits_.last_retry_delay);
  // Stored and shown to the millisecond.
  return std::chrono::ceil<std::chrono::milliseconds>(system_time(now) + delay);
}

void Scheduler::finish_attempt(JobEntry& job, AttemptEnd end, SteadyTime now, Actions& actions) {
  const bool answered = end.outcome == AttemptOutcome::succeeded || end.outcome == AttemptOutcome::rejected;
  settle_account(*job.key, job.line, std::exchange(job.charged, 0), job.prompt_tokens,
                 answered ? std::optional(end.usage) : std::nullopt, now);
  Settle settled;
  settled.job = job.id;
  settled.key = job.key->id;
  settled.model = job.line->name;
  settled.lease = job.lease;
  settled.attempt = job.attempts;
  settled.worker = known_workers_[job.worker].id;
  settled.started_at = job.started_at;
  job.running = false;
  if (end.outcome == AttemptOutcome::failed || end.outcome == AttemptOutcome::worker_lost) {
    ++job.failures;
    job.avoid = job.worker;
  }
  // It was not begun.
  if (end.outcome == AttemptOutcome::refused) --job.attempts;
  if (end.outcome == AttemptOutcome::succeeded) {
    settled.state = JobState::succeeded;
  } else if (end.outcome == AttemptOutcome::rejected) {
    settled.state = JobState::failed;
    settled.error_code = "request_rejected";
    settled.error_message = end.reason;
  } else if (job.failures >= job.max_attempts) {
    settled.state = JobState::failed;
    settled.error_code = "attempts_exhausted";
    settled.error_message = "given up after " + std::to_string(job.failures) +
                            (job.failures == 1 ? " attempt: " : " attempts, the last: ") + end.reason;
  } else {
    job.retry_at = retry_time(job, end.outcome, now);
    if (job.retry_at > SystemTime::min()) settled.retry_at = job.retry_at;
    enqueue(job, now);
  }
  settled.end = std::move(end);
  if (is_final(settled.state)) begin_settling(job);
  actions.push_back(std::move(settled));
}

// ---- the end ----

void Scheduler::begin_settling(JobEntry& job) {
  job.state = JobEntry::State::settling;
  job_deadlines_.erase(std::pair(job.deadline, job.id));
  --job.key->jobs_open;
  --jobs_open_;
  Line& line = *std::exchange(job.line, nullptr);
  --line.open;
  drop_if_unused(line);
}

void Scheduler::end_job(JobEntry& job, JobState state, std::string code, std::string message, SteadyTime now,
                        Actions& actions) {
  Settle settled;
  settled.job = job.id;
  settled.key = job.key->id;
  settled.model = job.line->name;
  settled.state = state;
  settled.error_code = std::move(code);
  settled.error_message = std::move(message);
  if (job.state == JobEntry::State::leased || job.state == JobEntry::State::orphaned) {
    settled.lease = job.lease;
    settled.attempt = job.attempts;
    settled.worker = known_workers_[job.worker].id;
    settled.started_at = job.started_at;
    settled.end.outcome = AttemptOutcome::cancelled;
    settled.end.reason = settled.error_message;
    actions.push_back(Revoke{job.id, job.lease, settled.worker});
    if (job.state == JobEntry::State::leased) {
      release_slot(job, now);
    } else {
      known_workers_[job.worker].orphans.erase(job.id);
    }
    settle_account(*job.key, job.line, std::exchange(job.charged, 0), job.prompt_tokens, std::nullopt, now);
  } else {
    leave_queue(job);
  }
  begin_settling(job);
  actions.push_back(std::move(settled));
}

Actions Scheduler::job_cancelled(JobId id, const std::string& reason, SteadyTime now) {
  Actions actions;
  now_ = now;
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second->state == JobEntry::State::settling) return actions;
  JobEntry& job = *found->second;
  KeyEntry& key = *job.key;
  ModelEntry* model = job.line->model;
  end_job(job, JobState::cancelled, "cancelled", reason, now, actions);
  settle_after(key, model, now, actions);
  return actions;
}

Actions Scheduler::job_stored(JobId id, SteadyTime now) {
  now_ = now;
  const auto found = jobs_.find(id);
  if (found != jobs_.end() && found->second->state == JobEntry::State::settling) jobs_.erase(found);
  return {};
}

std::optional<JobState> Scheduler::job_state(JobId id) const {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return std::nullopt;
  switch (found->second->state) {
    case JobEntry::State::ready:
    case JobEntry::State::delayed:
      return JobState::queued;
    case JobEntry::State::leased:
      return found->second->running ? JobState::running : JobState::leased;
    case JobEntry::State::orphaned:
      return JobState::leased;
    case JobEntry::State::settling:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace gogrid::domain
