#include "domain/model.hpp"

namespace gogrid::domain {

std::string_view to_string(ModelKind kind) {
  switch (kind) {
    case ModelKind::chat:
      return "chat";
    case ModelKind::embedding:
      return "embedding";
    case ModelKind::rerank:
      return "rerank";
  }
  return "chat";
}

std::optional<ModelKind> model_kind_from_string(std::string_view text) {
  for (const auto kind : {ModelKind::chat, ModelKind::embedding, ModelKind::rerank}) {
    if (text == to_string(kind)) return kind;
  }
  return std::nullopt;
}

std::uint64_t estimate_memory_bytes(const Model& model) {
  constexpr std::uint64_t engine_bytes = 256ull * 1024 * 1024;
  // The weights, a fifth more for KV cache and compute buffers, and the engine itself.
  return model.size_bytes + model.size_bytes / 5 + engine_bytes;
}

}  // namespace gogrid::domain
