#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/json_fields.hpp"
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

asio::awaitable<void> show_model(ApiRequest& request, const ModelLibrary& models, const Dispatcher& dispatcher) {
  const auto model = models.find(request.parameters[0]);
  if (!model) {
    ErrorResponse error(404, "there is no model \"" + request.parameters[0] + "\"", "model_not_found");
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  std::string text = to_text(to_json(*model, dispatcher));
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> remove_model(ApiRequest& request, ModelLibrary& models, Uploads& uploads) {
  const auto removed = co_await models.remove(request.parameters[0]);
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

asio::awaitable<void> remove_engine(ApiRequest& request, EngineRegistry& engines, Uploads& uploads) {
  const auto removed = co_await engines.remove(request.parameters[0]);
  if (!removed) co_return co_await respond_error(request.exchange, removed.error());
  co_await uploads.discard_blob(removed->bundle.sha256);
  co_await respond_nothing(request.exchange);
}

}  // namespace

void mount_library_routes(Router& router, ModelLibrary& models, EngineRegistry& engines, Uploads& uploads,
                          const Dispatcher& dispatcher) {
  router.add("GET", "/api/v1/models", Scope::admin,
             [&](ApiRequest& request) { return list_models(request, models, dispatcher); });
  router.add("GET", "/api/v1/models/{id*}", Scope::admin,
             [&](ApiRequest& request) { return show_model(request, models, dispatcher); });
  router.add("DELETE", "/api/v1/models/{id*}", Scope::admin,
             [&](ApiRequest& request) { return remove_model(request, models, uploads); });
  router.add("GET", "/api/v1/engines", Scope::admin,
             [&](ApiRequest& request) { return list_engines(request, engines); });
  router.add("DELETE", "/api/v1/engines/{id*}", Scope::admin,
             [&](ApiRequest& request) { return remove_engine(request, engines, uploads); });
}

}  // namespace gogrid::coordinator
