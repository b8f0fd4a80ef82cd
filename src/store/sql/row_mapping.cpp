#include "store/sql/row_mapping.hpp"

#include <algorithm>
#include <utility>

#include "store/sql/labels.hpp"
#include "store/sql/reading.hpp"

namespace gogrid::store {
namespace {

std::uint32_t small(std::int64_t number) { return static_cast<std::uint32_t>(number); }
std::optional<std::int64_t> wide(const std::optional<std::uint32_t>& number) {
  if (!number) return std::nullopt;
  return std::int64_t{*number};
}

}  // namespace

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts)
    text += (text.empty() ? "" : ",") + part;
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// Each read() takes the columns in the order of its table's SELECT below.
void read(const Rows& row, KeyRecord& key) {
  key.id = row.text(0);
  key.secret_sha256 = row.text(1);
  key.name = row.text(2);
  key.scopes = split(row.text(3));
  key.created_at = row.time(4);
  key.expires_at = row.optional_time(5);
  key.revoked_at = row.optional_time(6);
  key.last_used_at = row.optional_time(7);
  key.policy.models = split(row.text(8));
  key.policy.weight = row.real(9);
  key.policy.requests_per_minute = row.integer(10);
  key.policy.tokens_per_minute = row.integer(11);
  key.policy.max_concurrent = row.integer(12);
  key.policy.max_queued = row.integer(13);
}
constexpr auto key_columns =
    "SELECT id, secret_sha256, name, scopes, created_at, expires_at, revoked_at, last_used_at, models, weight, "
    "requests_per_minute, tokens_per_minute, max_concurrent, max_queued FROM api_keys ORDER BY seq";

void read(const Rows& row, TokenRecord& token) {
  token.id = row.text(0);
  token.secret_sha256 = row.text(1);
  token.name = row.text(2);
  token.uses = row.integer(3);
  token.uses_left = row.integer(4);
  token.created_at = row.time(5);
  token.expires_at = row.time(6);
}
constexpr auto token_by_id =
    "SELECT id, secret_sha256, name, uses, uses_left, created_at, expires_at FROM join_tokens WHERE id = $1";
constexpr auto token_columns =
    "SELECT id, secret_sha256, name, uses, uses_left, created_at, expires_at FROM join_tokens ORDER BY seq";

void read(const Rows& row, WorkerRecord& worker) {
  worker.id = row.text(0);
  worker.name = row.text(1);
  worker.host_name = row.text(2);
  worker.certificate_serial = row.text(3);
  worker.certificate_expires_at = row.time(4);
  worker.enrolled_at = row.time(5);
  worker.last_seen_at = row.optional_time(6);
  worker.revoked_at = row.optional_time(7);
  worker.version = row.text(8);
  worker.target = row.text(9);
  worker.labels = labels_from_json(row.text(10));
}
#define WORKER_COLUMNS                                                                                              \
  "SELECT id, name, host_name, certificate_serial, certificate_expires_at, enrolled_at, last_seen_at, revoked_at, " \
  "version, target, labels FROM workers "
constexpr auto worker_by_id = WORKER_COLUMNS "WHERE id = $1";
constexpr auto worker_columns = WORKER_COLUMNS "ORDER BY seq";
#undef WORKER_COLUMNS

void read(const Rows& row, EngineRecord& engine) {
  engine.bundle.sha256 = row.text(0);
  engine.bundle.name = row.text(1);
  engine.bundle.size_bytes = static_cast<std::uint64_t>(row.integer(2));
  engine.version = row.text(3);
  engine.flavour = row.text(4);
  engine.bundle.target = row.text(5);
  engine.created_at = row.time(6);
}
constexpr auto engine_columns =
    "SELECT sha256, name, size_bytes, version, flavour, target, created_at FROM engines ORDER BY seq";

void read(const Rows& row, UploadRecord& upload) {
  upload.sha256 = row.text(0);
  upload.kind = upload_kind_from_string(row.text(1)).value_or(UploadKind::model);
  upload.name = row.text(2);
  upload.size_bytes = static_cast<std::uint64_t>(row.integer(3));
  if (!row.is_null(4)) upload.model_kind = domain::model_kind_from_string(row.text(4));
  if (!row.is_null(5)) upload.context_tokens = small(row.integer(5));
  if (!row.is_null(6)) upload.slots = small(row.integer(6));
  upload.created_at = row.time(7);
}
constexpr auto upload_columns =
    "SELECT sha256, kind, name, size_bytes, model_kind, context_tokens, slots, created_at FROM uploads ORDER BY seq";

