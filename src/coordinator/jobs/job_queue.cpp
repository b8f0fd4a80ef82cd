// Submission, questions, cancelling and the end of jobs. What runs is in job_run.cpp.
#include "coordinator/jobs/job_queue.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/sha256.hpp"
#include "coordinator/api/inference_check.hpp"
#include "coordinator/api/inference_errors.hpp"
#include "coordinator/jobs/job_run.hpp"
#include "coordinator/metrics.hpp"
#include "coordinator/usage.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

constexpr std::size_t cached_request_bytes = 64 * 1024 * 1024;
constexpr std::size_t page = 1000;
constexpr std::chrono::minutes retention_interval{10};
constexpr std::size_t removal_step = 500;

// A guess, when the request itself is not at hand.
std::uint32_t tokens_of_bytes(std::uint64_t bytes) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes / 4, 10'000'000));
}

SystemTime to_milliseconds(SystemTime time) { return std::chrono::floor<std::chrono::milliseconds>(time); }

ErrorResponse conflict_of_keys() {
  return ErrorResponse(409, "this idempotency key was used for another job; take a new one for a new job",
                       "idempotency_conflict", "idempotency_key");
}

ErrorResponse to_response(const domain::Reject& reject) {
  const bool store = reject.code == domain::RejectCode::store_unavailable;
  ErrorResponse error(store ? 503 : 429, reject.text, std::string(domain::to_string(reject.code)));
  error.retry_after = reject.retry_after;
  error.explanation = reject.explanation;
  return error;
}

store::WebhookRecord notification(const std::string& key_id, const std::string& url, const domain::Settle& settle,
                                  SystemTime now) {
  store::WebhookRecord webhook;
  webhook.id = "evt_" + to_hex(as_bytes(random_bytes(12)));
  webhook.key_id = key_id;
  webhook.url = url;
  webhook.next_at = now;
  const json payload{{"id", webhook.id},
                     {"object", "event"},
                     {"type", "job." + std::string(domain::to_string(settle.state))},
                     {"created_at", to_unix_seconds(now)},
                     {"data", {{"id", settle.job.text()}, {"state", domain::to_string(settle.state)}}}};
  webhook.payload = payload.dump();
  return webhook;
}

}  // namespace

// ---- start and end ----

JobQueue::JobQueue(asio::any_io_executor executor, store::Store& store, Dispatcher& dispatcher,
                   const ModelLibrary& models, UsageMeter& usage, Metrics& metrics, const Clock& clock, Options options)
    : executor_(executor),
      store_(store),
      dispatcher_(dispatcher),
      models_(models),
      usage_(usage),
      metrics_(metrics),
      clock_(clock),
      options_(options),
      tasks_(executor),
      writer_(executor, store, [this](bool healthy) { dispatcher_.store_changed(healthy && !held_); }),
      requests_(cached_request_bytes),
      retention_timer_(executor) {
  dispatcher_.on_jobs(*this);
}

JobQueue::~JobQueue() = default;

store::Pending<> JobQueue::load() {
  const auto epoch = co_await store_.next_epoch();
  if (!epoch) co_return epoch.error();
  dispatcher_.begin_leases(*epoch);
  const auto last = co_await store_.last_ordered_id();
  if (!last) co_return last.error();
  ids_.pass(*last);
  std::size_t count = 0;
  domain::JobId after;
  for (;;) {
    const auto jobs = co_await store_.list_open_jobs(after, page);
    if (!jobs) co_return jobs.error();
    for (const auto& record : *jobs) {
      remember(record);
      const bool leased = record.state == domain::JobState::leased;
      dispatcher_.job_restored(schedulable(record, 0, tokens_of_bytes(record.request_bytes)), record.attempts,
                               record.retry_at, leased ? record.lease : 0, domain::WorkerId(record.worker_id));
    }
    count += jobs->size();
    if (jobs->size() < page) break;
    after = jobs->back().id;
  }
  if (count > 0) log_event(spdlog::level::info, "found the queue again", {{"jobs", std::to_string(count)}});
  co_return Result<void>();
}

