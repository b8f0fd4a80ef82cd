#include "coordinator/jobs/batch_output.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/blocking.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::ordered_json;
using store::JobRecord;
using store::Pending;
namespace {

constexpr std::size_t page = 200;
// Larger results are not looked at before they are written.
constexpr std::uint64_t checked_bytes = 4 * 1024 * 1024;

std::string text_of(const ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string request_id(std::int64_t value) { return "batch_req_" + ordered_id_digits(value); }

// Between values of JSON line breaks are white space, and within strings there are none.
std::string on_one_line(std::string json) {
  std::replace_if(
      json.begin(), json.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return json;
}

ordered_json error_json(const std::string& code, const std::string& message) {
  return {{"code", code}, {"message", message}};
}

ordered_json unfinished(const store::BatchRecord& batch) {
  if (batch.cancelling_at) return error_json("batch_cancelled", "the batch was cancelled before this request was done");
  return error_json("batch_expired", "the batch's completion window ended before this request was done");
}

ordered_json error_of(const store::BatchRecord& batch, const JobRecord& job) {
  const bool expired = job.state == domain::JobState::expired;
  if (expired || (job.state == domain::JobState::cancelled && batch.cancelling_at)) return unfinished(batch);
  return error_json(job.error_code, job.error_message);
}

bool says_json(const JobRecord& job) { return job.content_type.starts_with("application/json"); }

std::string response_head(const JobRecord& job) {
  return R"({"status_code":)" + std::to_string(job.status) + R"(,"request_id":)" + text_of(job.id.text()) +
         R"(,"body":)";
}

std::string line_head(const JobRecord& job) {
  return R"({"id":)" + text_of(request_id(job.id.value())) + R"(,"custom_id":)" + text_of(job.custom_id) +
         R"(,"response":)";
}

}  // namespace

BatchOutput::BatchOutput(store::Store& store, const ClientFiles& files, store::BatchRecord batch, PortionLimits limits)
    : store_(store),
      files_(files),
      batch_(std::move(batch)),
      limits_(limits),
      output_(files.shelf(), batch_.output_file, files.pool()),
      errors_(files.shelf(), batch_.error_file, files.pool()) {}

Pending<BatchOutput::Sizes> BatchOutput::write() {
  if (auto written = co_await write_jobs(); !written) co_return written.error();
  if (auto written = co_await write_rest(); !written) co_return written.error();
  Sizes sizes;
  sizes.output_bytes = output_.size_bytes();
  sizes.error_bytes = errors_.size_bytes();
  if (sizes.output_bytes > 0) {
    if (auto finished = co_await output_.finish(); !finished) co_return finished.error();
  }
  if (sizes.error_bytes > 0) {
    if (auto finished = co_await errors_.finish(); !finished) co_return finished.error();
  }
  co_return sizes;
}

Pending<> BatchOutput::write_jobs() {
  std::int64_t after = 0;
  for (;;) {
    auto jobs = co_await store_.list_batch_lines(batch_.id, after, page);
    if (!jobs) co_return jobs.error();
    for (JobRecord& job : *jobs) {
      after = job.batch_line;
      auto written = co_await write_job(std::move(job));
      if (!written) co_return written;
    }
    if (jobs->size() < page) co_return Result<void>();
  }
}

Pending<> BatchOutput::write_job(JobRecord job) {
  const bool good = job.state == domain::JobState::succeeded && says_json(job);
  if (!good) co_return co_await write_error(std::move(job));
  co_return co_await write_result(std::move(job));
}

Pending<> BatchOutput::write_result(JobRecord job) {
  if (job.result_bytes <= checked_bytes) {
    auto body = co_await small_result(job);
    if (!body) co_return body.error();
    if (body->empty()) co_return co_await write_error(std::move(job));
    const std::string line = line_head(job) + response_head(job) + *body + "},\"error\":null}\n";
    co_return co_await output_.write(line);
  }
  const std::string head = line_head(job) + response_head(job);
  if (auto written = co_await output_.write(head); !written) co_return written;
  for (std::int64_t part = 0; part < job.result_parts; ++part) {
    auto bytes = co_await store_.result_part(job.id, part);
    if (!bytes) co_return bytes.error();
    const std::string piece = on_one_line(std::move(*bytes));
    if (auto written = co_await output_.write(piece); !written) co_return written;
  }
  co_return co_await output_.write("},\"error\":null}\n");
}

Pending<std::string> BatchOutput::small_result(JobRecord job) {
  std::string body;
  for (std::int64_t part = 0; part < job.result_parts; ++part) {
    auto bytes = co_await store_.result_part(job.id, part);
    if (!bytes) co_return bytes.error();
    body += *bytes;
  }
  auto check = [body = std::move(body)]() mutable {
    if (!nlohmann::json::accept(body)) return std::string();
    return on_one_line(std::move(body));
  };
  co_return co_await run_blocking(files_.pool(), std::move(check));
}

Pending<> BatchOutput::write_error(JobRecord job) {
  std::string line = line_head(job);
  ordered_json error = error_of(batch_, job);
  if (job.state == domain::JobState::succeeded) {
    error = error_json("result_not_json", "the answer is not JSON: it is the result of " + job.id.text());
    line += "null";
  } else if (job.status != 0 && says_json(job) && job.result_bytes <= checked_bytes) {
    auto body = co_await small_result(job);
    if (!body) co_return body.error();
    line += body->empty() ? "null" : response_head(job) + *body + "}";
  } else {
    line += "null";
  }
  line += ",\"error\":" + text_of(error);
  // One that was no request from the beginning.
  if (job.request_bytes == 0) line += ",\"line\":" + std::to_string(job.batch_line);
  line += "}\n";
  co_return co_await errors_.write(line);
}

Pending<> BatchOutput::write_rest() {
  InputPosition at{batch_.fed_lines, batch_.fed_bytes};
  PortionLimits limits = limits_;
  limits.keep_bodies = false;
  const std::string error = text_of(unfinished(batch_));
  for (;;) {
    const auto portion =
        co_await read_portion_on(files_.pool(), files_.shelf().path_of(batch_.input_file), batch_.endpoint, at, limits);
    // Without its input there is nothing that could be said of them.
    if (!portion && portion.error().code == ErrorCode::not_found) co_return Result<void>();
    if (!portion) co_return portion.error();
    for (const InputLine& line : portion->lines) {
      const std::string text = R"({"id":)" + text_of(request_id(batch_.id.value() + line.number)) + R"(,"custom_id":)" +
                               text_of(line.custom_id) + R"(,"response":null,"error":)" + error + R"(,"line":)" +
                               std::to_string(line.number) + "}\n";
      if (auto written = co_await errors_.write(text); !written) co_return written;
    }
    if (portion->at_end || portion->not_utf8) co_return Result<void>();
    at = portion->end;
  }
}

}  // namespace gogrid::coordinator
