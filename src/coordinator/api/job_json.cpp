#include "coordinator/api/job_json.hpp"

#include <nlohmann/json.hpp>

namespace gogrid::coordinator {
using nlohmann::ordered_json;
namespace {

ordered_json text_or_null(const std::string& text) { return text.empty() ? ordered_json() : ordered_json(text); }

ordered_json time_or_null(const std::optional<SystemTime>& time) {
  return time ? ordered_json(to_unix_seconds(*time)) : ordered_json();
}

}  // namespace

ordered_json waiting_json(const domain::Explanation& waiting) {
  return {{"position", waiting.position},
          {"estimate_seconds", waiting.estimate ? ordered_json(waiting.estimate->count()) : ordered_json()},
          {"reason", domain::to_string(waiting.reason)},
          {"text", waiting.text}};
}

ordered_json job_json(const store::JobRecord& job, const std::optional<domain::Explanation>& waiting) {
  ordered_json labels = ordered_json::parse(job.labels, nullptr, false);
  if (!labels.is_object()) labels = ordered_json::object();
  ordered_json json{{"id", job.id.text()},
                    {"object", "job"},
                    {"state", domain::to_string(job.state)},
                    {"model", text_or_null(job.model)},
                    {"endpoint", job.endpoint},
                    {"priority", job.priority},
                    {"max_attempts", job.max_attempts},
                    {"attempts", job.attempts},
                    {"created_at", to_unix_seconds(job.created_at)},
                    {"not_before", time_or_null(job.not_before)},
                    {"deadline", time_or_null(job.deadline)},
                    {"started_at", time_or_null(job.leased_at)},
                    {"finished_at", time_or_null(job.finished_at)},
                    {"retry_at", time_or_null(job.retry_at)},
                    {"labels", std::move(labels)},
                    {"idempotency_key", job.idempotency_key ? ordered_json(*job.idempotency_key) : ordered_json()},
                    {"webhook", text_or_null(job.webhook_url)},
                    {"batch_id", job.batch.empty() ? ordered_json() : ordered_json(job.batch.text())},
                    {"custom_id", text_or_null(job.custom_id)},
                    {"worker", text_or_null(job.worker_id)},
                    {"key_id", job.key_id},
                    {"error", nullptr},
                    {"usage", nullptr},
                    {"result", nullptr},
                    {"waiting", waiting ? waiting_json(*waiting) : ordered_json()}};
  if (!job.error_code.empty()) json["error"] = {{"code", job.error_code}, {"message", job.error_message}};
  if (job.status != 0) {
    json["result"] = {{"status", job.status}, {"content_type", job.content_type}, {"bytes", job.result_bytes}};
    json["usage"] = {{"prompt_tokens", job.prompt_tokens},
                     {"completion_tokens", job.completion_tokens},
                     {"total_tokens", job.prompt_tokens + job.completion_tokens}};
  }
  return json;
}

ordered_json history_json(const std::vector<store::AttemptRecord>& attempts) {
  ordered_json history = ordered_json::array();
  for (const auto& attempt : attempts) {
    history.push_back({{"attempt", attempt.number},
                       {"worker", attempt.worker_id},
                       {"started_at", to_unix_seconds(attempt.started_at)},
                       {"ended_at", to_unix_seconds(attempt.ended_at)},
                       {"outcome", domain::to_string(attempt.outcome)},
                       {"reason", attempt.reason}});
  }
  return history;
}

}  // namespace gogrid::coordinator
