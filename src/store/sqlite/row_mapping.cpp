#include "store/sqlite/row_mapping.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace gogrid::store {
namespace {

Result<void> done(const Result<std::int64_t>& changes) {
  if (!changes) return changes.error();
  return {};
}

std::int64_t signed_of(std::uint64_t number) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(number, std::numeric_limits<std::int64_t>::max()));
}
std::uint32_t small(std::int64_t number) { return static_cast<std::uint32_t>(number); }
std::optional<std::int64_t> wide(const std::optional<std::uint32_t>& number) {
  if (!number) return std::nullopt;
  return std::int64_t{*number};
}

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

domain::ModelKind kind_from(const std::string& text) {
  return domain::model_kind_from_string(text).value_or(domain::ModelKind::chat);
}

// Each read_* takes the columns in the order of its table's SELECT below.
void read(const Rows& row, KeyRecord& key) {
  key.id = row.text(0);
  key.secret_sha256 = row.text(1);
  key.name = row.text(2);
  key.scopes = split(row.text(3));
  key.created_at = row.time(4);
  key.expires_at = row.optional_time(5);
  key.revoked_at = row.optional_time(6);
  key.last_used_at = row.optional_time(7);
}
constexpr auto key_columns =
    "SELECT id, secret_sha256, name, scopes, created_at, expires_at, revoked_at, last_used_at FROM api_keys ORDER BY "
    "seq";

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
    "SELECT id, secret_sha256, name, uses, uses_left, created_at, expires_at FROM join_tokens WHERE id = ?";
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
}
#define WORKER_COLUMNS                                                                                              \
  "SELECT id, name, host_name, certificate_serial, certificate_expires_at, enrolled_at, last_seen_at, revoked_at, " \
  "version, target FROM workers "
constexpr auto worker_by_id = WORKER_COLUMNS "WHERE id = ?";
constexpr auto worker_columns = WORKER_COLUMNS "ORDER BY seq";
#undef WORKER_COLUMNS

void read(const Rows& row, ModelRecord& record) {
  record.model.id = domain::ModelId(row.text(0));
  record.model.name = row.text(1);
  record.model.kind = kind_from(row.text(2));
  record.model.sha256 = row.text(3);
  record.model.size_bytes = static_cast<std::uint64_t>(row.integer(4));
  record.model.context_tokens = small(row.integer(5));
  record.model.slots = small(row.integer(6));
  record.title = row.text(7);
  record.architecture = row.text(8);
  record.quantization = row.text(9);
  record.parameters = static_cast<std::uint64_t>(row.integer(10));
  record.layers = small(row.integer(11));
  record.embedding_length = small(row.integer(12));
  record.trained_context_tokens = small(row.integer(13));
  record.has_chat_template = row.integer(14) != 0;
  record.created_at = row.time(15);
}
constexpr auto model_columns =
    "SELECT id, name, kind, sha256, size_bytes, context_tokens, slots, title, architecture, quantization, parameters, "
    "layers, "
    "embedding_length, trained_context_tokens, has_chat_template, created_at FROM models ORDER BY seq";

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
  upload.kind = row.text(1) == "engine" ? UploadKind::engine : UploadKind::model;
  upload.name = row.text(2);
  upload.size_bytes = static_cast<std::uint64_t>(row.integer(3));
  if (!row.is_null(4)) upload.model_kind = domain::model_kind_from_string(row.text(4));
  if (!row.is_null(5)) upload.context_tokens = small(row.integer(5));
  if (!row.is_null(6)) upload.slots = small(row.integer(6));
  upload.created_at = row.time(7);
}
constexpr auto upload_columns =
    "SELECT sha256, kind, name, size_bytes, model_kind, context_tokens, slots, created_at FROM uploads ORDER BY seq";

template <class Record>
Result<std::vector<Record>> read_all(Result<Rows> rows) {
  if (!rows) return rows.error();
  std::vector<Record> records;
  for (;;) {
    const auto more = rows->next();
    if (!more) return more.error();
    if (!*more) return records;
    read(*rows, records.emplace_back());
  }
}

template <class Record>
Result<std::optional<Record>> read_one(Result<Rows> rows) {
  auto records = read_all<Record>(std::move(rows));
  if (!records) return records.error();
  if (records->empty()) return std::optional<Record>();
  return std::optional<Record>(std::move(records->front()));
}

}  // namespace

