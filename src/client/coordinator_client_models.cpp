// CoordinatorClient: models, aliases, and the labels of workers.
#include "client/api_connection.hpp"
#include "client/coordinator_client.hpp"

namespace gogrid::client {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

json to_object(const NamedTexts& pairs) {
  json object = json::object();
  for (const auto& [name, value] : pairs)
    object[name] = value;
  return object;
}

void add_settings(const ModelSettings& settings, const char* kind_name, json& body) {
  if (!settings.kind.empty()) body[kind_name] = settings.kind;
  if (settings.context_tokens) body["context_tokens"] = *settings.context_tokens;
  if (settings.slots) body["slots"] = *settings.slots;
  if (!settings.kv_type.empty()) body["kv_type"] = settings.kv_type;
  if (settings.chat_template) body["chat_template"] = *settings.chat_template;
  if (settings.idle_timeout_seconds) body["idle_timeout_seconds"] = *settings.idle_timeout_seconds;
  if (settings.min_replicas) body["min_replicas"] = *settings.min_replicas;
  if (settings.max_replicas) body["max_replicas"] = *settings.max_replicas;
  if (settings.worker_labels) body["worker_labels"] = to_object(*settings.worker_labels);
  if (!settings.gpu_policy.empty()) body["gpu_policy"] = settings.gpu_policy;
  if (settings.gpus) body["gpus"] = *settings.gpus;
  if (settings.tags) body["tags"] = *settings.tags;
}

void add_files(const ModelRequest& request, json& body) {
  body["files"] = json::array();
  for (const auto& file : request.files) {
    json element{{"sha256", file.sha256}};
    if (file.scale) element["scale"] = *file.scale;
    body["files"].push_back(std::move(element));
  }
}

}  // namespace

asio::awaitable<Result<Answer<Model>>> CoordinatorClient::add_model(ModelRequest request) {
  json body{{"name", request.name}};
  add_files(request, body);
  add_settings(request.settings, "kind", body);
  return api_->post<Model>("/api/v1/models", to_json(body));
}

asio::awaitable<Result<Answer<Model>>> CoordinatorClient::change_model(std::string name, ModelSettings settings) {
  json body = json::object();
  add_settings(settings, "kind", body);
  return api_->ask<Model>("PATCH", "/api/v1/models/" + segment(name), to_json(body));
}

asio::awaitable<Result<Answer<ModelFetch>>> CoordinatorClient::begin_fetch(std::string url, std::string sha256,
                                                                           ModelRequest request) {
  json body{{"kind", "model"}, {"name", request.name}, {"url", url}};
  if (!sha256.empty()) body["sha256"] = sha256;
  if (!request.files.empty()) add_files(request, body);
  add_settings(request.settings, "model_kind", body);
  return api_->post<ModelFetch>("/api/v1/uploads", to_json(body));
}

asio::awaitable<Result<Answer<ModelFetch>>> CoordinatorClient::model_fetch(std::string id) {
  return api_->get<ModelFetch>("/api/v1/uploads/" + segment(id));
}

asio::awaitable<Result<Answer<std::vector<Alias>>>> CoordinatorClient::aliases() {
  return api_->get<std::vector<Alias>>("/api/v1/aliases");
}

asio::awaitable<Result<Answer<Alias>>> CoordinatorClient::set_alias(std::string name, std::string target) {
  return api_->ask<Alias>("PUT", "/api/v1/aliases/" + segment(name), to_json(json{{"target", target}}));
}

asio::awaitable<Result<void>> CoordinatorClient::remove_alias(std::string name) {
  return api_->remove("/api/v1/aliases/" + segment(name));
}

asio::awaitable<Result<Answer<Worker>>> CoordinatorClient::label_worker(std::string name, NamedTexts set,
                                                                        std::vector<std::string> remove) {
  json labels = to_object(set);
  for (const std::string& key : remove)
    labels[key] = nullptr;
  return api_->ask<Worker>("PATCH", "/api/v1/workers/" + segment(name), to_json(json{{"labels", labels}}));
}

}  // namespace gogrid::client
