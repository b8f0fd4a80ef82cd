// What can be served: models and the engine bundles that run them, as the scheduler sees them. Values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

// Memory that a replica of the model needs: an estimate until real use is measured.
std::uint64_t estimate_memory_bytes(const Model& model);

}  // namespace gogrid::domain
