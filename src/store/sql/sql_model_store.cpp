// SqlStore's models, their files, aliases, and what is being fetched.
#include <map>
#include <utility>

#include "store/sql/labels.hpp"
#include "store/sql/row_mapping.hpp"
#include "store/sql/sql_store_impl.hpp"

namespace gogrid::store {
namespace {

std::uint32_t small(std::int64_t number) { return static_cast<std::uint32_t>(number); }

}  // namespace

void read(const Rows& row, ModelRecord& record) {
  domain::Model& model = record.model;
  model.id = domain::ModelId(row.text(0));
  model.name = row.text(1);
  model.kind = domain::model_kind_from_string(row.text(2)).value_or(domain::ModelKind::chat);
  model.sha256 = row.text(3);
  model.size_bytes = static_cast<std::uint64_t>(row.integer(4));
  model.context_tokens = small(row.integer(5));
  model.slots = small(row.integer(6));
  record.title = row.text(7);
  record.architecture = row.text(8);
  record.quantization = row.text(9);
  record.parameters = static_cast<std::uint64_t>(row.integer(10));
  model.shape.layers = small(row.integer(11));
  model.shape.embedding_length = small(row.integer(12));
  record.trained_context_tokens = small(row.integer(13));
  record.has_chat_template = row.integer(14) != 0;
  record.created_at = row.time(15);
  model.shape.kv_bytes_per_token = static_cast<std::uint64_t>(row.integer(16));
  model.shape.vocabulary = small(row.integer(17));
  model.kv_type = domain::kv_type_from_string(row.text(18)).value_or(domain::KvType::f16);
  model.idle_timeout = std::chrono::seconds(row.integer(19));
  model.min_replicas = small(row.integer(20));
  model.max_replicas = small(row.integer(21));
  model.worker_labels = labels_from_json(row.text(22));
  record.tags = split(row.text(23));
  model.gpu_policy = domain::gpu_policy_from_string(row.text(24)).value_or(domain::GpuPolicy::automatic);
  model.gpus = split(row.text(25));
}
constexpr auto select_models =
    "SELECT id, name, kind, sha256, size_bytes, context_tokens, slots, title, architecture, quantization, parameters, "
    "layers, embedding_length, trained_context_tokens, has_chat_template, created_at, kv_bytes_per_token, vocabulary, "
    "kv_type, idle_timeout, min_replicas, max_replicas, worker_labels, tags, gpu_policy, gpus FROM models ORDER BY seq";

struct FileRow {
  std::string model_id;
  domain::ModelFile file;
};

void read(const Rows& row, FileRow& file) {
  file.model_id = row.text(0);
  file.file.role = domain::file_role_from_string(row.text(1)).value_or(domain::FileRole::weights);
  file.file.sha256 = row.text(2);
  file.file.size_bytes = static_cast<std::uint64_t>(row.integer(3));
  file.file.scale_permille = small(row.integer(4));
}

void read(const Rows& row, AliasRecord& alias) {
  alias.name = row.text(0);
  alias.target = row.text(1);
  alias.created_at = row.time(2);
}

void read(const Rows& row, FetchRecord& fetch) {
  fetch.id = row.text(0);
  fetch.plan = row.text(1);
  fetch.error = row.text(2);
  fetch.created_at = row.time(3);
}

namespace {

Result<void> insert_model(Connection& connection, const ModelRecord& record) {
  const domain::Model& model = record.model;
  const std::string labels = to_json_text(model.worker_labels);
  const std::string tags = join(record.tags);
  return changed(connection.change(
      "INSERT INTO models (id, name, kind, sha256, size_bytes, context_tokens, slots, title, architecture, "
      "quantization, parameters, layers, embedding_length, trained_context_tokens, has_chat_template, created_at, "
      "kv_bytes_per_token, vocabulary, kv_type, idle_timeout, min_replicas, max_replicas, worker_labels, tags, "
      "gpu_policy, gpus) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, "
      "$23, $24, $25, $26)",
      model.id.text(), model.name, domain::to_string(model.kind), model.sha256, model.size_bytes,
      std::int64_t{model.context_tokens}, std::int64_t{model.slots}, record.title, record.architecture,
      record.quantization, record.parameters, std::int64_t{model.shape.layers},
      std::int64_t{model.shape.embedding_length}, std::int64_t{record.trained_context_tokens},
      std::int64_t{record.has_chat_template}, record.created_at, model.shape.kv_bytes_per_token,
      std::int64_t{model.shape.vocabulary}, domain::to_string(model.kv_type), std::int64_t{model.idle_timeout.count()},
      std::int64_t{model.min_replicas}, std::int64_t{model.max_replicas}, labels, tags,
      domain::to_string(model.gpu_policy), join(model.gpus)));
}

Result<std::int64_t> update_model(Connection& connection, const ModelRecord& record) {
  const domain::Model& model = record.model;
  const std::string labels = to_json_text(model.worker_labels);
  const std::string tags = join(record.tags);
  return connection.change(
      "UPDATE models SET name = $1, kind = $2, sha256 = $3, size_bytes = $4, context_tokens = $5, slots = $6, title = "
      "$7, architecture = $8, quantization = $9, parameters = $10, layers = $11, embedding_length = $12, "
      "trained_context_tokens = $13, has_chat_template = $14, kv_bytes_per_token = $15, vocabulary = $16, kv_type = "
      "$17, idle_timeout = $18, min_replicas = $19, max_replicas = $20, worker_labels = $21, tags = $22, "
      "gpu_policy = $23, gpus = $24 WHERE id = $25",
      model.name, domain::to_string(model.kind), model.sha256, model.size_bytes, std::int64_t{model.context_tokens},
      std::int64_t{model.slots}, record.title, record.architecture, record.quantization, record.parameters,
      std::int64_t{model.shape.layers}, std::int64_t{model.shape.embedding_length},
      std::int64_t{record.trained_context_tokens}, std::int64_t{record.has_chat_template},
      model.shape.kv_bytes_per_token, std::int64_t{model.shape.vocabulary}, domain::to_string(model.kv_type),
      std::int64_t{model.idle_timeout.count()}, std::int64_t{model.min_replicas}, std::int64_t{model.max_replicas},
      labels, tags, domain::to_string(model.gpu_policy), join(model.gpus), model.id.text());
}

Result<void> put_files(Connection& connection, const domain::Model& model) {
  const auto removed = connection.change("DELETE FROM model_files WHERE model_id = $1", model.id.text());
  if (!removed) return removed.error();
  std::int64_t position = 0;
  for (const domain::ModelFile& file : model.files) {
    const auto added = connection.change(
        "INSERT INTO model_files (model_id, position, role, sha256, size_bytes, scale_permille) VALUES ($1, $2, $3, "
        "$4, $5, $6)",
        model.id.text(), position++, domain::to_string(file.role), file.sha256, file.size_bytes,
        std::int64_t{file.scale_permille});
    if (!added) return added.error();
  }
  return {};
}

Result<std::vector<ModelRecord>> select_models_with_files(Connection& connection) {
  auto models = read_all<ModelRecord>(connection.query(select_models));
  if (!models) return models.error();
  auto rows = read_all<FileRow>(connection.query(
      "SELECT model_id, role, sha256, size_bytes, scale_permille FROM model_files ORDER BY model_id, position"));
  if (!rows) return rows.error();
  std::map<std::string, std::vector<domain::ModelFile>> files;
  for (FileRow& row : *rows)
    files[row.model_id].push_back(std::move(row.file));
  for (ModelRecord& record : *models)
    record.model.files = std::move(files[record.model.id.text()]);
  return models;
}

}  // namespace

Pending<> SqlStore::put_model(ModelRecord model) {
  return run<void>([model = std::move(model)](Connection& connection) -> Result<void> {
    // An update keeps its place in lists. Two statements, because ON CONFLICT(id) would not tell a taken name apart.
    const auto updated = update_model(connection, model);
    if (!updated) return updated.error();
    if (*updated == 0) {
      if (auto added = insert_model(connection, model); !added) return added;
    }
    return put_files(connection, model.model);
  });
}

Pending<std::vector<ModelRecord>> SqlStore::list_models() {
  return look<std::vector<ModelRecord>>(select_models_with_files);
}

Pending<> SqlStore::remove_model(std::string id) {
  return run<void>([id = std::move(id)](Connection& connection) -> Result<void> {
    const auto files = connection.change("DELETE FROM model_files WHERE model_id = $1", id);
    if (!files) return files.error();
    return changed_one(connection.change("DELETE FROM models WHERE id = $1", id), "model");
  });
}

Pending<> SqlStore::put_alias(AliasRecord alias) {
  return run<void>([alias = std::move(alias)](Connection& connection) {
    return changed(connection.change(
        "INSERT INTO model_aliases (name, target, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET "
        "target = excluded.target",
        alias.name, alias.target, alias.created_at));
  });
}

Pending<std::vector<AliasRecord>> SqlStore::list_aliases() {
  return look<std::vector<AliasRecord>>([](Connection& connection) {
    return read_all<AliasRecord>(connection.query("SELECT name, target, created_at FROM model_aliases ORDER BY seq"));
  });
}

Pending<> SqlStore::remove_alias(std::string name) {
  return run<void>([name = std::move(name)](Connection& connection) {
    return changed_one(connection.change("DELETE FROM model_aliases WHERE name = $1", name), "alias");
  });
}

Pending<> SqlStore::put_fetch(FetchRecord fetch) {
  return run<void>([fetch = std::move(fetch)](Connection& connection) {
    return changed(connection.change(
        "INSERT INTO model_fetches (id, plan, error, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE "
        "SET plan = excluded.plan, error = excluded.error",
        fetch.id, fetch.plan, fetch.error, fetch.created_at));
  });
}

Pending<std::vector<FetchRecord>> SqlStore::list_fetches() {
  return look<std::vector<FetchRecord>>([](Connection& connection) {
    return read_all<FetchRecord>(
        connection.query("SELECT id, plan, error, created_at FROM model_fetches ORDER BY seq"));
  });
}

Pending<> SqlStore::remove_fetch(std::string id) {
  return run<void>([id = std::move(id)](Connection& connection) {
    return changed_one(connection.change("DELETE FROM model_fetches WHERE id = $1", id), "fetch");
  });
}

}  // namespace gogrid::store