asio::awaitable<void> JobQueue::run() {
  while (!stopping_) {
    const auto removed = co_await store_.remove_old_jobs(clock_.system_now() - options_.retention, removal_step);
    if (!removed) log().warn("old jobs could not be removed: {}", removed.error().detail);
    if (removed && *removed == static_cast<std::int64_t>(removal_step)) continue;
    if (stopping_) co_return;
    retention_timer_.expires_after(retention_interval);
    co_await retention_timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

void JobQueue::hold() {
  held_ = true;
  dispatcher_.store_changed(false);
}

void JobQueue::stop() {
  stopping_ = true;
  retention_timer_.cancel();
}

asio::awaitable<void> JobQueue::drain() {
  co_await tasks_.wait();
  writer_.stop();
  co_await writer_.flushed();
  // What that has confirmed.
  co_await tasks_.wait();
}

// ---- submission ----

ApiResult<JobQueue::PreparedJob> JobQueue::make_job(Wanted wanted) {
  auto checked = check_inference(wanted.endpoint, wanted.request, models_, wanted.allowed_models);
  if (!checked) return checked.error();
  if (checked->request.stream) {
    return ErrorResponse(400, "\"stream\" must not be true: a job's answer is fetched when it is complete",
                         "invalid_value", "stream");
  }
  PreparedJob prepared;
  if (!checked->request.prefixes.empty()) prepared.prefix = checked->request.prefixes.front();
  prepared.prompt_tokens = checked->request.prompt_tokens;
  store::JobRecord& record = prepared.job.record;
  const SystemTime now = to_milliseconds(clock_.system_now());
  record.id = domain::JobId(ids_.next(now));
  record.key_id = std::move(wanted.key_id);
  record.model = checked->model->model.name;
  record.endpoint = wire::path_of(wanted.endpoint);
  record.priority = wanted.priority;
  record.max_attempts = wanted.max_attempts;
  record.created_at = now;
  record.not_before = wanted.not_before;
  record.deadline = wanted.deadline;
  record.idempotency_key = std::move(wanted.idempotency_key);
  record.labels = std::move(wanted.labels);
  record.webhook_url = std::move(wanted.webhook_url);
  record.batch = wanted.batch;
  record.batch_line = wanted.batch_line;
  record.custom_id = std::move(wanted.custom_id);
  record.request_bytes = wanted.request.size();
  // Everything that makes it another job.
  const json asked{record.endpoint,
                   Sha256::hex(as_bytes(wanted.request)),
                   record.priority,
                   record.max_attempts,
                   record.not_before ? to_unix_seconds(*record.not_before) : 0,
                   record.deadline ? to_unix_seconds(*record.deadline) : 0,
                   record.labels,
                   record.webhook_url};
  record.request_sha256 = Sha256::hex(as_bytes(asked.dump()));
  prepared.job.request = std::move(wanted.request);
  return prepared;
}

JobQueue::PreparedJob JobQueue::make_failed_line(Wanted wanted, const ErrorResponse& error) {
  PreparedJob prepared;
  store::JobRecord& record = prepared.job.record;
  const SystemTime now = to_milliseconds(clock_.system_now());
  record.id = domain::JobId(ids_.next(now));
  record.key_id = std::move(wanted.key_id);
  record.endpoint = wire::path_of(wanted.endpoint);
  record.priority = wanted.priority;
  record.created_at = now;
  record.finished_at = now;
  record.batch = wanted.batch;
  record.batch_line = wanted.batch_line;
  record.custom_id = std::move(wanted.custom_id);
  record.state = domain::JobState::failed;
  record.error_code = error.code;
  record.error_message = error.message;
  return prepared;
}

asio::awaitable<ApiResult<JobQueue::Submitted>> JobQueue::submit(PreparedJob prepared) {
  const std::string key_id = prepared.job.record.key_id;
  const std::string model = prepared.job.record.model;
  if (const auto refusal = dispatcher_.reserve_jobs(key_id, model, 1)) co_return to_response(*refusal);
  Submitted submitted;
  submitted.record = prepared.job.record;
  std::string body = prepared.job.request;
  std::vector<store::NewJob> jobs;
  jobs.push_back(std::move(prepared.job));
  const auto added = co_await store_.add_jobs(std::move(jobs));
  if (!added) {
    dispatcher_.give_back_reservation(key_id, 1);
    if (added.error().code == ErrorCode::unavailable || added.error().code == ErrorCode::disk_full) writer_.suspect();
    co_return ErrorResponse(added.error());
  }
  const store::JobStore::Added& outcome = added->front();
  if (outcome.is_new) {
    remember(submitted.record);
    requests_.put(submitted.record.id, std::move(body));
    dispatcher_.job_submitted(schedulable(submitted.record, prepared.prefix, prepared.prompt_tokens), true);
    metrics_.count_job("submitted");
    co_return submitted;
  }
  dispatcher_.give_back_reservation(key_id, 1);
  if (outcome.request_sha256 != submitted.record.request_sha256) co_return conflict_of_keys();
  submitted.is_new = false;
  auto record = co_await find(outcome.id);
  if (!record) co_return ErrorResponse(record.error());
  if (!*record) co_return ErrorResponse(Error(ErrorCode::not_found, "the job was removed"));
  submitted.record = std::move(**record);
  co_return submitted;
}

asio::awaitable<ApiResult<void>> JobQueue::submit_lines(std::vector<PreparedJob> prepared, store::BatchRecord batch) {
  std::vector<store::NewJob> jobs;
  std::vector<domain::Job> runnable;
  std::vector<store::JobRecord> records;
  for (PreparedJob& one : prepared) {
    if (one.job.record.state == domain::JobState::queued) {
      runnable.push_back(schedulable(one.job.record, one.prefix, one.prompt_tokens));
      records.push_back(one.job.record);
    }
    jobs.push_back(std::move(one.job));
  }
  const auto added = co_await store_.add_jobs(std::move(jobs), std::move(batch));
  if (!added) {
    if (added.error().code == ErrorCode::unavailable || added.error().code == ErrorCode::disk_full) writer_.suspect();
    co_return ErrorResponse(added.error());
  }
  for (const auto& record : records)
    remember(record);
  for (domain::Job& job : runnable) {
    metrics_.count_job("submitted");
    dispatcher_.job_submitted(std::move(job), false);
  }
  co_return ApiResult<void>();
}

domain::Job JobQueue::schedulable(const store::JobRecord& record, domain::PrefixHash prefix,
                                  std::uint32_t prompt_tokens) const {
  domain::Job job;
  job.id = record.id;
  job.model = record.model;
  job.key = domain::KeyId(record.key_id);
  job.priority = record.priority;
  job.created_at = record.created_at;
  job.not_before = record.not_before;
  job.deadline = record.deadline;
  job.max_attempts = record.max_attempts;
  job.prompt_tokens = prompt_tokens;
  job.prefix = prefix;
  job.tag = static_cast<std::uint8_t>(
      wire::inference_endpoint_of(record.endpoint).value_or(wire::InferenceEndpoint::chat_completions));
  return job;
}

void JobQueue::remember(const store::JobRecord& record) {
  if (record.batch.empty() && record.webhook_url.empty()) return;
  extras_.insert_or_assign(record.id, Extra{record.batch, record.key_id, record.webhook_url});
}

// ---- questions ----

store::Pending<std::optional<store::JobRecord>> JobQueue::find(domain::JobId id) {
  auto record = co_await store_.find_job(id);
  if (record && *record) update(**record);
  co_return record;
}

void JobQueue::update(store::JobRecord& record) const {
  if (domain::is_final(record.state)) return;
  if (const auto state = dispatcher_.scheduler().job_state(record.id)) record.state = *state;
}

std::optional<domain::Explanation> JobQueue::explain(domain::JobId id) const {
  return dispatcher_.scheduler().explain(id, dispatcher_.now());
}

// ---- cancelling and trying again ----

bool JobQueue::cancel(domain::JobId id, const std::string& reason) { return dispatcher_.cancel_job(id, reason); }

store::Pending<std::size_t> JobQueue::cancel_all(store::JobFilter filter, std::string reason) {
  filter.states = {domain::JobState::queued, domain::JobState::leased};
  std::size_t count = 0;
  domain::JobId before;
  for (;;) {
    const auto jobs = co_await store_.list_jobs(filter, before, page);
    if (!jobs) co_return jobs.error();
    for (const auto& record : *jobs)
      count += cancel(record.id, reason) ? 1 : 0;
    if (jobs->size() < page) co_return count;
    before = jobs->back().id;
  }
}

asio::awaitable<ApiResult<store::JobRecord>> JobQueue::retry(domain::JobId id) {
  const auto found = co_await store_.find_job(id);
  if (!found) co_return ErrorResponse(found.error());
  if (!*found) co_return ErrorResponse(Error(ErrorCode::not_found, "there is no such job"));
  const std::string key_id = (*found)->key_id;
  if (const auto refusal = dispatcher_.reserve_jobs(key_id, (*found)->model, 1)) co_return to_response(*refusal);
  auto record = co_await store_.retry_job(id, clock_.system_now());
  if (!record) {
    dispatcher_.give_back_reservation(key_id, 1);
    co_return ErrorResponse(record.error());
  }
  remember(*record);
  dispatcher_.job_submitted(schedulable(*record, 0, tokens_of_bytes(record->request_bytes)), true);
  changed(id);
  co_return std::move(*record);
}

// ---- the end ----

store::JobEnded JobQueue::stored_end(const domain::Settle& settle) {
  store::JobEnded end;
  end.job = settle.job;
  end.lease = settle.lease;
  end.at = to_milliseconds(clock_.system_now());
  end.state = settle.state;
  end.retry_at = settle.retry_at;
  end.error_code = settle.error_code;
  end.error_message = settle.error_message;
  if (settle.lease != 0 && settle.end.outcome == domain::AttemptOutcome::refused) {
    // It was not begun.
    end.attempts = settle.attempt - 1;
  } else if (settle.lease != 0) {
    store::AttemptRecord& attempt = end.attempt.emplace();
    attempt.number = settle.attempt;
    attempt.lease = settle.lease;
    attempt.worker_id = settle.worker.text();
    attempt.started_at = to_milliseconds(end.at - (dispatcher_.now() - settle.started_at));
    attempt.ended_at = end.at;
    attempt.outcome = settle.end.outcome;
    attempt.reason = settle.end.reason;
  }
  const bool answered =
      settle.end.outcome == domain::AttemptOutcome::succeeded || settle.end.outcome == domain::AttemptOutcome::rejected;
  const auto run = runs_.find(settle.lease);
  if (answered && run != runs_.end()) {
    RunResult& result = run->second->result;
    end.status = result.status;
    end.content_type = std::move(result.content_type);
    end.parts_before = result.parts;
    end.bytes_before = result.part_bytes;
    end.result = std::move(result.rest);
    end.prompt_tokens = settle.end.usage.prompt_tokens;
    end.completion_tokens = settle.end.usage.completion_tokens;
    usage_.note(settle.key.text(), settle.model, settle.end.usage);
  }
  return end;
}

void JobQueue::settle(domain::Settle settle) {
  if (stopping_) return;
  const domain::JobId id = settle.job;
  store::JobEnded end = stored_end(settle);
  // Kept until its end is stored: should the coordinator crash before, the worker still has the answer.
  const auto found = runs_.find(settle.lease);
  std::shared_ptr<Run> run = found == runs_.end() ? nullptr : found->second;
  if (!domain::is_final(settle.state)) {
    writer_.write(std::move(end), [this, run](bool) { confirm_stored(run); });
    changed(id);
    return;
  }
  (void)requests_.take(id);
  const auto extra = extras_.find(id);
  if (extra != extras_.end() && !extra->second.webhook_url.empty())
    end.webhook = notification(extra->second.key_id, extra->second.webhook_url, settle, end.at);
  const domain::JobState state = settle.state;
  writer_.write(std::move(end), [this, id, state, run](bool) {
    confirm_stored(run);
    ended(id, state);
  });
}

void JobQueue::ended(domain::JobId id, domain::JobState state) {
  metrics_.count_job(domain::to_string(state));
  dispatcher_.job_stored(id);
  Ended told;
  told.job = id;
  told.state = state;
  const auto extra = extras_.find(id);
  if (extra != extras_.end()) {
    told.batch = extra->second.batch;
    told.has_webhook = !extra->second.webhook_url.empty();
    extras_.erase(extra);
  }
  changed(id);
  for (const auto& listener : ended_listeners_)
    listener(told);
}

// ---- watching ----

JobQueue::Watch::Watch(JobQueue& queue, domain::JobId id, std::function<void()> on_change)
    : queue_(queue), id_(id), on_change_(std::move(on_change)) {
  queue_.watches_.emplace(id_, this);
}

JobQueue::Watch::~Watch() {
  const auto [first, last] = queue_.watches_.equal_range(id_);
  queue_.watches_.erase(std::find_if(first, last, [this](const auto& entry) { return entry.second == this; }));
}

std::unique_ptr<JobQueue::Watch> JobQueue::watch(domain::JobId id, std::function<void()> on_change) {
  return std::make_unique<Watch>(*this, id, std::move(on_change));
}

void JobQueue::changed(domain::JobId id) {
  const auto [first, last] = watches_.equal_range(id);
  for (auto watch = first; watch != last; ++watch)
    watch->second->tell();
}

}  // namespace gogrid::coordinator
