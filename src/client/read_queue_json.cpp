#include "client/read_queue_json.hpp"

#include <algorithm>
#include <array>

namespace gogrid::client {
namespace {

using nlohmann::json;
using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs pairs_of(const json& value) {
  Pairs pairs;
  if (!value.is_object()) return pairs;
  for (const auto& [name, text] : value.items())
    pairs.emplace_back(name, text_of(text));
  return pairs;
}

// nullopt for null, whatever else stands there is a number.
std::optional<std::int64_t> count_of(const json& value) {
  if (!value.is_number()) return std::nullopt;
  return integer_of(value);
}

TokenUsage usage_of(const json& value) {
  TokenUsage usage;
  usage.prompt_tokens = integer_of(member(value, "prompt_tokens"));
  usage.completion_tokens = integer_of(member(value, "completion_tokens"));
  return usage;
}

JobWaiting waiting_of(const json& value) {
  JobWaiting waiting;
  waiting.position = integer_of(member(value, "position"));
  waiting.estimate_seconds = count_of(member(value, "estimate_seconds"));
  waiting.reason = text_of(member(value, "reason"));
  waiting.text = text_of(member(value, "text"));
  return waiting;
}

StoredResult result_of(const json& value) {
  StoredResult result;
  result.status = integer_of(member(value, "status"));
  result.content_type = text_of(member(value, "content_type"));
  result.size_bytes = integer_of(member(value, "bytes"));
  return result;
}

void read(const json& value, JobAttempt& out) {
  out.attempt = integer_of(member(value, "attempt"));
  out.worker = text_of(member(value, "worker"));
  out.started_at = time_of(member(value, "started_at"));
  out.ended_at = time_of(member(value, "ended_at"));
  out.outcome = text_of(member(value, "outcome"));
  out.reason = text_of(member(value, "reason"));
}

void read(const json& value, BatchLineError& out) {
  out.line = integer_of(member(value, "line"));
  out.code = text_of(member(value, "code"));
  out.message = text_of(member(value, "message"));
}

void read(const json& value, ModelQueue& out) {
  out.model = text_of(member(value, "model"));
  out.requests_waiting = integer_of(member(value, "requests_waiting"));
  out.jobs_waiting = integer_of(member(value, "jobs_waiting"));
  out.running = integer_of(member(value, "running"));
  out.slots = integer_of(member(value, "slots"));
  out.slots_busy = integer_of(member(value, "slots_busy"));
  out.estimate_seconds = count_of(member(value, "estimate_seconds"));
  out.text = text_of(member(value, "text"));
}

void read(const json& value, KeyQueue& out) {
  out.key_id = text_of(member(value, "key_id"));
  out.name = text_of(member(value, "name"));
  out.requests_waiting = integer_of(member(value, "requests_waiting"));
  out.jobs_open = integer_of(member(value, "jobs_open"));
  out.running = integer_of(member(value, "running"));
}

template <class T>
void read_array(const json& value, std::vector<T>& out) {
  if (!value.is_array()) return;
  for (const json& element : value)
    read(element, out.emplace_back());
}

template <std::size_t Count>
bool is_one_of(const std::string& text, const std::array<const char*, Count>& words) {
  return std::any_of(words.begin(), words.end(), [&text](const char* word) { return text == word; });
}

}  // namespace

bool is_final(const Job& job) {
  return is_one_of(job.state, std::array{"succeeded", "failed", "cancelled", "expired"});
}

bool is_final(const Batch& batch) {
  return is_one_of(batch.status, std::array{"completed", "failed", "expired", "cancelled"});
}

void read(const json& value, Job& out) {
  out.id = text_of(member(value, "id"));
  out.state = text_of(member(value, "state"));
  out.model = text_of(member(value, "model"));
  out.endpoint = text_of(member(value, "endpoint"));
  out.priority = integer_of(member(value, "priority"));
  out.max_attempts = integer_of(member(value, "max_attempts"));
  out.attempts = integer_of(member(value, "attempts"));
  out.created_at = time_of(member(value, "created_at"));
  out.not_before = time_of(member(value, "not_before"));
  out.deadline = time_of(member(value, "deadline"));
  out.started_at = time_of(member(value, "started_at"));
  out.finished_at = time_of(member(value, "finished_at"));
  out.retry_at = time_of(member(value, "retry_at"));
  out.labels = pairs_of(member(value, "labels"));
  out.idempotency_key = text_of(member(value, "idempotency_key"));
  out.webhook = text_of(member(value, "webhook"));
  out.batch_id = text_of(member(value, "batch_id"));
  out.custom_id = text_of(member(value, "custom_id"));
  out.worker = text_of(member(value, "worker"));
  out.key_id = text_of(member(value, "key_id"));
  const json& error = member(value, "error");
  out.error_code = text_of(member(error, "code"));
  out.error_message = text_of(member(error, "message"));
  if (const json& usage = member(value, "usage"); usage.is_object()) out.usage = usage_of(usage);
  if (const json& result = member(value, "result"); result.is_object()) out.result = result_of(result);
  if (const json& waiting = member(value, "waiting"); waiting.is_object()) out.waiting = waiting_of(waiting);
  read_array(member(value, "history"), out.history);
}

void read(const json& value, StoredFile& out) {
  out.id = text_of(member(value, "id"));
  out.filename = text_of(member(value, "filename"));
  out.purpose = text_of(member(value, "purpose"));
  out.size_bytes = integer_of(member(value, "bytes"));
  out.created_at = time_of(member(value, "created_at"));
  out.expires_at = time_of(member(value, "expires_at"));
}

void read(const json& value, Batch& out) {
  out.id = text_of(member(value, "id"));
  out.status = text_of(member(value, "status"));
  out.endpoint = text_of(member(value, "endpoint"));
  out.completion_window = text_of(member(value, "completion_window"));
  out.priority = integer_of(member(value, "priority"));
  out.input_file_id = text_of(member(value, "input_file_id"));
  out.output_file_id = text_of(member(value, "output_file_id"));
  out.error_file_id = text_of(member(value, "error_file_id"));
  const json& counts = member(value, "request_counts");
  out.total = integer_of(member(counts, "total"));
  out.completed = integer_of(member(counts, "completed"));
  out.failed = integer_of(member(counts, "failed"));
  out.created_at = time_of(member(value, "created_at"));
  out.in_progress_at = time_of(member(value, "in_progress_at"));
  out.expires_at = time_of(member(value, "expires_at"));
  for (const char* name : {"completed_at", "failed_at", "expired_at", "cancelled_at"}) {
    if (!out.ended_at) out.ended_at = time_of(member(value, name));
  }
  out.metadata = pairs_of(member(value, "metadata"));
  read_array(member(member(value, "errors"), "data"), out.errors);
}

void read(const json& value, QueueState& out) {
  read_array(member(value, "models"), out.models);
  read_array(member(value, "keys"), out.keys);
  const json& totals = member(value, "totals");
  out.workers_connected = integer_of(member(totals, "workers_connected"));
  out.workers_quarantined = integer_of(member(totals, "workers_quarantined"));
  out.requests_waiting = integer_of(member(totals, "requests_waiting"));
  out.requests_running = integer_of(member(totals, "requests_running"));
  out.jobs_waiting = integer_of(member(totals, "jobs_waiting"));
  out.jobs_running = integer_of(member(totals, "jobs_running"));
  out.slots_free = integer_of(member(totals, "slots_free"));
  out.slots_busy = integer_of(member(totals, "slots_busy"));
  const json& done = member(value, "done");
  out.done.requests = integer_of(member(done, "requests"));
  out.done.jobs = integer_of(member(done, "jobs"));
  out.done.prompt_tokens = integer_of(member(done, "prompt_tokens"));
  out.done.completion_tokens = integer_of(member(done, "completion_tokens"));
}

void read(const json& value, UsageRow& out) {
  out.day = text_of(member(value, "day"));
  out.key_id = text_of(member(value, "key_id"));
  out.key_name = text_of(member(value, "key_name"));
  out.model = text_of(member(value, "model"));
  out.requests = integer_of(member(value, "requests"));
  out.prompt_tokens = integer_of(member(value, "prompt_tokens"));
  out.completion_tokens = integer_of(member(value, "completion_tokens"));
}

void read(const json& value, AuditEntry& out) {
  out.sequence = integer_of(member(value, "sequence"));
  out.at = time_of(member(value, "at"));
  out.actor = text_of(member(value, "actor"));
  out.action = text_of(member(value, "action"));
  out.subject = text_of(member(value, "subject"));
  const json& detail = member(value, "detail");
  if (detail.is_object() && !detail.empty()) out.detail = detail.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace gogrid::client
