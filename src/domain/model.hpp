// What can be served: models and the engine bundles that run them, as the scheduler sees them. Values, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"

namespace gogrid::domain {

using ModelId = Id<struct ModelTag>;

enum class ModelKind {
  chat,  // chat and plain completions
  embedding,
  rerank,
};

std::string_view to_string(ModelKind kind);
std::optional<ModelKind> model_kind_from_string(std::string_view text);

// What may be asked for.
inline constexpr std::int64_t max_context_tokens = 1 << 24;
inline constexpr std::int64_t max_slots = 256;

// How the keys and values of a context are kept; llama.cpp's --cache-type-k and -v.
enum class KvType { f16, q8_0, q4_0 };

std::string_view to_string(KvType type);
std::optional<KvType> kv_type_from_string(std::string_view text);

// How replicas use the GPUs of one worker.
enum class GpuPolicy {
  automatic,  // one GPU where it fits on one, else several; another replica on another GPU when there is demand
  spread,     // always over all of them
  each,       // one replica on each GPU on which it fits whole
};

std::string_view to_string(GpuPolicy policy);
std::optional<GpuPolicy> gpu_policy_from_string(std::string_view text);

// What a model is made of: each a content-addressed file.
enum class FileRole {
  weights,        // one GGUF file, or all shards of a split one, in order
  projector,      // makes tokens of pictures and sounds; llama.cpp's mmproj
  adapter,        // LoRA
  chat_template,  // Jinja, instead of the one in the weights
};

std::string_view to_string(FileRole role);
std::optional<FileRole> file_role_from_string(std::string_view text);

struct ModelFile {
  FileRole role = FileRole::weights;
  std::string sha256;
  std::uint64_t size_bytes = 0;
  // Of an adapter: how strongly it counts, in thousandths.
  std::uint32_t scale_permille = 1000;

  friend bool operator==(const ModelFile&, const ModelFile&) = default;
};

// What its memory depends on, from the GGUF header; 0 where it does not say.
struct ModelShape {
  std::uint32_t layers = 0;
  // Of keys and values together over all layers, kept as f16.
  std::uint64_t kv_bytes_per_token = 0;
  std::uint32_t embedding_length = 0;
  std::uint32_t vocabulary = 0;

  friend bool operator==(const ModelShape&, const ModelShape&) = default;
};

struct Model {
  ModelId id;
  // What requests call it.
  std::string name;
  ModelKind kind = ModelKind::chat;
  std::string sha256;
  std::uint64_t size_bytes = 0;
  // Tokens a slot has, and how many requests one replica runs at once.
  std::uint32_t context_tokens = 0;
  std::uint32_t slots = 1;
  // All its files; empty: one of weights, `sha256` and `size_bytes`.
  std::vector<ModelFile> files = {};
  ModelShape shape = {};
  KvType kv_type = KvType::f16;
  // It is let go of when nobody has asked for it for so long; 0: never.
  std::chrono::seconds idle_timeout{0};
  std::uint32_t min_replicas = 0;
  // 0: as many as there is demand for.
  std::uint32_t max_replicas = 0;
  // Only workers that have all of these labels.
  std::map<std::string, std::string> worker_labels = {};
  GpuPolicy gpu_policy = GpuPolicy::automatic;
  // Only on GPUs whose name, or the engine's name for them, contains one of these, in whatever case; empty: on any, and
  // on the CPU.
  std::vector<std::string> gpus = {};

  friend bool operator==(const Model&, const Model&) = default;
};

struct EngineBundle {
  std::string sha256;
  std::string name;
  std::uint64_t size_bytes = 0;
  // "linux-x86_64": which workers can run it.
  std::string target;

  friend bool operator==(const EngineBundle&, const EngineBundle&) = default;
};

// All its files, also of a model that names none.
std::vector<ModelFile> files_of(const Model& model);

}  // namespace gogrid::domain
