// How files, batches, usage and audit stand in their tables. Used by SqlStore, on the SQL thread.
#pragma once

#include "store/records.hpp"
#include "store/sql/connection.hpp"

namespace gogrid::store {

// As their *_COLUMNS say.
void read(const Rows& row, FileRecord& file);
void read(const Rows& row, BatchRecord& batch);
void read(const Rows& row, UsageRecord& usage);
void read(const Rows& row, AuditRecord& act);

#define GOGRID_FILE_COLUMNS "id, key_id, name, purpose, size_bytes, created_at, expires_at "
#define GOGRID_BATCH_COLUMNS                                                                                \
  "id, key_id, endpoint, completion_window, input_file, output_file, error_file, metadata, errors, state, " \
  "priority, created_at, expires_at, in_progress_at, finalizing_at, completed_at, failed_at, expired_at, "  \
  "cancelling_at, cancelled_at, total_lines, fed_lines, fed_bytes, succeeded_lines, failed_lines "
// As the index of open batches has it.
#define GOGRID_BATCH_IS_OPEN "state IN ('validating', 'in_progress', 'finalizing', 'cancelling') "

// `conflict` when the id is taken.
Result<void> insert(Connection& connection, const FileRecord& file);
// Replaces the one of the same id.
Result<void> put(Connection& connection, const BatchRecord& batch);
Result<void> insert(Connection& connection, const AuditRecord& act);
// Adds to what is there.
void add(Changes& changes, const UsageRecord& usage);

}  // namespace gogrid::store
