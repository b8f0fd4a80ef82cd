#include "domain/memory_need.hpp"

#include <algorithm>

namespace gogrid::domain {
namespace {

constexpr std::uint64_t mebibyte = 1024 * 1024;
constexpr std::uint64_t engine_bytes = 256 * mebibyte;
// A graph computes so many tokens at once: llama.cpp's --ubatch-size.
constexpr std::uint64_t batch_tokens = 512;
// Activations that live at the same time, in widths of the model.
constexpr std::uint64_t live_activations = 8;
constexpr std::uint64_t float_bytes = 4;
// What a driver takes for a device beside the buffers.
constexpr std::uint64_t driver_bytes = 64 * mebibyte;
// An estimate may be so much too small, a measurement as well: what runs beside it comes and goes.
constexpr std::uint64_t estimate_slack_part = 20;
constexpr std::uint64_t measured_slack_part = 50;

std::uint64_t with_slack(std::uint64_t bytes, std::uint64_t part) { return bytes + bytes / part; }

// llama.cpp keeps 32 values in a block of 34 bytes (q8_0) or 18 (q4_0) instead of 64.
std::uint64_t kv_bytes(std::uint64_t as_f16, KvType type) {
  switch (type) {
    case KvType::f16:
      return as_f16;
    case KvType::q8_0:
      return as_f16 / 64 * 34;
    case KvType::q4_0:
      return as_f16 / 64 * 18;
  }
  return as_f16;
}

}  // namespace

std::uint64_t MemoryNeed::cpu_bytes() const {
  if (is_measured(cpu_kind)) return with_slack(measured[cpu_kind].whole_bytes, measured_slack_part);
  return weights_bytes + context_bytes + engine_bytes;
}

std::uint64_t MemoryNeed::device_bytes(DeviceKind kind) const {
  if (is_measured(kind)) return with_slack(measured[kind].whole_bytes, measured_slack_part);
  return with_slack(weights_bytes + context_bytes + compute_bytes, estimate_slack_part);
}

std::uint64_t MemoryNeed::layer_bytes(DeviceKind kind) const {
  if (kind < measured.size() && measured[kind].layer_bytes > 0)
    return with_slack(measured[kind].layer_bytes, measured_slack_part);
  return std::max<std::uint64_t>(with_slack((weights_bytes + context_bytes) / layers, estimate_slack_part), 1);
}

MemoryNeed estimate_memory(const Model& model, std::uint32_t context_tokens) {
  MemoryNeed need;
  need.engine_bytes = engine_bytes;
  need.weights_bytes = model.size_bytes;
  const std::uint64_t tokens = std::uint64_t{context_tokens} * model.slots;
  // A header that does not say it: a fifth of the weights is what usual contexts take.
  need.context_bytes = model.shape.kv_bytes_per_token == 0
                           ? model.size_bytes / 5
                           : kv_bytes(model.shape.kv_bytes_per_token, model.kv_type) * tokens;
  need.compute_bytes =
      driver_bytes + batch_tokens * float_bytes *
                         (model.shape.vocabulary + live_activations * std::uint64_t{model.shape.embedding_length});
  need.layers = model.shape.layers + 1;
  return need;
}

std::uint32_t reduced_context_tokens(std::uint32_t tokens) {
  constexpr std::uint32_t least = 512;
  return tokens <= least ? tokens : std::max(tokens / 2, least);
}

}  // namespace gogrid::domain
