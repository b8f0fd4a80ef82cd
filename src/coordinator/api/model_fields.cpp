#include "coordinator/api/model_fields.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/sha256.hpp"
#include "base/utf8.hpp"
#include "domain/name.hpp"

namespace gogrid::coordinator {
using nlohmann::json;
namespace {

ErrorResponse wrong(const char* name, const std::string& expected) {
  return ErrorResponse(400, "\"" + std::string(name) + "\" must be " + expected, "invalid_value", name);
}

std::optional<std::uint32_t> narrow(const std::optional<std::int64_t>& number) {
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::optional<ErrorResponse> read_numbers(const JsonFields& fields, ModelSettings& settings) {
  struct Number {
    const char* name;
    std::int64_t least;
    std::int64_t most;
    std::optional<std::uint32_t>* place;
  };
  const Number numbers[] = {{"context_tokens", 1, domain::max_context_tokens, &settings.context_tokens},
                            {"slots", 1, domain::max_slots, &settings.slots},
                            {"min_replicas", 0, max_replicas_of_model, &settings.min_replicas},
                            {"max_replicas", 0, max_replicas_of_model, &settings.max_replicas}};
  for (const Number& number : numbers) {
    const auto value = fields.integer(number.name, number.least, number.most);
    if (!value) return value.error();
    *number.place = narrow(*value);
  }
  const auto idle = fields.integer("idle_timeout_seconds", 0, max_idle_timeout_seconds);
  if (!idle) return idle.error();
  if (*idle) settings.idle_timeout = std::chrono::seconds(**idle);
  return std::nullopt;
}

std::optional<ErrorResponse> read_words(const JsonFields& fields, ModelSettings& settings) {
  auto tags = fields.texts("tags", domain::max_tags);
  if (!tags) return tags.error();
  if (*tags) {
    for (const std::string& tag : **tags) {
      if (!domain::is_tag(tag)) return wrong("tags", "words: " + std::string(domain::tag_rule));
    }
    settings.tags = std::move(**tags);
  }
  auto gpus = fields.texts("gpus", domain::max_gpu_names);
  if (!gpus) return gpus.error();
  if (*gpus) {
    for (const std::string& gpu : **gpus) {
      if (!domain::is_gpu_name(gpu)) return wrong("gpus", "texts: " + std::string(domain::gpu_name_rule));
    }
    settings.gpus = std::move(**gpus);
  }
  if (fields.value("worker_labels")) {
    auto labels = change_labels(fields, "worker_labels", {});
    if (!labels) return labels.error();
    settings.worker_labels = std::move(*labels);
  }
  return std::nullopt;
}

}  // namespace

const std::vector<std::string_view>& model_setting_names() {
  static const std::vector<std::string_view> names{
      "context_tokens",       "slots",        "kv_type",      "chat_template",
      "idle_timeout_seconds", "min_replicas", "max_replicas", "worker_labels",
      "gpu_policy",           "gpus",         "tags"};
  return names;
}

ApiResult<ModelSettings> read_model_settings(const JsonFields& fields, const char* kind_name) {
  ModelSettings settings;
  const auto kind = fields.text(kind_name, 16);
  if (!kind) return kind.error();
  if (*kind && !(settings.kind = domain::model_kind_from_string(**kind)))
    return wrong(kind_name, "chat, embedding or rerank");
  const auto kv_type = fields.text("kv_type", 16);
  if (!kv_type) return kv_type.error();
  if (*kv_type && !(settings.kv_type = domain::kv_type_from_string(**kv_type)))
    return wrong("kv_type", "f16, q8_0 or q4_0");
  const auto gpu_policy = fields.text("gpu_policy", 16);
  if (!gpu_policy) return gpu_policy.error();
  if (*gpu_policy && !(settings.gpu_policy = domain::gpu_policy_from_string(**gpu_policy)))
    return wrong("gpu_policy", "auto, spread or each");
  auto chat_template = fields.text("chat_template", max_template_bytes);
  if (!chat_template) return chat_template.error();
  if (*chat_template && (!is_utf8(**chat_template) || (*chat_template)->find('\0') != std::string::npos))
    return wrong("chat_template", "text in UTF-8");
  settings.chat_template = std::move(*chat_template);
  if (auto error = read_numbers(fields, settings)) return std::move(*error);
  if (auto error = read_words(fields, settings)) return std::move(*error);
  return settings;
}

ApiResult<std::vector<domain::ModelFile>> read_model_files(const JsonFields& fields, const char* name) {
  std::vector<domain::ModelFile> files;
  const json* list = fields.value(name);
  if (!list) return files;
  constexpr double most_scale = 1000;
  const auto bad = [&] {
    return wrong(name, "an array of at most " + std::to_string(max_model_files) +
                           " objects with \"sha256\", 64 lower-case hexadecimal digits, and for an adapter \"scale\", "
                           "from 0 to 1000");
  };
  if (!list->is_array() || list->size() > max_model_files) return bad();
  for (const json& element : *list) {
    if (!element.is_object()) return bad();
    domain::ModelFile file;
    for (const auto& [key, value] : element.items()) {
      if (key == "sha256" && value.is_string()) {
        file.sha256 = value.get<std::string>();
      } else if (key == "scale" && value.is_number() && value.get<double>() >= 0 && value.get<double>() <= most_scale) {
        file.scale_permille = static_cast<std::uint32_t>(std::lround(value.get<double>() * 1000));
      } else {
        return bad();
      }
    }
    if (!is_sha256(file.sha256)) return bad();
    files.push_back(std::move(file));
  }
  return files;
}

ApiResult<std::map<std::string, std::string>> change_labels(const JsonFields& fields, const char* name,
                                                            std::map<std::string, std::string> labels) {
  const json* changes = fields.value(name);
  if (!changes) return labels;
  const auto bad = [&] {
    return wrong(name, "an object of at most " + std::to_string(domain::max_worker_labels) +
                           " strings, names and values of " + std::string(domain::label_key_rule));
  };
  if (!changes->is_object()) return bad();
  for (const auto& [key, value] : changes->items()) {
    if (!domain::is_label_key(key)) return bad();
    if (value.is_null()) {
      labels.erase(key);
      continue;
    }
    if (!value.is_string() || !domain::is_label_value(value.get_ref<const std::string&>())) return bad();
    labels.insert_or_assign(key, value.get<std::string>());
  }
  if (labels.size() > domain::max_worker_labels) return bad();
  return labels;
}

}  // namespace gogrid::coordinator
