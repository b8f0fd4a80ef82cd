-- Jobs and what belongs to them, batches, usage, audit, and what a key may do. Times of these tables are milliseconds
-- since 1970 (UTC). A job has ended when it has finished_at.

ALTER TABLE api_keys ADD COLUMN models TEXT NOT NULL DEFAULT '';  -- separated by commas
ALTER TABLE api_keys ADD COLUMN weight REAL NOT NULL DEFAULT 1;
ALTER TABLE api_keys ADD COLUMN requests_per_minute INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN tokens_per_minute INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN max_concurrent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN max_queued INTEGER NOT NULL DEFAULT 0;

CREATE TABLE jobs (
  id                INTEGER PRIMARY KEY,
  key_id            TEXT NOT NULL,
  model             TEXT NOT NULL,
  endpoint          TEXT NOT NULL,
  priority          INTEGER NOT NULL,
  max_attempts      INTEGER NOT NULL,
  created_at        INTEGER NOT NULL,
  not_before        INTEGER,
  deadline          INTEGER,
  idempotency_key   TEXT,
  request_sha256    TEXT NOT NULL,
  request_bytes     INTEGER NOT NULL,
  labels            TEXT NOT NULL,
  webhook_url       TEXT NOT NULL,
  batch             INTEGER,
  batch_line        INTEGER NOT NULL,
  custom_id         TEXT NOT NULL,
  state             TEXT NOT NULL,
  attempts          INTEGER NOT NULL,
  lease             INTEGER NOT NULL,
  worker_id         TEXT NOT NULL,
  leased_at         INTEGER,
  retry_at          INTEGER,
  finished_at       INTEGER,
  error_code        TEXT NOT NULL,
  error_message     TEXT NOT NULL,
  status            INTEGER NOT NULL,
  content_type      TEXT NOT NULL,
  result_bytes      INTEGER NOT NULL,
  result_parts      INTEGER NOT NULL,
  prompt_tokens     INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL
) STRICT;
-- SQLite adds the id to each.
CREATE INDEX jobs_key ON jobs (key_id);
CREATE INDEX jobs_open ON jobs (finished_at) WHERE finished_at IS NULL;
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_idempotency ON jobs (key_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_batch ON jobs (batch) WHERE batch IS NOT NULL;
CREATE INDEX jobs_batch_ended ON jobs (batch, batch_line, state) WHERE batch IS NOT NULL AND finished_at IS NOT NULL;

CREATE TABLE job_requests (
  job_id INTEGER PRIMARY KEY,
  body   BLOB NOT NULL
) STRICT;

CREATE TABLE job_attempts (
  job_id     INTEGER NOT NULL,
  number     INTEGER NOT NULL,
  lease      INTEGER NOT NULL,
  worker_id  TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at   INTEGER NOT NULL,
  outcome    TEXT NOT NULL,
  reason     TEXT NOT NULL,
  PRIMARY KEY (job_id, number, lease)
) STRICT, WITHOUT ROWID;

-- A part counts while its lease is the job's.
CREATE TABLE result_parts (
  job_id INTEGER NOT NULL,
  part   INTEGER NOT NULL,
  lease  INTEGER NOT NULL,
  bytes  BLOB NOT NULL,
  PRIMARY KEY (job_id, part)
) STRICT;

CREATE TABLE webhooks (
  sequence INTEGER PRIMARY KEY,
  id       TEXT NOT NULL,
  key_id   TEXT NOT NULL,
  url      TEXT NOT NULL,
  payload  TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX webhooks_next ON webhooks (next_at);

CREATE TABLE files (
  id         INTEGER PRIMARY KEY,
  key_id     TEXT NOT NULL,
  name       TEXT NOT NULL,
  purpose    TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) STRICT;
CREATE INDEX files_key ON files (key_id);
CREATE INDEX files_expiring ON files (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE batches (
  id                INTEGER PRIMARY KEY,
  key_id            TEXT NOT NULL,
  endpoint          TEXT NOT NULL,
  completion_window TEXT NOT NULL,
  input_file        INTEGER NOT NULL,
  output_file       INTEGER NOT NULL,
  error_file        INTEGER NOT NULL,
  metadata          TEXT NOT NULL,
  errors            TEXT NOT NULL,
  state             TEXT NOT NULL,
  priority          INTEGER NOT NULL,
  created_at        INTEGER NOT NULL,
  expires_at        INTEGER NOT NULL,
  in_progress_at    INTEGER,
  finalizing_at     INTEGER,
  completed_at      INTEGER,
  failed_at         INTEGER,
  expired_at        INTEGER,
  cancelling_at     INTEGER,
  cancelled_at      INTEGER,
  total_lines       INTEGER NOT NULL,
  fed_lines         INTEGER NOT NULL,
  fed_bytes         INTEGER NOT NULL,
  succeeded_lines   INTEGER NOT NULL,
  failed_lines      INTEGER NOT NULL
) STRICT;
CREATE INDEX batches_key ON batches (key_id);
CREATE INDEX batches_open ON batches (state) WHERE state IN ('validating', 'in_progress', 'finalizing', 'cancelling');

CREATE TABLE usage (
  day               INTEGER NOT NULL,  -- days since 1970 (UTC)
  key_id            TEXT NOT NULL,
  model             TEXT NOT NULL,
  requests          INTEGER NOT NULL,
  prompt_tokens     INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  PRIMARY KEY (day, key_id, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  actor    TEXT NOT NULL,
  action   TEXT NOT NULL,
  subject  TEXT NOT NULL,
  detail   TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- INSERT OR REPLACE would delete without asking the trigger above.
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE sequence = NEW.sequence)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- "epoch": of leases. "last_id": the largest ordered id among what was removed.
CREATE TABLE numbers (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
