// Interactive requests: their queue, their limits, their end.
#include <algorithm>
#include <cassert>
#include <utility>

#include "domain/scheduler_state.hpp"

namespace gogrid::domain {
namespace {

std::string per_minute(std::int64_t limit, const char* what) {
  return "this key may use " + std::to_string(limit) + " " + what + " a minute and has used them up";
}

std::chrono::seconds whole_seconds(std::chrono::steady_clock::duration duration) {
  return std::max(std::chrono::ceil<std::chrono::seconds>(duration), std::chrono::seconds(1));
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
    case RejectCode::rate_limited:
      return "rate_limit_exceeded";
    case RejectCode::key_busy:
      return "key_busy";
    case RejectCode::store_unavailable:
      return "store_unavailable";
  }
  return "no_worker";
}

std::optional<Reject> Scheduler::refuse_by_rate(const KeyEntry& key, std::uint32_t prompt_tokens,
                                                SteadyTime now) const {
  Reject refusal;
  refusal.code = RejectCode::rate_limited;
  SteadyTime again = now;
  if (!key.requests.has(1, now)) {
    refusal.text = per_minute(key.requests.per_minute(), "requests");
    again = key.requests.available_at(1, now);
  } else if (!key.tokens.has(1, now)) {
    refusal.text = per_minute(key.tokens.per_minute(), "tokens");
    again = key.tokens.available_at(1, now);
  } else if (key.tokens.limited() && prompt_tokens > key.tokens.per_minute()) {
    refusal.text = "the prompt has about " + std::to_string(prompt_tokens) + " tokens, more than the " +
                   std::to_string(key.tokens.per_minute()) + " that this key may use a minute";
    again = now + std::chrono::minutes(1);
  } else {
    return std::nullopt;
  }
  refusal.retry_after = whole_seconds(again - now);
  refusal.explanation.reason = WaitReason::key_rate;
  refusal.explanation.text = refusal.text;
  refusal.explanation.estimate = refusal.retry_after;
  return refusal;
}

Actions Scheduler::request_submitted(Request request, SteadyTime now) {
  Actions actions;
  now_ = now;
  const auto model = models_.find(request.model);
  if (model == models_.end()) {
    actions.push_back(Reject{request.id, RejectCode::model_not_found, "the model is not known", {}});
    return actions;
  }
  KeyEntry& key = key_entry(request.key);
  if (auto refusal = refuse_by_rate(key, request.prompt_tokens, now)) {
    refusal->request = request.id;
    actions.push_back(*std::move(refusal));
    return actions;
  }
  auto entry = std::make_unique<RequestEntry>();
  entry->sequence = next_sequence_++;
  entry->model = model->second.get();
  entry->line = entry->model->line;
  entry->key = &key;
  entry->queued_at = now;
  entry->allowance = request.deadline.left(now);
  entry->request = std::move(request);
  const RequestId id = entry->request.id;
  const auto [added, is_new] = requests_.emplace(id, std::move(entry));
  assert(is_new);
  if (!is_new) return actions;
  RequestEntry& its_entry = *added->second;
  key.requests.take(1, now);
  key.tokens.take(its_entry.request.prompt_tokens, now);
  its_entry.model->last_request = now;
  enqueue(its_entry);
  settle(*model->second, now, actions);
  if (waiting_ > limits_.max_waiting_requests) {
    // It is the last of its queue, so if it still waits it is the one over the limit.
    const auto still = requests_.find(id);
    if (still != requests_.end() && still->second->state == RequestEntry::State::waiting) {
      reject(*still->second, RejectCode::queue_full,
             std::to_string(limits_.max_waiting_requests) + " requests are waiting already", retry_when_full, now,
             actions);
    }
  }
  return actions;
}

Actions Scheduler::request_finished(const RequestId& id, SteadyTime now, std::optional<Usage> usage) {
  Actions actions;
  now_ = now;
  const auto found = requests_.find(id);
  if (found == requests_.end()) return actions;
  RequestEntry& request = *found->second;
  ModelEntry* model = request.model;
  KeyEntry& key = *request.key;
  if (request.state == RequestEntry::State::waiting) leave_queue(request);
  if (request.state == RequestEntry::State::running) {
    if (usage) {
      learn(*request.replica, *request.line, request.started_at, *usage, now);
      ++done_.requests_done;
    }
    release_slot(request, now);
  }
  settle_account(key, request.line, request.charged, request.request.prompt_tokens, usage, now);
  requests_.erase(found);
  settle_after(key, model, now, actions);
  return actions;
}

Actions Scheduler::request_returned(const RequestId& id, ReturnCause cause, SteadyTime now) {
  Actions actions;
  now_ = now;
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second->state == RequestEntry::State::waiting) return actions;
  RequestEntry& request = *found->second;
  const bool is_lost = request.state == RequestEntry::State::lost || cause == ReturnCause::worker_lost;
  if (is_lost && request.attempts > 0) {
    --request.attempts;
    ++request.losses;
  }
  take_back(request, cause, now, actions);
  return actions;
}

