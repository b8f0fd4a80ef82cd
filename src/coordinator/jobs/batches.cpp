// Batches from state to state. How lines are checked and become jobs is in batch_feed.cpp.
#include "coordinator/jobs/batches.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.hpp"
#include "coordinator/jobs/batch_output.hpp"
#include "coordinator/jobs/batch_run.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using domain::BatchId;
using store::BatchRecord;
using store::BatchState;
using store::Pending;
namespace {

constexpr std::size_t max_open_batches = 100;
constexpr std::chrono::milliseconds first_pause{200};
constexpr std::chrono::milliseconds longest_pause{30'000};

bool is_final(BatchState state) {
  return state == BatchState::completed || state == BatchState::failed || state == BatchState::expired ||
         state == BatchState::cancelled;
}

bool may_be_cancelled(BatchState state) { return state == BatchState::validating || state == BatchState::in_progress; }

SystemTime to_milliseconds(SystemTime time) { return std::chrono::floor<std::chrono::milliseconds>(time); }

}  // namespace

BatchService::BatchService(asio::any_io_executor executor, store::Store& store, JobQueue& queue, ClientFiles& files,
                           const Clock& clock, Options options)
    : executor_(executor),
      store_(store),
      queue_(queue),
      files_(files),
      clock_(clock),
      options_(std::move(options)),
      tasks_(executor) {
  queue_.on_ended([this](const JobQueue::Ended& ended) { note_end(ended); });
  files_.on_use([this](store::FileId file) { return uses(file); });
}

BatchService::~BatchService() = default;

// ---- start and end ----

Pending<> BatchService::load() {
  const auto last = co_await store_.last_ordered_id();
  if (!last) co_return last.error();
  ids_.pass(*last);
  auto batches = co_await store_.list_open_batches();
  if (!batches) co_return batches.error();
  for (BatchRecord& record : *batches)
    begin(std::move(record));
  if (!open_.empty())
    log_event(spdlog::level::info, "found batches again", {{"batches", std::to_string(open_.size())}});
  co_return Result<void>();
}

void BatchService::stop() {
  stopping_ = true;
  tasks_.cancel();
}

asio::awaitable<void> BatchService::drain() { return tasks_.wait(); }

void BatchService::begin(BatchRecord record) {
  const BatchId id = record.id;
  const auto batch = std::make_shared<Batch>(executor_, std::move(record));
  open_.emplace(id, batch);
  tasks_.spawn("batch", run(batch));
}

asio::awaitable<void> BatchService::run(Handle batch) {
  std::chrono::milliseconds pause = first_pause;
  bool known = false;
  while (!stopping_ && !is_final(batch->record.state)) {
    Pending<> next = known ? step(batch) : read_again(batch);
    const auto done = co_await std::move(next);
    known = done.has_value();
    if (known) {
      pause = first_pause;
      continue;
    }
    log().warn("batch {}: {}; trying again", batch->record.id.text(), done.error().detail);
    asio::steady_timer timer(executor_, pause);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    pause = std::min(2 * pause, longest_pause);
  }
  if (stopping_) co_return;
  log_event(spdlog::level::info, "a batch has ended",
            {{"batch", batch->record.id.text()}, {"state", to_string(batch->record.state)}});
  open_.erase(batch->record.id);
}

Pending<> BatchService::step(Handle batch) {
  switch (batch->record.state) {
    case BatchState::validating:
      return validate(std::move(batch));
    case BatchState::in_progress:
      return feed(std::move(batch));
    case BatchState::cancelling:
      return finish_cancelled(std::move(batch));
    default:
      return put_out(std::move(batch));
  }
}

Pending<> BatchService::read_again(Handle batch) {
  {
    const auto turn = co_await batch->changing.take();
    auto record = co_await store_.find_batch(batch->record.id);
    if (!record) co_return record.error();
    if (!*record) co_return Error(ErrorCode::internal, "its record is gone");
    batch->record = std::move(**record);
  }
  const auto input = co_await store_.find_file(batch->record.input_file);
  if (!input) co_return input.error();
  batch->input_bytes = *input ? (*input)->size_bytes : 0;
  co_return co_await count_open(batch);
}

// What ends while the store counts is in both counts: then there is less here than there is, never more, and
// wait_for_jobs() counts again.
Pending<> BatchService::count_open(Handle batch) {
  batch->open = 0;
  const auto counts = co_await store_.count_batch(batch->record.id);
  if (!counts) co_return counts.error();
  batch->open += counts->open;
  co_return Result<void>();
}

void BatchService::note_end(const JobQueue::Ended& ended) {
  if (ended.batch.empty()) return;
  const auto found = open_.find(ended.batch);
  if (found == open_.end()) return;
  Batch& batch = *found->second;
  --batch.open;
  const auto portion = static_cast<std::int64_t>(options_.portion_lines);
  if (batch.open <= 0 || batch.open + portion <= options_.max_open_jobs) batch.wake();
}

asio::awaitable<void> BatchService::wait(Handle batch, SystemTime until) {
  if (!std::exchange(batch->woken, false)) {
    batch->timer.expires_at(SteadyTime::max());
    if (until != SystemTime::max())
      batch->timer.expires_after(std::max(until - clock_.system_now(), SystemTime::duration(0)));
    co_await batch->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    batch->woken = false;
  }
}

bool BatchService::is_late(const Batch& batch) const { return clock_.system_now() >= batch.record.expires_at; }

Pending<> BatchService::change(Handle batch, BatchRecord changed) {
  const auto turn = co_await batch->changing.take();
  // What it was made from has been cancelled meanwhile.
  const bool cancelled = batch->record.cancelling_at && !changed.cancelling_at;
  if (cancelled) co_return Result<void>();
  auto stored = co_await store_.put_batch(changed);
  if (stored) batch->record = std::move(changed);
  co_return stored;
}

// ---- what clients ask for ----

asio::awaitable<ApiResult<BatchRecord>> BatchService::create(BatchRecord wanted, std::chrono::milliseconds window) {
  const auto of_key = std::count_if(open_.begin(), open_.end(),
                                    [&](const auto& entry) { return entry.second->record.key_id == wanted.key_id; });
  if (static_cast<std::size_t>(of_key) >= max_open_batches) {
    co_return ErrorResponse(429,
                            "this key has " + std::to_string(of_key) + " batches that have not ended; wait for one",
                            "too_many_batches");
  }
  const SystemTime now = to_milliseconds(clock_.system_now());
  wanted.id = BatchId(ids_.next(now));
  wanted.state = BatchState::validating;
  wanted.created_at = now;
  wanted.expires_at = now + window;
  const auto stored = co_await store_.put_batch(wanted);
  if (!stored) co_return ErrorResponse(stored.error());
  if (!stopping_) begin(wanted);
  co_return wanted;
}

asio::awaitable<ApiResult<BatchRecord>> BatchService::cancel(BatchRecord record) {
  if (const auto found = open_.find(record.id); found != open_.end()) {
    const Handle batch = found->second;
    const auto turn = co_await batch->changing.take();
    record = batch->record;
    if (may_be_cancelled(record.state)) {
      record.state = BatchState::cancelling;
      record.cancelling_at = to_milliseconds(clock_.system_now());
      const auto stored = co_await store_.put_batch(record);
      if (!stored) co_return ErrorResponse(stored.error());
      batch->record = record;
      batch->wake();
    }
  }
  if (record.state == BatchState::cancelling || record.state == BatchState::cancelled) co_return record;
  const std::string state(to_string(record.state));
  co_return ErrorResponse(409, "this batch is " + state + ": it cannot be cancelled any more", "batch_not_cancellable");
}

bool BatchService::uses(store::FileId file) const {
  return std::any_of(open_.begin(), open_.end(),
                     [file](const auto& entry) { return entry.second->record.input_file == file; });
}

asio::awaitable<void> BatchService::cancel_of(std::string key_id) {
  std::vector<BatchRecord> batches;
  for (const auto& [id, batch] : open_) {
    if (batch->record.key_id == key_id && may_be_cancelled(batch->record.state)) batches.push_back(batch->record);
  }
  for (const BatchRecord& batch : batches) {
    const auto cancelled = co_await cancel(batch);
    if (!cancelled) log().warn("batch {} could not be cancelled: {}", batch.id.text(), cancelled.error().message);
  }
}

// ---- the end ----

Pending<> BatchService::wait_for_jobs(Handle batch) {
  for (;;) {
    if (batch->open <= 0) {
      if (auto counted = co_await count_open(batch); !counted) co_return counted;
      if (batch->open == 0) co_return Result<void>();
    }
    co_await wait(batch, SystemTime::max());
  }
}

// All its jobs have ended.
Pending<> BatchService::close(Handle batch) {
  store::JobFilter expired;
  expired.batch = batch->record.id;
  expired.states = {domain::JobState::expired};
  const auto late = co_await store_.list_jobs(expired, domain::JobId(), 1);
  if (!late) co_return late.error();
  BatchRecord changed = batch->record;
  const SystemTime now = to_milliseconds(clock_.system_now());
  changed.state = BatchState::finalizing;
  changed.finalizing_at = now;
  const bool unfed = changed.fed_bytes < batch->input_bytes;
  if (!changed.failed_at && (unfed || !late->empty())) changed.expired_at = now;
  changed.output_file = files_.next_id();
  changed.error_file = files_.next_id();
  co_return co_await change(std::move(batch), std::move(changed));
}

Pending<> BatchService::finish_cancelled(Handle batch) {
  BatchRecord changed = batch->record;
  changed.cancelled_at = to_milliseconds(clock_.system_now());
  // Before anything was begun.
  if (!changed.in_progress_at) {
    changed.state = BatchState::cancelled;
    co_return co_await change(std::move(batch), std::move(changed));
  }
  store::JobFilter of_batch;
  of_batch.batch = changed.id;
  std::string reason = "its batch was cancelled";
  const auto cancelled = co_await queue_.cancel_all(std::move(of_batch), std::move(reason));
  if (!cancelled) co_return cancelled.error();
  if (auto waited = co_await wait_for_jobs(batch); !waited) co_return waited;
  if (changed.output_file.empty()) {
    changed.cancelled_at.reset();
    changed.output_file = files_.next_id();
    changed.error_file = files_.next_id();
    if (auto stored = co_await change(batch, std::move(changed)); !stored) co_return stored;
  }
  co_return co_await put_out(std::move(batch));
}

// Its files, and with them its end.
Pending<> BatchService::put_out(Handle batch) {
  BatchRecord changed = batch->record;
  {
    const auto turn = co_await putting_out_.take();
    PortionLimits limits;
    limits.line_bytes = options_.max_line_bytes;
    BatchOutput output(store_, files_, changed, limits);
    const auto sizes = co_await output.write();
    if (!sizes) co_return sizes.error();
    if (sizes->output_bytes == 0) changed.output_file = {};
    if (sizes->error_bytes == 0) changed.error_file = {};
    if (auto added = co_await add_output(changed, changed.output_file, "output", sizes->output_bytes); !added)
      co_return added;
    if (auto added = co_await add_output(changed, changed.error_file, "error", sizes->error_bytes); !added)
      co_return added;
  }
  const auto counts = co_await store_.count_batch(changed.id);
  if (!counts) co_return counts.error();
  changed.succeeded_lines = counts->succeeded;
  changed.failed_lines = changed.total_lines - counts->succeeded;
  const SystemTime now = to_milliseconds(clock_.system_now());
  if (changed.cancelling_at) {
    changed.state = BatchState::cancelled;
    changed.cancelled_at = now;
  } else if (changed.failed_at) {
    changed.state = BatchState::failed;
  } else if (changed.expired_at) {
    changed.state = BatchState::expired;
  } else {
    changed.state = BatchState::completed;
    changed.completed_at = now;
  }
  co_return co_await change(std::move(batch), std::move(changed));
}

Pending<> BatchService::add_output(BatchRecord record, store::FileId id, std::string kind, std::uint64_t size_bytes) {
  if (id.empty()) co_return Result<void>();
  // From before a crash.
  auto removed = co_await store_.remove_file(id);
  if (!removed && removed.error().code != ErrorCode::not_found) co_return removed;
  const SystemTime now = to_milliseconds(clock_.system_now());
  store::FileRecord file;
  file.id = id;
  file.key_id = record.key_id;
  file.name = record.id.text() + "_" + kind + ".jsonl";
  file.purpose = "batch_output";
  file.size_bytes = size_bytes;
  file.created_at = now;
  file.expires_at = now + options_.retention;
  co_return co_await store_.add_file(std::move(file));
}

}  // namespace gogrid::coordinator
