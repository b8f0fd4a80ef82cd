-- Times are seconds since 1970 (UTC); hashes and ids lower-case hexadecimal text.

CREATE TABLE api_keys (
  seq           INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  secret_sha256 TEXT NOT NULL,
  name          TEXT NOT NULL,
  scopes        TEXT NOT NULL,  -- separated by commas
  created_at    INTEGER NOT NULL,
  expires_at    INTEGER,
  revoked_at    INTEGER,
  last_used_at  INTEGER
) STRICT;

CREATE TABLE join_tokens (
  seq           INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  secret_sha256 TEXT NOT NULL,
  name          TEXT NOT NULL,
  uses          INTEGER NOT NULL,
  uses_left     INTEGER NOT NULL CHECK (uses_left >= 0),
  created_at    INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE workers (
  seq                    INTEGER PRIMARY KEY,
  id                     TEXT NOT NULL UNIQUE,
  name                   TEXT NOT NULL,
  host_name              TEXT NOT NULL,
  certificate_serial     TEXT NOT NULL,
  certificate_expires_at INTEGER NOT NULL,
  enrolled_at            INTEGER NOT NULL,
  last_seen_at           INTEGER,
  revoked_at             INTEGER,
  version                TEXT NOT NULL DEFAULT '',
  target                 TEXT NOT NULL DEFAULT ''
) STRICT;
-- A revoked worker gives its name free.
CREATE UNIQUE INDEX workers_name ON workers (name) WHERE revoked_at IS NULL;

CREATE TABLE models (
  seq                    INTEGER PRIMARY KEY,
  id                     TEXT NOT NULL UNIQUE,
  name                   TEXT NOT NULL UNIQUE,
  kind                   TEXT NOT NULL,
  sha256                 TEXT NOT NULL,
  size_bytes             INTEGER NOT NULL,
  context_tokens         INTEGER NOT NULL,
  slots                  INTEGER NOT NULL,
  title                  TEXT NOT NULL,
  architecture           TEXT NOT NULL,
  quantization           TEXT NOT NULL,
  parameters             INTEGER NOT NULL,
  layers                 INTEGER NOT NULL,
  embedding_length       INTEGER NOT NULL,
  trained_context_tokens INTEGER NOT NULL,
  has_chat_template      INTEGER NOT NULL,
  created_at             INTEGER NOT NULL
) STRICT;

CREATE TABLE engines (
  seq        INTEGER PRIMARY KEY,
  sha256     TEXT NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  version    TEXT NOT NULL,
  flavour    TEXT NOT NULL,
  target     TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE uploads (
  seq            INTEGER PRIMARY KEY,
  sha256         TEXT NOT NULL UNIQUE,
  kind           TEXT NOT NULL,
  name           TEXT NOT NULL,
  size_bytes     INTEGER NOT NULL,
  model_kind     TEXT,
  context_tokens INTEGER,
  slots          INTEGER,
  created_at     INTEGER NOT NULL
) STRICT;
