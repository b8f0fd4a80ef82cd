#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/audit.hpp"
#include "coordinator/dispatch.hpp"
#include "coordinator/uploads.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

json to_json(const ModelRecord& record, const Dispatcher& dispatcher) {
  const domain::Model& model = record.model;
  const auto outlook = dispatcher.scheduler().outlook(model.id);
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
          {"layers", record.layers},
          {"embedding_length", record.embedding_length},
          {"trained_context_tokens", record.trained_context_tokens},
          {"has_chat_template", record.has_chat_template},
          {"created_at", to_unix_seconds(record.created_at)},
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
    data.push_back(to_json(*model, dispatcher));
  std::string text = to_text(json{{"data", std::move(data)}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> respond_model_not_found(ApiRequest& request) {
  ErrorResponse error(404, "there is no model \"" + request.parameters[0] + "\"", "model_not_found");
  co_await respond_error(request.exchange, std::move(error));
}

asio::awaitable<void> show_model(ApiRequest& request, const ModelLibrary& models, const Dispatcher& dispatcher) {
  const auto model = models.find(request.parameters[0]);
  if (!model) co_return co_await respond_model_not_found(request);
  std::string text = to_text(to_json(*model, dispatcher));
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
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  co_await uploads.discard_blob((*removed)->model.sha256);
  co_await respond_nothing(request.exchange);
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
  router.add("DELETE", "/api/v1/models/{id*}", Scope::admin,
             [&](ApiRequest& request) { return remove_model(request, models, uploads, audit); });
  router.add("GET", "/api/v1/engines", Scope::admin,
             [&](ApiRequest& request) { return list_engines(request, engines); });
  router.add("DELETE", "/api/v1/engines/{id*}", Scope::admin,
             [&](ApiRequest& request) { return remove_engine(request, engines, uploads, audit); });
}

}  // namespace gogrid::coordinator
