-- What models are made of and served with, other names for them, what is being fetched, and the workers' labels.

ALTER TABLE models ADD COLUMN kv_bytes_per_token INTEGER NOT NULL DEFAULT 0;
ALTER TABLE models ADD COLUMN vocabulary INTEGER NOT NULL DEFAULT 0;
ALTER TABLE models ADD COLUMN kv_type TEXT NOT NULL DEFAULT 'f16';
ALTER TABLE models ADD COLUMN idle_timeout INTEGER NOT NULL DEFAULT 0;  -- seconds
ALTER TABLE models ADD COLUMN min_replicas INTEGER NOT NULL DEFAULT 0;
ALTER TABLE models ADD COLUMN max_replicas INTEGER NOT NULL DEFAULT 0;
ALTER TABLE models ADD COLUMN worker_labels TEXT NOT NULL DEFAULT '{}';  -- a JSON object of strings
ALTER TABLE models ADD COLUMN tags TEXT NOT NULL DEFAULT '';  -- separated by commas

CREATE TABLE model_files (
  seq            INTEGER PRIMARY KEY,
  model_id       TEXT NOT NULL,
  position       INTEGER NOT NULL,
  role           TEXT NOT NULL,
  sha256         TEXT NOT NULL,
  size_bytes     INTEGER NOT NULL,
  scale_permille INTEGER NOT NULL,
  UNIQUE (model_id, position)
) STRICT;
INSERT INTO model_files (model_id, position, role, sha256, size_bytes, scale_permille)
  SELECT id, 0, 'weights', sha256, size_bytes, 1000 FROM models ORDER BY seq;

CREATE TABLE model_aliases (
  seq        INTEGER PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  target     TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE model_fetches (
  seq        INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  plan       TEXT NOT NULL,
  error      TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

ALTER TABLE workers ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';  -- a JSON object of strings
