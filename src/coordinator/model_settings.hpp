// What an administrator may say of a model: what it is made of and how it is served. Values and pure functions, any
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "domain/model.hpp"
#include "store/records.hpp"

namespace gogrid::coordinator {

// What is not set is left as it is; of a new model: what its file says, or a default.
struct ModelSettings {
  std::optional<domain::ModelKind> kind;
  std::optional<std::uint32_t> context_tokens;
  std::optional<std::uint32_t> slots;
  std::optional<domain::KvType> kv_type;
  // Jinja; empty: the one in the weights.
  std::optional<std::string> chat_template;
  std::optional<std::chrono::seconds> idle_timeout;
  std::optional<std::uint32_t> min_replicas;
  std::optional<std::uint32_t> max_replicas;
  std::optional<std::map<std::string, std::string>> worker_labels;
  std::optional<domain::GpuPolicy> gpu_policy;
  std::optional<std::vector<std::string>> gpus;
  std::optional<std::vector<std::string>> tags;
};

struct ModelSpec {
  std::string name;
  // Without sizes; the shards of split weights in any order. Roles are what the files say.
  std::vector<domain::ModelFile> files;
  ModelSettings settings;
};

inline constexpr std::size_t max_template_bytes = 256 * 1024;
inline constexpr std::size_t max_adapters = 16;
inline constexpr std::size_t max_model_files = 1024 + max_adapters + 1;
inline constexpr std::int64_t max_replicas_of_model = 10'000;
inline constexpr std::int64_t max_idle_timeout_seconds = 30 * 24 * 3600;

// All but the chat template, which is a file. invalid_argument when they contradict each other.
Result<void> apply(const ModelSettings& settings, store::ModelRecord& record);

// For the audit log and for what is stored: a JSON object of those that are set, as the API takes them.
std::string to_json_text(const ModelSettings& settings);

}  // namespace gogrid::coordinator
