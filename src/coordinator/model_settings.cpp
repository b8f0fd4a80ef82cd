#include "coordinator/model_settings.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gogrid::coordinator {

Result<void> apply(const ModelSettings& settings, store::ModelRecord& record) {
  domain::Model& model = record.model;
  model.kind = settings.kind.value_or(model.kind);
  model.context_tokens = settings.context_tokens.value_or(model.context_tokens);
  model.slots = settings.slots.value_or(model.slots);
  model.kv_type = settings.kv_type.value_or(model.kv_type);
  model.idle_timeout = settings.idle_timeout.value_or(model.idle_timeout);
  model.min_replicas = settings.min_replicas.value_or(model.min_replicas);
  model.max_replicas = settings.max_replicas.value_or(model.max_replicas);
  if (settings.worker_labels) model.worker_labels = *settings.worker_labels;
  model.gpu_policy = settings.gpu_policy.value_or(model.gpu_policy);
  if (settings.gpus) model.gpus = *settings.gpus;
  if (settings.tags) {
    record.tags = *settings.tags;
    std::sort(record.tags.begin(), record.tags.end());
    record.tags.erase(std::unique(record.tags.begin(), record.tags.end()), record.tags.end());
  }
  if (model.max_replicas > 0 && model.min_replicas > model.max_replicas) {
    return Error(ErrorCode::invalid_argument, "min_replicas is " + std::to_string(model.min_replicas) +
                                                  ", which is more than max_replicas, " +
                                                  std::to_string(model.max_replicas));
  }
  return {};
}

std::string to_json_text(const ModelSettings& settings) {
  nlohmann::json out = nlohmann::json::object();
  if (settings.kind) out["kind"] = domain::to_string(*settings.kind);
  if (settings.context_tokens) out["context_tokens"] = *settings.context_tokens;
  if (settings.slots) out["slots"] = *settings.slots;
  if (settings.kv_type) out["kv_type"] = domain::to_string(*settings.kv_type);
  if (settings.chat_template) out["chat_template"] = *settings.chat_template;
  if (settings.idle_timeout) out["idle_timeout_seconds"] = settings.idle_timeout->count();
  if (settings.min_replicas) out["min_replicas"] = *settings.min_replicas;
  if (settings.max_replicas) out["max_replicas"] = *settings.max_replicas;
  if (settings.worker_labels) out["worker_labels"] = *settings.worker_labels;
  if (settings.gpu_policy) out["gpu_policy"] = domain::to_string(*settings.gpu_policy);
  if (settings.gpus) out["gpus"] = *settings.gpus;
  if (settings.tags) out["tags"] = *settings.tags;
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace gogrid::coordinator
