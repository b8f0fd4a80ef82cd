// How jobs, their attempts and webhooks stand in their tables. Used by SqlStore, on the SQL thread.
#pragma once

#include "store/records.hpp"
#include "store/sql/connection.hpp"

namespace gogrid::store {

// As they stand in job_columns, attempt_columns and webhook_columns.
void read(const Rows& row, JobRecord& job);
void read(const Rows& row, AttemptRecord& attempt);
void read(const Rows& row, WebhookRecord& webhook);

#define GOGRID_JOB_COLUMNS                                                                                       \
  "id, key_id, model, endpoint, priority, max_attempts, created_at, not_before, deadline, idempotency_key, "     \
  "request_sha256, request_bytes, labels, webhook_url, batch, batch_line, custom_id, state, attempts, lease, "   \
  "worker_id, leased_at, retry_at, finished_at, error_code, error_message, status, content_type, result_bytes, " \
  "result_parts, prompt_tokens, completion_tokens "

// Nothing is added, and no error, when its id or its idempotency key is taken.
void insert(Changes& changes, const JobRecord& job);
void insert(Changes& changes, domain::JobId job, const AttemptRecord& attempt);
void insert(Changes& changes, const WebhookRecord& webhook);

}  // namespace gogrid::store
