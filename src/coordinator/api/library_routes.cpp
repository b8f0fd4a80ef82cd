#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/api/model_fields.hpp"
#include "coordinator/audit.hpp"
#include "coordinator/dispatch.hpp"
#include "coordinator/uploads.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

json to_json(const domain::ModelFile& file) {
  json out{{"role", domain::to_string(file.role)}, {"sha256", file.sha256}, {"size_bytes", file.size_bytes}};
  if (file.role == domain::FileRole::adapter) out["scale"] = file.scale_permille / 1000.0;
  return out;
}

json to_json(const domain::Measured& measured) {
  return {{"device", measured.key.device},
          {"device_count", measured.key.device_count},
          {"device_layers", measured.key.device_layers},
          {"context_tokens", measured.key.context_tokens},
          {"slots", measured.key.slots},
          {"kv_type", domain::to_string(measured.key.kv_type)},
          {"device_bytes", measured.memory.device_bytes},
          {"host_bytes", measured.memory.host_bytes},
          {"mapped_bytes", measured.memory.mapped_bytes}};
}

json to_json(const ModelRecord& record, const Dispatcher& dispatcher, const ModelLibrary& models) {
  const domain::Model& model = record.model;
  const auto outlook = dispatcher.scheduler().outlook(model.id);
  json files = json::array();
  for (const auto& file : domain::files_of(model))
    files.push_back(to_json(file));
  json memory = json::array();
  for (const auto& measured : dispatcher.scheduler().measured(model.id))
    memory.push_back(to_json(measured));
  return {{"id", model.id.text()},
          {"name", model.name},
          {"kind", domain::to_string(model.kind)},
          {"sha256", model.sha256},
          {"size_bytes", model.size_bytes},
          {"context_tokens", model.context_tokens},
          {"slots", model.slots},
          {"title", record.title},
          {"architecture", record.architecture},
          {"parameters", record.parameters},
          {"quantization", record.quantization},
          {"layers", model.shape.layers},
          {"embedding_length", model.shape.embedding_length},
          {"kv_bytes_per_token", model.shape.kv_bytes_per_token},
          {"vocabulary", model.shape.vocabulary},
          {"files", std::move(files)},
          {"kv_type", domain::to_string(model.kv_type)},
          {"idle_timeout_seconds", model.idle_timeout.count()},
          {"min_replicas", model.min_replicas},
          {"max_replicas", model.max_replicas},
          {"worker_labels", model.worker_labels},
          {"gpu_policy", domain::to_string(model.gpu_policy)},
          {"gpus", model.gpus},
          {"tags", record.tags},
          {"aliases", models.aliases_of(model.name)},
          {"trained_context_tokens", record.trained_context_tokens},
          {"has_chat_template", record.has_chat_template},
          {"created_at", to_unix_seconds(record.created_at)},
          {"detail", domain::describe(outlook)},
          {"memory", std::move(memory)},
          {"replicas", {{"ready", outlook.ready}, {"total", outlook.workers_with_model()}}}};
}

json to_json(const EngineRecord& engine, const EngineRegistry& engines) {
  return {{"id", engine.bundle.sha256},
          {"name", engine.bundle.name},
          {"size_bytes", engine.bundle.size_bytes},
          {"flavour", engine.flavour},
          {"version", engine.version},
          {"target", engine.bundle.target},
          {"current", engines.is_current(engine)},
          {"created_at", to_unix_seconds(engine.created_at)}};
}

