// How the lines of a batch's input file are checked and become jobs.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "base/log.hpp"
#include "coordinator/api/inference_errors.hpp"
#include "coordinator/jobs/batch_run.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using store::BatchRecord;
using store::BatchState;
using store::Pending;
namespace {

constexpr std::size_t max_complaints = 100;
// Between two looks at what else there is to do.
constexpr std::size_t step_bytes = 256 * 1024;

SystemTime to_milliseconds(SystemTime time) { return std::chrono::floor<std::chrono::milliseconds>(time); }

nlohmann::json complaint(const std::string& code, const std::string& message, std::int64_t line,
                         const std::string& param) {
  return {{"code", code},
          {"message", message},
          {"line", line > 0 ? nlohmann::json(line) : nlohmann::json()},
          {"param", param.empty() ? nlohmann::json() : nlohmann::json(param)}};
}

std::string text_of(const nlohmann::json& complaints) {
  return complaints.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

ErrorResponse duplicate_id() {
  return ErrorResponse(400, "\"custom_id\" is that of an earlier line", "duplicate_custom_id", "custom_id");
}

}  // namespace

// What the input file was found to be.
struct BatchService::Scan {
  std::int64_t lines = 0;
  std::vector<bool> duplicates;
  // Hashes of the ids so far.
  std::unordered_set<std::size_t> seen;
  // There is a line that can run.
  bool usable = false;
  // The file is no input, whatever its lines are.
  bool refused = false;
  // About the first lines that are no requests.
  nlohmann::json complaints = nlohmann::json::array();

