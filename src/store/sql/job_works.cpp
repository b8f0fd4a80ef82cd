#include "store/sql/job_works.hpp"

#include <algorithm>

#include "store/sql/batch_mapping.hpp"
#include "store/sql/job_mapping.hpp"
#include "store/sql/reading.hpp"

namespace gogrid::store {
namespace {

// Bounds the memory that the parameters of one exchange take.
constexpr std::size_t max_together = 500;

struct NewRow {
  const NewJob* job;
  JobStore::Added* added;
};

struct ChangeRow {
  const JobChange* change;
  std::vector<bool>::reference applied;
};

// Calls `run` with as many of `rows` at a time as go together.
template <class Row, class Run>
Result<void> in_chunks(std::span<Row> rows, Run run) {
  while (!rows.empty()) {
    const auto chunk = rows.first(std::min(rows.size(), max_together));
    if (auto done = run(chunk); !done) return done;
    rows = rows.subspan(chunk.size());
  }
  return {};
}

// For a job that was not added: its id is there, or its idempotency key.
Result<JobStore::Added> find_existing(Connection& connection, const JobRecord& job) {
  auto same_id = connection.query("SELECT key_id, request_sha256 FROM jobs WHERE id = $1", job.id.value());
  if (!same_id) return same_id.error();
  auto found = same_id->next();
  if (!found) return found.error();
  JobStore::Added added;
  if (*found) {
    // The same job once more: its caller could not know that it was stored.
    if (same_id->text(0) != job.key_id || same_id->text(1) != job.request_sha256)
      return Error(ErrorCode::conflict, "another job has the id " + job.id.text());
    added.id = job.id;
    added.request_sha256 = job.request_sha256;
    return added;
  }
  auto same_key = connection.query("SELECT id, request_sha256 FROM jobs WHERE key_id = $1 AND idempotency_key = $2",
                                   job.key_id, job.idempotency_key);
  if (!same_key) return same_key.error();
  found = same_key->next();
  if (!found) return found.error();
  if (!*found) return Error(ErrorCode::internal, "the database did not take the job " + job.id.text());
  added.id = domain::JobId(same_key->integer(0));
  added.is_new = false;
  added.request_sha256 = same_key->text(1);
  return added;
}

Result<void> add_chunk(Connection& connection, std::span<NewRow> rows) {
  Changes records;
  for (const NewRow& row : rows)
    insert(records, row.job->record);
  const auto counts = connection.change_all(records);
  if (!counts) return counts.error();
  Changes requests;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const NewJob& job = *rows[i].job;
    if ((*counts)[i] == 0) continue;
    rows[i].added->id = job.record.id;
    rows[i].added->is_new = true;
    rows[i].added->request_sha256 = job.record.request_sha256;
    requests.add("INSERT INTO job_requests (job_id, body) VALUES ($1, $2)", job.record.id.value(), Bytes{job.request});
  }
  if (auto stored = connection.change_all(requests); !stored) return stored.error();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if ((*counts)[i] != 0) continue;
    auto existing = find_existing(connection, rows[i].job->record);
    if (!existing) return existing.error();
    *rows[i].added = std::move(*existing);
  }
  return {};
}

void lease(Changes& updates, const JobLeased& leased) {
  updates.add(
      "UPDATE jobs SET state = 'leased', lease = $1, attempts = $2, worker_id = $3, leased_at = $4, retry_at = NULL "
      "WHERE id = $5 AND finished_at IS NULL AND lease < $1",
      leased.lease, leased.attempts, leased.worker_id, ms(leased.at), leased.job.value());
}

void end(Changes& updates, const JobEnded& ended) {
  const bool final = domain::is_final(ended.state);
  const std::int64_t parts = ended.status == 0 ? 0 : ended.parts_before + (ended.result.empty() ? 0 : 1);
  const std::uint64_t bytes = ended.status == 0 ? 0 : ended.bytes_before + ended.result.size();
  updates.add(
      "UPDATE jobs SET state = $1, retry_at = $2, finished_at = $3, error_code = $4, error_message = $5, status = $6, "
      "content_type = $7, result_bytes = $8, result_parts = $9, prompt_tokens = $10, completion_tokens = $11, "
      "attempts = COALESCE($12, attempts) WHERE id = $13 AND finished_at IS NULL AND ($14 = 0 OR lease = $14)",
      domain::to_string(ended.state), final ? std::nullopt : ms(ended.retry_at),
      final ? std::optional(ms(ended.at)) : std::nullopt, ended.error_code, ended.error_message, ended.status,
      ended.content_type, bytes, parts, ended.prompt_tokens, ended.completion_tokens, ended.attempts, ended.job.value(),
      ended.lease);
}

