#include "store/sql/job_mapping.hpp"

#include "store/sql/reading.hpp"

namespace gogrid::store {
namespace {

// A batch that is none is NULL, so that no index holds it.
std::optional<std::int64_t> batch_of(const JobRecord& job) {
  if (job.batch.empty()) return std::nullopt;
  return job.batch.value();
}

bool nothing_has_happened_to(const JobRecord& job) {
  return job.state == domain::JobState::queued && job.attempts == 0 && job.lease == 0 && job.worker_id.empty() &&
         !job.leased_at && !job.retry_at && !job.finished_at && job.error_code.empty() && job.error_message.empty() &&
         job.status == 0 && job.content_type.empty() && job.result_bytes == 0 && job.result_parts == 0 &&
         job.prompt_tokens == 0 && job.completion_tokens == 0;
}

}  // namespace

void read(const Rows& row, JobRecord& job) {
  job.id = domain::JobId(row.integer(0));
  job.key_id = row.text(1);
  job.model = row.text(2);
  job.endpoint = row.text(3);
  job.priority = static_cast<int>(row.integer(4));
  job.max_attempts = static_cast<unsigned>(row.integer(5));
  job.created_at = ms_time(row, 6);
  job.not_before = optional_ms_time(row, 7);
  job.deadline = optional_ms_time(row, 8);
  if (!row.is_null(9)) job.idempotency_key = row.text(9);
  job.request_sha256 = row.text(10);
  job.request_bytes = static_cast<std::uint64_t>(row.integer(11));
  job.labels = row.text(12);
  job.webhook_url = row.text(13);
  if (!row.is_null(14)) job.batch = domain::BatchId(row.integer(14));
  job.batch_line = row.integer(15);
  job.custom_id = row.text(16);
  job.state = domain::job_state_from_string(row.text(17)).value_or(domain::JobState::failed);
  job.attempts = static_cast<unsigned>(row.integer(18));
  job.lease = static_cast<domain::LeaseId>(row.integer(19));
  job.worker_id = row.text(20);
  job.leased_at = optional_ms_time(row, 21);
  job.retry_at = optional_ms_time(row, 22);
  job.finished_at = optional_ms_time(row, 23);
  job.error_code = row.text(24);
  job.error_message = row.text(25);
  job.status = static_cast<int>(row.integer(26));
  job.content_type = row.text(27);
  job.result_bytes = static_cast<std::uint64_t>(row.integer(28));
  job.result_parts = row.integer(29);
  job.prompt_tokens = static_cast<std::uint64_t>(row.integer(30));
  job.completion_tokens = static_cast<std::uint64_t>(row.integer(31));
}

void read(const Rows& row, AttemptRecord& attempt) {
  attempt.number = static_cast<unsigned>(row.integer(0));
  attempt.lease = static_cast<domain::LeaseId>(row.integer(1));
  attempt.worker_id = row.text(2);
  attempt.started_at = ms_time(row, 3);
  attempt.ended_at = ms_time(row, 4);
  attempt.outcome = domain::attempt_outcome_from_string(row.text(5)).value_or(domain::AttemptOutcome::failed);
  attempt.reason = row.text(6);
}

void read(const Rows& row, WebhookRecord& webhook) {
  webhook.sequence = row.integer(0);
  webhook.id = row.text(1);
  webhook.key_id = row.text(2);
  webhook.url = row.text(3);
  webhook.payload = row.text(4);
  webhook.attempts = static_cast<unsigned>(row.integer(5));
  webhook.next_at = ms_time(row, 6);
}

void insert(Changes& changes, const JobRecord& job) {
  if (nothing_has_happened_to(job)) {
    // Nearly every job: what is the same for all of them is part of the statement, which is a tenth cheaper.
    changes.add("INSERT INTO jobs (" GOGRID_JOB_COLUMNS
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 'queued', 0, 0, "
                "'', NULL, NULL, NULL, '', '', 0, '', 0, 0, 0, 0) ON CONFLICT DO NOTHING",
                job.id.value(), job.key_id, job.model, job.endpoint, job.priority, job.max_attempts, ms(job.created_at),
                ms(job.not_before), ms(job.deadline), job.idempotency_key, job.request_sha256, job.request_bytes,
                job.labels, job.webhook_url, batch_of(job), job.batch_line, job.custom_id);
    return;
  }
  const auto state = domain::to_string(job.state == domain::JobState::running ? domain::JobState::leased : job.state);
  changes.add(
      "INSERT INTO jobs (" GOGRID_JOB_COLUMNS
      ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, "
      "$23, $24, $25, $26, $27, $28, $29, $30, $31, $32) ON CONFLICT DO NOTHING",
      job.id.value(), job.key_id, job.model, job.endpoint, job.priority, job.max_attempts, ms(job.created_at),
      ms(job.not_before), ms(job.deadline), job.idempotency_key, job.request_sha256, job.request_bytes, job.labels,
      job.webhook_url, batch_of(job), job.batch_line, job.custom_id, state, job.attempts, job.lease, job.worker_id,
      ms(job.leased_at), ms(job.retry_at), ms(job.finished_at), job.error_code, job.error_message, job.status,
      job.content_type, job.result_bytes, job.result_parts, job.prompt_tokens, job.completion_tokens);
}

void insert(Changes& changes, domain::JobId job, const AttemptRecord& attempt) {
  changes.add(
      "INSERT INTO job_attempts (job_id, number, lease, worker_id, started_at, ended_at, outcome, reason) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
      job.value(), attempt.number, attempt.lease, attempt.worker_id, ms(attempt.started_at), ms(attempt.ended_at),
      domain::to_string(attempt.outcome), attempt.reason);
}

void insert(Changes& changes, const WebhookRecord& webhook) {
  changes.add("INSERT INTO webhooks (id, key_id, url, payload, attempts, next_at) VALUES ($1, $2, $3, $4, $5, $6)",
              webhook.id, webhook.key_id, webhook.url, webhook.payload, webhook.attempts, ms(webhook.next_at));
}

}  // namespace gogrid::store