  bool is_duplicate(const InputLine& line) const {
    const auto number = static_cast<std::size_t>(line.number);
    return number < duplicates.size() && duplicates[number];
  }
  void note_id(const InputLine& line) {
    if (line.custom_id.empty() || seen.insert(std::hash<std::string>()(line.custom_id)).second) return;
    const auto number = static_cast<std::size_t>(line.number);
    if (duplicates.size() <= number) duplicates.resize(number + 1);
    duplicates[number] = true;
  }
  void complain(const std::string& code, const std::string& message, std::int64_t line = 0,
                const std::string& param = {}) {
    if (complaints.size() < max_complaints) complaints.push_back(complaint(code, message, line, param));
  }
  void refuse(const std::string& code, const std::string& message, std::int64_t line = 0) {
    refused = true;
    complaints = nlohmann::json::array();
    complain(code, message, line);
  }
};

// ---- validating ----

Pending<> BatchService::validate(Handle batch) {
  BatchRecord changed = batch->record;
  if (is_late(*batch)) {
    changed.state = BatchState::expired;
    changed.expired_at = to_milliseconds(clock_.system_now());
    co_return co_await change(std::move(batch), std::move(changed));
  }
  auto scanned = co_await scan(batch);
  if (!scanned && scanned.error().code == ErrorCode::not_found) {
    scanned = Scan();
    scanned->refuse("input_file_missing", "the input file is not there any more");
  }
  if (!scanned) co_return scanned.error();
  // Then it has been cancelled, or its window has ended.
  if (batch->record.state != BatchState::validating || is_late(*batch)) co_return Result<void>();
  const SystemTime now = to_milliseconds(clock_.system_now());
  if (scanned->refused || !scanned->usable) {
    changed.state = BatchState::failed;
    changed.failed_at = now;
    changed.errors = text_of(scanned->complaints);
  } else {
    changed.state = BatchState::in_progress;
    changed.in_progress_at = now;
  }
  changed.total_lines = scanned->lines;
  batch->duplicates = std::move(scanned->duplicates);
  batch->scanned = true;
  co_return co_await change(std::move(batch), std::move(changed));
}

Pending<BatchService::Scan> BatchService::scan(Handle batch) {
  const auto turn = co_await scanning_.take();
  const BatchState state = batch->record.state;
  Scan scan;
  // It was found to be, before a restart.
  scan.usable = state != BatchState::validating;
  InputPosition at;
  while (batch->record.state == state && !is_late(*batch)) {
    PortionLimits limits;
    limits.keep_bodies = !scan.usable;
    auto portion = co_await read_input(batch, at, limits);
    if (!portion) co_return portion.error();
    at = portion->end;
    const bool at_end = portion->at_end;
    co_await scan_portion(batch, std::move(*portion), &scan);
    if (scan.refused) break;
    if (!at_end) continue;
    if (scan.lines == 0) scan.refuse("empty_file", "the input file has no lines");
    break;
  }
  co_return scan;
}

asio::awaitable<void> BatchService::scan_portion(Handle batch, InputPortion portion, Scan* scan) {
  std::size_t bytes = 0;
  for (InputLine& line : portion.lines) {
    if (++scan->lines > options_.max_lines && batch->record.state == BatchState::validating) {
      scan->refuse("too_many_lines",
                   "the input file has more than " + std::to_string(options_.max_lines) + " lines (batches.max_lines)");
      co_return;
    }
    scan->note_id(line);
    if (scan->usable) continue;
    bytes += line.body.size();
    if (bytes > step_bytes) {
      bytes = 0;
      co_await asio::post(executor_, asio::use_awaitable);
    }
    const std::int64_t number = line.number;
    std::optional<ErrorResponse> error;
    if (line.problem) error = to_error_response(*line.problem);
    if (!error && scan->is_duplicate(line)) error = duplicate_id();
    if (!error) {
      JobQueue::Wanted wanted = wanted_of(*batch, line);
      wanted.request = std::move(line.body);
      const auto job = queue_.make_job(std::move(wanted));
      if (!job) error = job.error();
    }
    scan->usable = !error;
    if (error) scan->complain(error->code, error->message, number, error->param);
  }
  if (portion.not_utf8) scan->refuse("invalid_utf8", "the input file is not UTF-8", *portion.not_utf8);
}

Pending<InputPortion> BatchService::read_input(Handle batch, InputPosition from, PortionLimits limits) const {
  limits.line_bytes = options_.max_line_bytes;
  return read_portion_on(files_.pool(), files_.shelf().path_of(batch->record.input_file), batch->record.endpoint, from,
                         limits);
}

// ---- in progress ----

Pending<> BatchService::feed(Handle batch) {
  const auto portion = static_cast<std::int64_t>(options_.portion_lines);
  while (batch->record.state == BatchState::in_progress) {
    const bool all_fed = batch->record.fed_bytes >= batch->input_bytes;
    const bool over = is_late(*batch) || batch->record.failed_at;
    if (over || all_fed) {
      if (batch->open > 0) {
        const SystemTime until = over ? SystemTime::max() : batch->record.expires_at;
        co_await wait(batch, until);
        continue;
      }
      if (auto counted = co_await count_open(batch); !counted) co_return counted;
      if (batch->open > 0) continue;
      if (auto closed = co_await close(batch); !closed) co_return closed;
    } else if (batch->open > 0 && batch->open + portion > options_.max_open_jobs) {
      co_await wait(batch, batch->record.expires_at);
    } else {
      auto fed = co_await feed_portion(batch);
      if (!fed && fed.error().code == ErrorCode::not_found) fed = co_await give_up(batch, fed.error().detail);
      if (!fed) co_return fed;
    }
  }
  co_return Result<void>();
}

Pending<> BatchService::feed_portion(Handle batch) {
  if (!batch->scanned) {
    auto scanned = co_await scan(batch);
    if (!scanned) co_return scanned.error();
    batch->duplicates = std::move(scanned->duplicates);
    batch->scanned = true;
  }
  const auto feeding = co_await feeding_.take();
  const InputPosition from{batch->record.fed_lines, batch->record.fed_bytes};
  PortionLimits limits;
  limits.lines = options_.portion_lines;
  auto portion = co_await read_input(batch, from, limits);
  if (!portion) co_return portion.error();
  if (portion->not_utf8) co_return Error(ErrorCode::not_found, "the input file has changed");
  std::vector<JobQueue::PreparedJob> jobs;
  std::size_t bytes = 0;
  for (InputLine& line : portion->lines) {
    bytes += line.body.size();
    if (bytes > step_bytes) {
      bytes = 0;
      co_await asio::post(executor_, asio::use_awaitable);
    }
    auto job = make_job(*batch, std::move(line));
    if (!job) co_return Error(ErrorCode::unavailable, job.error().message);
    jobs.push_back(std::move(*job));
  }
  const auto turn = co_await batch->changing.take();
  if (batch->record.state != BatchState::in_progress) co_return Result<void>();
  BatchRecord changed = batch->record;
  changed.fed_lines = portion->end.lines;
  changed.fed_bytes = portion->end.bytes;
  // Some may end before this has returned.
  const auto queued = std::count_if(jobs.begin(), jobs.end(), [](const JobQueue::PreparedJob& job) {
    return job.job.record.state == domain::JobState::queued;
  });
  batch->open += queued;
  const auto submitted = co_await queue_.submit_lines(std::move(jobs), changed);
  // How many are open is counted anew then.
  if (!submitted) co_return Error(ErrorCode::unavailable, submitted.error().message);
  batch->record = std::move(changed);
  co_return Result<void>();
}

// The input cannot be read any more: what has become jobs is put out, and the batch has failed.
Pending<> BatchService::give_up(Handle batch, std::string reason) {
  log().error("batch {}: {}", batch->record.id.text(), reason);
  BatchRecord changed = batch->record;
  changed.failed_at = to_milliseconds(clock_.system_now());
  nlohmann::json complaints = nlohmann::json::array();
  complaints.push_back(complaint("input_file_missing", "the input file is not there any more", 0, ""));
  changed.errors = text_of(complaints);
  if (auto stored = co_await change(batch, std::move(changed)); !stored) co_return stored;
  store::JobFilter of_batch;
  of_batch.batch = batch->record.id;
  std::string why = "its batch has failed";
  const auto cancelled = co_await queue_.cancel_all(std::move(of_batch), std::move(why));
  if (!cancelled) co_return cancelled.error();
  co_return Result<void>();
}

JobQueue::Wanted BatchService::wanted_of(const Batch& batch, const InputLine& line) const {
  const BatchRecord& record = batch.record;
  JobQueue::Wanted wanted;
  wanted.key_id = record.key_id;
  if (options_.allowed_models) wanted.allowed_models = options_.allowed_models(record.key_id);
  wanted.endpoint = wire::inference_endpoint_of(record.endpoint).value_or(wire::InferenceEndpoint::chat_completions);
  wanted.priority = record.priority;
  wanted.deadline = record.expires_at;
  wanted.batch = record.id;
  wanted.batch_line = line.number;
  wanted.custom_id = line.custom_id;
  return wanted;
}

ApiResult<JobQueue::PreparedJob> BatchService::make_job(const Batch& batch, InputLine line) {
  const auto number = static_cast<std::size_t>(line.number);
  const bool duplicate = number < batch.duplicates.size() && batch.duplicates[number];
  JobQueue::Wanted wanted = wanted_of(batch, line);
  if (line.problem) return queue_.make_failed_line(std::move(wanted), to_error_response(*line.problem));
  if (duplicate) return queue_.make_failed_line(std::move(wanted), duplicate_id());
  JobQueue::Wanted runnable = wanted;
  runnable.request = std::move(line.body);
  auto job = queue_.make_job(std::move(runnable));
  if (job || job.error().status >= 500 || job.error().status == 429) return job;
  return queue_.make_failed_line(std::move(wanted), job.error());
}

}  // namespace gogrid::coordinator