asio::awaitable<void> list_models(ApiRequest& request, const ModelLibrary& models, const Dispatcher& dispatcher) {
  json data = json::array();
  for (const auto& model : models.list())
    data.push_back(to_json(*model, dispatcher, models));
  std::string text = to_text(json{{"data", std::move(data)}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> respond_model_not_found(ApiRequest& request) {
  ErrorResponse error(404, "there is no model \"" + request.parameters[0] + "\"", "model_not_found");
  co_await respond_error(request.exchange, std::move(error));
}

asio::awaitable<void> show_model(ApiRequest& request, const ModelLibrary& models, const Dispatcher& dispatcher) {
  const auto model = models.resolve(request.parameters[0]);
  if (!model) co_return co_await respond_model_not_found(request);
  std::string text = to_text(to_json(*model, dispatcher, models));
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> remove_model(ApiRequest& request, ModelLibrary& models, Uploads& uploads, AuditLog& audit) {
  const ModelLibrary::Entry model = models.find(request.parameters[0]);
  if (!model) co_return co_await respond_model_not_found(request);
  const std::string id = model->model.id.text();
  const json detail{{"name", model->model.name}, {"sha256", model->model.sha256}};
  AuditLog::Act act{request.key->id, "model.remove", id, to_text(detail)};
  std::function<Pending<ModelLibrary::Entry>()> remove = [&] { return models.remove(id); };
  const auto removed = co_await audit.perform(std::move(act), std::move(remove));
  if (!removed) {
    ErrorResponse error(removed.error());
    if (error.status == 404) error.code = "model_not_found";
    if (error.status == 409) error.code = "model_in_use";
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  for (const auto& file : domain::files_of((*removed)->model))
    co_await uploads.discard_blob(file.sha256);
  co_await respond_nothing(request.exchange);
}

asio::awaitable<void> add_model(ApiRequest& request, const ModelLibrary& models, Uploads& uploads,
                                const Dispatcher& dispatcher) {
  std::vector<std::string_view> known{"name", "files", "kind"};
  known.insert(known.end(), model_setting_names().begin(), model_setting_names().end());
  const auto fields = co_await read_fields(request.exchange, std::move(known), max_model_body_bytes);
  if (!fields) co_return co_await respond_error(request.exchange, fields.error());
  auto text = fields->required_text("name", 256);
  if (!text) co_return co_await respond_error(request.exchange, text.error());
  auto name = check_name(std::move(*text), "name");
  if (!name) co_return co_await respond_error(request.exchange, name.error());
  auto files = read_model_files(*fields, "files");
  if (!files) co_return co_await respond_error(request.exchange, files.error());
  auto settings = read_model_settings(*fields, "kind");
  if (!settings) co_return co_await respond_error(request.exchange, settings.error());
  ModelSpec spec;
  spec.name = std::move(*name);
  spec.files = std::move(*files);
  spec.settings = std::move(*settings);
  const bool is_new = !models.find_by_name(spec.name);
  const auto added = co_await uploads.add_model(std::move(spec), request.key->id);
  if (!added) co_return co_await respond_error(request.exchange, added.error());
  const int status = is_new ? 201 : 200;
  std::string body = to_text(to_json(**added, dispatcher, models));
  co_await respond_json(request.exchange, status, std::move(body));
}

asio::awaitable<void> change_model(ApiRequest& request, const ModelLibrary& models, Uploads& uploads,
                                   const Dispatcher& dispatcher) {
  std::vector<std::string_view> known = model_setting_names();
  known.push_back("kind");
  const auto fields = co_await read_fields(request.exchange, std::move(known), max_model_body_bytes);
  if (!fields) co_return co_await respond_error(request.exchange, fields.error());
  auto settings = read_model_settings(*fields, "kind");
  if (!settings) co_return co_await respond_error(request.exchange, settings.error());
  const auto model = models.resolve(request.parameters[0]);
  if (!model) co_return co_await respond_model_not_found(request);
  const auto changed = co_await uploads.change_model(model->model.id.text(), std::move(*settings), request.key->id);
  if (!changed) co_return co_await respond_error(request.exchange, changed.error());
  std::string body = to_text(to_json(**changed, dispatcher, models));
  co_await respond_json(request.exchange, 200, std::move(body));
}

asio::awaitable<void> list_engines(ApiRequest& request, const EngineRegistry& engines) {
  json data = json::array();
  for (const auto& engine : engines.list())
    data.push_back(to_json(engine, engines));
  std::string text = to_text(json{{"data", std::move(data)}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> remove_engine(ApiRequest& request, EngineRegistry& engines, Uploads& uploads, AuditLog& audit) {
  const auto engine = engines.find(request.parameters[0]);
  if (!engine) {
    const Error missing(ErrorCode::not_found, "there is no engine \"" + request.parameters[0] + "\"");
    co_return co_await respond_error(request.exchange, missing);
  }
  const std::string sha256 = engine->bundle.sha256;
  AuditLog::Act act{request.key->id, "engine.remove", sha256, to_text(json{{"name", engine->bundle.name}})};
  std::function<Pending<EngineRecord>()> remove = [&] { return engines.remove(sha256); };
  const auto removed = co_await audit.perform(std::move(act), std::move(remove));
  if (!removed) co_return co_await respond_error(request.exchange, removed.error());
  co_await uploads.discard_blob(sha256);
  co_await respond_nothing(request.exchange);
}

}  // namespace

void mount_library_routes(Router& router, ModelLibrary& models, EngineRegistry& engines, Uploads& uploads,
                          AuditLog& audit, const Dispatcher& dispatcher) {
  router.add("GET", "/api/v1/models", Scope::admin,
             [&](ApiRequest& request) { return list_models(request, models, dispatcher); });
  router.add("GET", "/api/v1/models/{id*}", Scope::admin,
             [&](ApiRequest& request) { return show_model(request, models, dispatcher); });
  router.add("POST", "/api/v1/models", Scope::admin,
             [&](ApiRequest& request) { return add_model(request, models, uploads, dispatcher); });
  router.add("PATCH", "/api/v1/models/{id*}", Scope::admin,
             [&](ApiRequest& request) { return change_model(request, models, uploads, dispatcher); });
  router.add("DELETE", "/api/v1/models/{id*}", Scope::admin,
             [&](ApiRequest& request) { return remove_model(request, models, uploads, audit); });
  router.add("GET", "/api/v1/engines", Scope::admin,
             [&](ApiRequest& request) { return list_engines(request, engines); });
  router.add("DELETE", "/api/v1/engines/{id*}", Scope::admin,
             [&](ApiRequest& request) { return remove_engine(request, engines, uploads, audit); });
}

}  // namespace gogrid::coordinator