// What belongs to an end that was applied.
void add_end(Changes& changes, const JobEnded& ended) {
  const bool with_result = ended.status != 0;
  if (ended.attempt) insert(changes, ended.job, *ended.attempt);
  // A first attempt with a result in one piece, which nearly all are, has left no parts to remove.
  if (!with_result || ended.parts_before != 0 || !ended.attempt || ended.attempt->number > 1) {
    changes.add(
        "DELETE FROM result_parts WHERE job_id = $1 AND "
        "(part >= $2 OR lease <> (SELECT lease FROM jobs WHERE id = $1))",
        ended.job.value(), with_result ? ended.parts_before : std::int64_t{0});
  }
  if (with_result && !ended.result.empty()) {
    changes.add(
        "INSERT INTO result_parts (job_id, part, lease, bytes) SELECT id, $1, lease, $2 FROM jobs WHERE id = $3 "
        "ON CONFLICT (job_id, part) DO UPDATE SET lease = excluded.lease, bytes = excluded.bytes",
        ended.parts_before, Bytes{ended.result}, ended.job.value());
  }
  if (ended.webhook) insert(changes, *ended.webhook);
}

Result<void> change_chunk(Connection& connection, std::span<ChangeRow> rows) {
  Changes updates;
  for (const ChangeRow& row : rows) {
    if (const auto* leased = std::get_if<JobLeased>(row.change)) lease(updates, *leased);
    if (const auto* ended = std::get_if<JobEnded>(row.change)) end(updates, *ended);
  }
  const auto counts = connection.change_all(updates);
  if (!counts) return counts.error();
  Changes more;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].applied = (*counts)[i] != 0;
    const auto* ended = std::get_if<JobEnded>(rows[i].change);
    if (ended && rows[i].applied) add_end(more, *ended);
  }
  if (auto made = connection.change_all(more); !made) return made.error();
  return {};
}

}  // namespace

const void* AddJobs::kind() const {
  static constexpr char kind = 0;
  return batch_ ? nullptr : &kind;
}

Result<void> AddJobs::run(Connection& connection) {
  Work* const self = this;
  if (auto added = run_together(connection, std::span(&self, 1)); !added) return added;
  if (!batch_) return {};
  return put(connection, *batch_);
}

Result<void> AddJobs::run_together(Connection& connection, std::span<Work* const> works) {
  std::vector<NewRow> rows;
  for (Work* work : works) {
    auto& adding = static_cast<AddJobs&>(*work);
    adding.added_.assign(adding.jobs_.size(), {});
    for (std::size_t i = 0; i < adding.jobs_.size(); ++i)
      rows.push_back({&adding.jobs_[i], &adding.added_[i]});
  }
  return in_chunks(std::span(rows), [&](std::span<NewRow> chunk) { return add_chunk(connection, chunk); });
}

const void* ChangeJobs::kind() const {
  static constexpr char kind = 0;
  return &kind;
}

Result<void> ChangeJobs::run(Connection& connection) {
  Work* const self = this;
  return run_together(connection, std::span(&self, 1));
}

Result<void> ChangeJobs::run_together(Connection& connection, std::span<Work* const> works) {
  std::vector<ChangeRow> rows;
  for (Work* work : works) {
    auto& changing = static_cast<ChangeJobs&>(*work);
    changing.applied_.assign(changing.changes_.size(), false);
    for (std::size_t i = 0; i < changing.changes_.size(); ++i)
      rows.push_back({&changing.changes_[i], changing.applied_[i]});
  }
  return in_chunks(std::span(rows), [&](std::span<ChangeRow> chunk) { return change_chunk(connection, chunk); });
}

}  // namespace gogrid::store