Result<void> insert(Connection& connection, const KeyRecord& key) {
  const std::string scopes = join(key.scopes);
  const std::string models = join(key.policy.models);
  const KeyPolicy& policy = key.policy;
  return changed(
      connection.change("INSERT INTO api_keys (id, secret_sha256, name, scopes, created_at, expires_at, revoked_at, "
                        "last_used_at, models, "
                        "weight, requests_per_minute, tokens_per_minute, max_concurrent, max_queued) "
                        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
                        key.id, key.secret_sha256, key.name, scopes, key.created_at, key.expires_at, key.revoked_at,
                        key.last_used_at, models, policy.weight, policy.requests_per_minute, policy.tokens_per_minute,
                        policy.max_concurrent, policy.max_queued));
}

Result<std::int64_t> update(Connection& connection, const std::string& key_id, const KeyPolicy& policy) {
  const std::string models = join(policy.models);
  return connection.change(
      "UPDATE api_keys SET models = $1, weight = $2, requests_per_minute = $3, tokens_per_minute = $4, "
      "max_concurrent = $5, max_queued = $6 WHERE id = $7",
      models, policy.weight, policy.requests_per_minute, policy.tokens_per_minute, policy.max_concurrent,
      policy.max_queued, key_id);
}

Result<void> insert(Connection& connection, const TokenRecord& token) {
  return changed(connection.change(
      "INSERT INTO join_tokens (id, secret_sha256, name, uses, uses_left, created_at, expires_at) VALUES ($1, $2, $3, "
      "$4, $5, $6, $7)",
      token.id, token.secret_sha256, token.name, token.uses, token.uses_left, token.created_at, token.expires_at));
}

Result<void> insert(Connection& connection, const WorkerRecord& worker) {
  const std::string labels = to_json_text(worker.labels);
  return changed(connection.change(
      "INSERT INTO workers (id, name, host_name, certificate_serial, certificate_expires_at, enrolled_at, "
      "last_seen_at, revoked_at, version, target, labels) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
      worker.id, worker.name, worker.host_name, worker.certificate_serial, worker.certificate_expires_at,
      worker.enrolled_at, worker.last_seen_at, worker.revoked_at, worker.version, worker.target, labels));
}

Result<void> insert(Connection& connection, const EngineRecord& engine) {
  return changed(
      connection.change("INSERT INTO engines (sha256, name, size_bytes, version, flavour, target, created_at) VALUES "
                        "($1, $2, $3, $4, $5, $6, $7)",
                        engine.bundle.sha256, engine.bundle.name, engine.bundle.size_bytes, engine.version,
                        engine.flavour, engine.bundle.target, engine.created_at));
}

Result<void> insert(Connection& connection, const UploadRecord& upload) {
  std::optional<std::string_view> model_kind;
  if (upload.model_kind) model_kind = domain::to_string(*upload.model_kind);
  return changed(
      connection.change("INSERT INTO uploads (sha256, kind, name, size_bytes, model_kind, context_tokens, slots, "
                        "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                        upload.sha256, to_string(upload.kind), upload.name, upload.size_bytes, model_kind,
                        wide(upload.context_tokens), wide(upload.slots), upload.created_at));
}

template <>
Result<std::vector<KeyRecord>> select_all(Connection& connection) {
  return read_all<KeyRecord>(connection.query(key_columns));
}
template <>
Result<std::vector<TokenRecord>> select_all(Connection& connection) {
  return read_all<TokenRecord>(connection.query(token_columns));
}
template <>
Result<std::vector<WorkerRecord>> select_all(Connection& connection) {
  return read_all<WorkerRecord>(connection.query(worker_columns));
}
template <>
Result<std::vector<EngineRecord>> select_all(Connection& connection) {
  return read_all<EngineRecord>(connection.query(engine_columns));
}
template <>
Result<std::vector<UploadRecord>> select_all(Connection& connection) {
  return read_all<UploadRecord>(connection.query(upload_columns));
}

template <>
Result<std::optional<TokenRecord>> find(Connection& connection, const std::string& id) {
  return read_one<TokenRecord>(connection.query(token_by_id, id));
}
template <>
Result<std::optional<WorkerRecord>> find(Connection& connection, const std::string& id) {
  return read_one<WorkerRecord>(connection.query(worker_by_id, id));
}

}  // namespace gogrid::store