Result<void> insert(Database& database, const KeyRecord& key) {
  const std::string scopes = join(key.scopes);
  return done(database.change(
      "INSERT INTO api_keys (id, secret_sha256, name, scopes, created_at, expires_at, revoked_at, "
      "last_used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      key.id, key.secret_sha256, key.name, scopes, key.created_at, key.expires_at, key.revoked_at, key.last_used_at));
}

Result<void> insert(Database& database, const TokenRecord& token) {
  return done(database.change(
      "INSERT INTO join_tokens (id, secret_sha256, name, uses, uses_left, created_at, expires_at) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
      token.id, token.secret_sha256, token.name, token.uses, token.uses_left, token.created_at, token.expires_at));
}

Result<void> insert(Database& database, const WorkerRecord& worker) {
  return done(database.change(
      "INSERT INTO workers (id, name, host_name, certificate_serial, certificate_expires_at, enrolled_at, "
      "last_seen_at, "
      "revoked_at, version, target) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      worker.id, worker.name, worker.host_name, worker.certificate_serial, worker.certificate_expires_at,
      worker.enrolled_at, worker.last_seen_at, worker.revoked_at, worker.version, worker.target));
}

Result<void> insert(Database& database, const ModelRecord& record) {
  const domain::Model& model = record.model;
  return done(database.change(
      "INSERT INTO models (id, name, kind, sha256, size_bytes, context_tokens, slots, title, architecture, "
      "quantization, "
      "parameters, layers, embedding_length, trained_context_tokens, has_chat_template, created_at) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      model.id.text(), model.name, domain::to_string(model.kind), model.sha256, signed_of(model.size_bytes),
      std::int64_t{model.context_tokens}, std::int64_t{model.slots}, record.title, record.architecture,
      record.quantization, signed_of(record.parameters), std::int64_t{record.layers},
      std::int64_t{record.embedding_length}, std::int64_t{record.trained_context_tokens},
      std::int64_t{record.has_chat_template}, record.created_at));
}

Result<std::int64_t> update(Database& database, const ModelRecord& record) {
  const domain::Model& model = record.model;
  return database.change(
      "UPDATE models SET name = ?, kind = ?, sha256 = ?, size_bytes = ?, context_tokens = ?, slots = ?, title = ?, "
      "architecture = ?, quantization = ?, parameters = ?, layers = ?, embedding_length = ?, trained_context_tokens = "
      "?, "
      "has_chat_template = ? WHERE id = ?",
      model.name, domain::to_string(model.kind), model.sha256, signed_of(model.size_bytes),
      std::int64_t{model.context_tokens}, std::int64_t{model.slots}, record.title, record.architecture,
      record.quantization, signed_of(record.parameters), std::int64_t{record.layers},
      std::int64_t{record.embedding_length}, std::int64_t{record.trained_context_tokens},
      std::int64_t{record.has_chat_template}, model.id.text());
}

Result<void> insert(Database& database, const EngineRecord& engine) {
  return done(
      database.change("INSERT INTO engines (sha256, name, size_bytes, version, flavour, target, created_at) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?)",
                      engine.bundle.sha256, engine.bundle.name, signed_of(engine.bundle.size_bytes), engine.version,
                      engine.flavour, engine.bundle.target, engine.created_at));
}

Result<void> insert(Database& database, const UploadRecord& upload) {
  std::optional<std::string_view> model_kind;
  if (upload.model_kind) model_kind = domain::to_string(*upload.model_kind);
  const std::string_view kind = upload.kind == UploadKind::engine ? "engine" : "model";
  return done(
      database.change("INSERT INTO uploads (sha256, kind, name, size_bytes, model_kind, context_tokens, slots, "
                      "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                      upload.sha256, kind, upload.name, signed_of(upload.size_bytes), model_kind,
                      wide(upload.context_tokens), wide(upload.slots), upload.created_at));
}

template <>
Result<std::vector<KeyRecord>> select_all(Database& database) {
  return read_all<KeyRecord>(database.query(key_columns));
}
template <>
Result<std::vector<TokenRecord>> select_all(Database& database) {
  return read_all<TokenRecord>(database.query(token_columns));
}
template <>
Result<std::vector<WorkerRecord>> select_all(Database& database) {
  return read_all<WorkerRecord>(database.query(worker_columns));
}
template <>
Result<std::vector<ModelRecord>> select_all(Database& database) {
  return read_all<ModelRecord>(database.query(model_columns));
}
template <>
Result<std::vector<EngineRecord>> select_all(Database& database) {
  return read_all<EngineRecord>(database.query(engine_columns));
}
template <>
Result<std::vector<UploadRecord>> select_all(Database& database) {
  return read_all<UploadRecord>(database.query(upload_columns));
}

template <>
Result<std::optional<TokenRecord>> find(Database& database, const std::string& id) {
  return read_one<TokenRecord>(database.query(token_by_id, id));
}
template <>
Result<std::optional<WorkerRecord>> find(Database& database, const std::string& id) {
  return read_one<WorkerRecord>(database.query(worker_by_id, id));
}

}  // namespace gogrid::store