Actions Scheduler::request_interrupted(const RequestId& id, ReturnCause cause,
                                       std::chrono::steady_clock::duration allowance, SteadyTime now) {
  Actions actions;
  now_ = now;
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second->state == RequestEntry::State::waiting) return actions;
  RequestEntry& request = *found->second;
  request.attempts = 0;
  request.losses = 0;
  request.allowance = allowance;
  take_back(request, cause, now, actions);
  return actions;
}

void Scheduler::take_back(RequestEntry& request, ReturnCause cause, SteadyTime now, Actions& actions) {
  KeyEntry& key = *request.key;
  if (request.state == RequestEntry::State::running) {
    Replica& replica = *request.replica;
    replica.held_until = now + limits_.replica_hold;
    wake_at(replica.held_until);
    // One that waits is in a part of the machine that its owner wants.
    if (cause == ReturnCause::refused && replica.report.progress.phase != Phase::waiting)
      note_failure(*replica.worker, std::hash<RequestId>()(request.request.id), AttemptOutcome::refused, now);
    release_slot(request, now);
  }
  if (request.line != nullptr) served(*request.line, key) -= request.charged / key.policy.weight;
  request.charged = 0;
  ModelEntry* model = request.model;
  if (model == nullptr) {
    reject(request, RejectCode::model_not_found, "the model was removed", {}, now, actions);
  } else if (request.attempts >= limits_.max_attempts || request.losses >= limits_.max_losses) {
    reject(request, RejectCode::worker_lost,
           "it was given up after " + std::to_string(request.attempts + request.losses) +
               " attempts: the worker was lost or its engine failed each time",
           retry_when_full, now, actions);
  } else {
    request.request.deadline =
        Deadline::at(request.allowance < SteadyTime::max() - now ? now + request.allowance : SteadyTime::max());
    request.queued_at = now;
    enqueue(request);
  }
  settle_after(key, model, now, actions);
}

void Scheduler::enqueue(RequestEntry& request) {
  catch_up(*request.key, *request.line);
  request.state = RequestEntry::State::waiting;
  request.model->waiting.emplace(request.sequence, &request);
  request.model->waiting_by_key[request.key->number].emplace(request.sequence, &request);
  deadlines_.emplace(std::pair(request.request.deadline.time(), request.sequence), &request);
  ++request.key->requests_waiting;
  ++waiting_;
}

void Scheduler::leave_queue(RequestEntry& request) {
  assert(request.state == RequestEntry::State::waiting);
  request.model->waiting.erase(request.sequence);
  const auto mine = request.model->waiting_by_key.find(request.key->number);
  mine->second.erase(request.sequence);
  if (mine->second.empty()) request.model->waiting_by_key.erase(mine);
  deadlines_.erase(std::pair(request.request.deadline.time(), request.sequence));
  request.state = RequestEntry::State::lost;
  --request.key->requests_waiting;
  if (request.model->waiting.empty()) ++room_version_;
  --waiting_;
}

void Scheduler::start(RequestEntry& request, Replica& replica, SteadyTime now, Actions& actions) {
  leave_queue(request);
  request.state = RequestEntry::State::running;
  request.replica = &replica;
  request.started_at = now;
  ++request.attempts;
  ++running_;
  take_slot(replica, *request.key, *request.line, now);
  request.charged = charge(*request.key, *request.line, request.request.prompt_tokens, now);
  replica.model->prefixes.note(request.request.prefixes, place_of(replica));
  actions.push_back(Dispatch{request.request.id, replica.worker->id, replica.model->model.id, replica.key.copy});
}

void Scheduler::release_slot(RequestEntry& request, SteadyTime now) {
  Replica& replica = *std::exchange(request.replica, nullptr);
  request.state = RequestEntry::State::lost;
  --running_;
  free_slot(replica, *request.key, *request.line, now);
  // Its model may be gone.
  if (request.model == nullptr) drop_if_unused(*std::exchange(request.line, nullptr));
}

void Scheduler::reject(RequestEntry& request, RejectCode code, std::string text, std::chrono::seconds retry_after,
                       SteadyTime now, Actions& actions) {
  Reject rejection{request.request.id, code, std::move(text), retry_after};
  if (auto explanation = explain(request.request.id, now)) rejection.explanation = *std::move(explanation);
  if (request.state == RequestEntry::State::waiting) leave_queue(request);
  // Nothing was used.
  request.key->tokens.take(-static_cast<double>(request.request.prompt_tokens), now);
  requests_.erase(RequestId(rejection.request));
  actions.push_back(std::move(rejection));
}

void Scheduler::reject_waiting(ModelEntry& model, RejectCode code, std::chrono::seconds retry_after,
                               const std::string& text, SteadyTime now, Actions& actions) {
  while (!model.waiting.empty())
    reject(*model.waiting.begin()->second, code, text, retry_after, now, actions);
}

}  // namespace gogrid::domain
