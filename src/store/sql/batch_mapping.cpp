#include "store/sql/batch_mapping.hpp"

#include "store/sql/reading.hpp"

namespace gogrid::store {
void read(const Rows& row, FileRecord& file) {
  file.id = FileId(row.integer(0));
  file.key_id = row.text(1);
  file.name = row.text(2);
  file.purpose = row.text(3);
  file.size_bytes = static_cast<std::uint64_t>(row.integer(4));
  file.created_at = ms_time(row, 5);
  file.expires_at = optional_ms_time(row, 6);
}

void read(const Rows& row, BatchRecord& batch) {
  batch.id = domain::BatchId(row.integer(0));
  batch.key_id = row.text(1);
  batch.endpoint = row.text(2);
  batch.completion_window = row.text(3);
  batch.input_file = FileId(row.integer(4));
  batch.output_file = FileId(row.integer(5));
  batch.error_file = FileId(row.integer(6));
  batch.metadata = row.text(7);
  batch.errors = row.text(8);
  batch.state = batch_state_from_string(row.text(9)).value_or(BatchState::failed);
  batch.priority = static_cast<int>(row.integer(10));
  batch.created_at = ms_time(row, 11);
  batch.expires_at = ms_time(row, 12);
  batch.in_progress_at = optional_ms_time(row, 13);
  batch.finalizing_at = optional_ms_time(row, 14);
  batch.completed_at = optional_ms_time(row, 15);
  batch.failed_at = optional_ms_time(row, 16);
  batch.expired_at = optional_ms_time(row, 17);
  batch.cancelling_at = optional_ms_time(row, 18);
  batch.cancelled_at = optional_ms_time(row, 19);
  batch.total_lines = row.integer(20);
  batch.fed_lines = row.integer(21);
  batch.fed_bytes = static_cast<std::uint64_t>(row.integer(22));
  batch.succeeded_lines = row.integer(23);
  batch.failed_lines = row.integer(24);
}

void read(const Rows& row, UsageRecord& usage) {
  usage.day = row.integer(0);
  usage.key_id = row.text(1);
  usage.model = row.text(2);
  usage.requests = row.integer(3);
  usage.prompt_tokens = row.integer(4);
  usage.completion_tokens = row.integer(5);
}

void read(const Rows& row, AuditRecord& act) {
  act.sequence = row.integer(0);
  act.at = ms_time(row, 1);
  act.actor = row.text(2);
  act.action = row.text(3);
  act.subject = row.text(4);
  act.detail = row.text(5);
}

Result<void> insert(Connection& connection, const FileRecord& file) {
  return changed(connection.change("INSERT INTO files (" GOGRID_FILE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7)",
                                   file.id.value(), file.key_id, file.name, file.purpose, file.size_bytes,
                                   ms(file.created_at), ms(file.expires_at)));
}

Result<void> put(Connection& connection, const BatchRecord& batch) {
  return changed(connection.change(
      "INSERT INTO batches (" GOGRID_BATCH_COLUMNS
      ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, "
      "$23, $24, $25) ON CONFLICT (id) DO UPDATE SET key_id = excluded.key_id, endpoint = excluded.endpoint, "
      "completion_window = excluded.completion_window, input_file = excluded.input_file, "
      "output_file = excluded.output_file, error_file = excluded.error_file, metadata = excluded.metadata, "
      "errors = excluded.errors, state = excluded.state, priority = excluded.priority, "
      "created_at = excluded.created_at, expires_at = excluded.expires_at, "
      "in_progress_at = excluded.in_progress_at, finalizing_at = excluded.finalizing_at, "
      "completed_at = excluded.completed_at, failed_at = excluded.failed_at, expired_at = excluded.expired_at, "
      "cancelling_at = excluded.cancelling_at, cancelled_at = excluded.cancelled_at, "
      "total_lines = excluded.total_lines, fed_lines = excluded.fed_lines, fed_bytes = excluded.fed_bytes, "
      "succeeded_lines = excluded.succeeded_lines, failed_lines = excluded.failed_lines",
      batch.id.value(), batch.key_id, batch.endpoint, batch.completion_window, batch.input_file.value(),
      batch.output_file.value(), batch.error_file.value(), batch.metadata, batch.errors, to_string(batch.state),
      batch.priority, ms(batch.created_at), ms(batch.expires_at), ms(batch.in_progress_at), ms(batch.finalizing_at),
      ms(batch.completed_at), ms(batch.failed_at), ms(batch.expired_at), ms(batch.cancelling_at),
      ms(batch.cancelled_at), batch.total_lines, batch.fed_lines, batch.fed_bytes, batch.succeeded_lines,
      batch.failed_lines));
}

Result<void> insert(Connection& connection, const AuditRecord& act) {
  return changed(connection.change("INSERT INTO audit (at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5)",
                                   ms(act.at), act.actor, act.action, act.subject, act.detail));
}

void add(Changes& changes, const UsageRecord& usage) {
  changes.add(
      "INSERT INTO usage (day, key_id, model, requests, prompt_tokens, completion_tokens) "
      "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (day, key_id, model) DO UPDATE SET "
      "requests = usage.requests + excluded.requests, prompt_tokens = usage.prompt_tokens + excluded.prompt_tokens, "
      "completion_tokens = usage.completion_tokens + excluded.completion_tokens",
      usage.day, usage.key_id, usage.model, usage.requests, usage.prompt_tokens, usage.completion_tokens);
}

}  // namespace gogrid::store
