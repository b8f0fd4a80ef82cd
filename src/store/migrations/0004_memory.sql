-- What models were measured to take of memory. Times are milliseconds since 1970 (UTC).

CREATE TABLE measured_memory (
  seq            INTEGER PRIMARY KEY,
  model_sha256   TEXT NOT NULL,
  size_bytes     INTEGER NOT NULL,
  context_tokens INTEGER NOT NULL,
  slots          INTEGER NOT NULL,
  kv_type        TEXT NOT NULL,
  device         TEXT NOT NULL,
  device_count   INTEGER NOT NULL,
  device_layers  INTEGER NOT NULL,
  device_bytes   INTEGER NOT NULL,
  host_bytes     INTEGER NOT NULL,
  mapped_bytes   INTEGER NOT NULL,
  measured_at    INTEGER NOT NULL,
  UNIQUE (model_sha256, size_bytes, context_tokens, slots, kv_type, device, device_count, device_layers)
) STRICT;
CREATE INDEX measured_memory_measured ON measured_memory (measured_at);
