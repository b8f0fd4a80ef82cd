#include "coordinator/api/inference.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/api/inference_check.hpp"
#include "coordinator/api/inference_errors.hpp"
#include "coordinator/api/kept_streams.hpp"
#include "coordinator/api/rate_limit_headers.hpp"
#include "coordinator/dispatch.hpp"
#include "coordinator/registry.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using wire::InferenceEndpoint;

namespace {

// https://platform.openai.com/docs/api-reference/models/object, and what only GoGrid knows.
// `id`: its name, or an alias of it.
nlohmann::ordered_json model_json(const std::string& id, const ModelRecord& record, const domain::Outlook& outlook) {
  nlohmann::ordered_json model = {{"id", id},
                                  {"object", "model"},
                                  {"created", to_unix_seconds(record.created_at)},
                                  {"owned_by", "gogrid"},
                                  {"gogrid",
                                   {{"kind", domain::to_string(record.model.kind)},
                                    {"context_tokens", record.model.context_tokens},
                                    {"replicas", {{"ready", outlook.ready}, {"total", outlook.workers_with_model()}}},
                                    {"slots", {{"busy", outlook.slots_busy}, {"total", outlook.slots}}}}}};
  if (id != record.model.name) model["gogrid"]["alias_of"] = record.model.name;
  if (!record.tags.empty()) model["gogrid"]["tags"] = record.tags;
  return model;
}

bool may_use(const ApiRequest& request, const ModelRecord& record, const std::string& name) {
  return !request.key || request.key->may_use(record.model.name) || request.key->may_use(name);
}

const std::vector<std::string>& allowed_models(const ApiRequest& request) {
  static const std::vector<std::string> all;
  return request.key ? request.key->models : all;
}

}  // namespace

InferenceApi::InferenceApi(Dispatcher& dispatcher, const ModelLibrary& models, KeptStreams& kept, UsageMeter& usage,
                           Metrics& metrics, const Clock& clock, Options options)
    : dispatcher_(dispatcher),
      models_(models),
      kept_(kept),
      usage_(usage),
      metrics_(metrics),
      clock_(clock),
      options_(options),
      memory_(options.max_held_bytes) {}

void InferenceApi::mount(Router& router) {
  const auto post = [&](const char* pattern, InferenceEndpoint endpoint) {
    const auto handler = [this, endpoint](ApiRequest& request) { return handle(request, endpoint); };
    router.add("POST", pattern, Scope::inference, handler, style_of(endpoint));
  };
  post("/v1/chat/completions", InferenceEndpoint::chat_completions);
  post("/v1/completions", InferenceEndpoint::completions);
  post("/v1/embeddings", InferenceEndpoint::embeddings);
  post("/v1/rerank", InferenceEndpoint::rerank);
  post("/rerank", InferenceEndpoint::rerank);
  post("/v1/responses", InferenceEndpoint::responses);
  post("/v1/messages", InferenceEndpoint::messages);
  post("/v1/messages/count_tokens", InferenceEndpoint::count_tokens);
  router.add("GET", "/v1/models", Scope::inference, [this](ApiRequest& request) { return list_models(request); });
  // The name of a model may hold slashes.
  router.add("GET", "/v1/models/{id*}", Scope::inference, [this](ApiRequest& request) { return show_model(request); });
}

asio::awaitable<void> InferenceApi::handle(ApiRequest& request, InferenceEndpoint endpoint) {
  const SteadyTime arrived_at = clock_.steady_now();
  net::HttpExchange& exchange = request.exchange;
  const ErrorStyle style = style_of(endpoint);
  if (request.key) {
    request.on_response = [this, key = domain::KeyId(request.key->id)](net::Headers& headers) {
      const domain::Scheduler& scheduler = dispatcher_.scheduler();
      const SteadyTime now = clock_.steady_now();
      add_rate_limit_headers(headers, scheduler.request_rate(key, now), scheduler.token_rate(key, now));
    };
  }
  BodyMemory::Hold memory(memory_);
  auto body = co_await read_body(exchange, memory, options_.max_body_bytes);
  if (!body) co_return co_await respond_error(exchange, body.error(), style);
  auto checked = check_inference(endpoint, *body, models_, allowed_models(request));
  if (!checked) co_return co_await respond_error(exchange, checked.error(), style);
  Forward::Work work;
  work.endpoint = endpoint;
  work.model = checked->model->model;
  work.prefixes = std::move(checked->request.prefixes);
  work.prompt_tokens = checked->request.prompt_tokens;
  work.body = std::move(*body);
  work.memory = std::move(memory);
  work.arrived_at = arrived_at;
  work.migration = options_.migration;
  work.wait_until = Deadline::at(arrived_at + options_.wait_timeout);
  if (const auto time = kept_.wanted(request); time && checked->request.stream) {
    const auto kept_work = std::make_shared<Forward::Work>(std::move(work));
    KeptStreams::Answer answer = [this, kept_work](ApiRequest& kept) { return forward(kept, kept_work); };
    co_return co_await kept_.keep(request, *time, std::move(answer));
  }
  Forward forward(request, dispatcher_, usage_, metrics_, clock_, std::move(work));
  co_await forward.run();
}

asio::awaitable<void> InferenceApi::forward(ApiRequest& request, std::shared_ptr<Forward::Work> work) {
  Forward forward(request, dispatcher_, usage_, metrics_, clock_, std::move(*work));
  co_await forward.run();
}

asio::awaitable<void> InferenceApi::list_models(ApiRequest& request) {
  auto data = nlohmann::ordered_json::array();
  for (const auto& entry : models_.list()) {
    const std::string& name = entry->model.name;
    if (!may_use(request, *entry, name)) continue;
    data.push_back(model_json(name, *entry, dispatcher_.scheduler().outlook(entry->model.id)));
  }
  for (const auto& [name, alias] : models_.aliases()) {
    const ModelLibrary::Entry entry = models_.resolve(name);
    if (!entry || !may_use(request, *entry, name)) continue;
    data.push_back(model_json(name, *entry, dispatcher_.scheduler().outlook(entry->model.id)));
  }
  const nlohmann::ordered_json list{{"object", "list"}, {"data", std::move(data)}};
  std::string text = list.dump();
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> InferenceApi::show_model(ApiRequest& request) {
  const std::string name = request.parameters.front();
  const ModelLibrary::Entry entry = models_.resolve(name);
  if (!entry || !may_use(request, *entry, name)) {
    ErrorResponse error = model_not_found(name);
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  const std::string& id = models_.aliases().contains(name) ? name : entry->model.name;
  std::string text = model_json(id, *entry, dispatcher_.scheduler().outlook(entry->model.id)).dump();
  co_await respond_json(request.exchange, 200, std::move(text));
}

}  // namespace gogrid::coordinator
