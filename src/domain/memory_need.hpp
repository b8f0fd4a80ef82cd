// MemoryNeed: what a replica of a model takes, by what its file says and, where it was measured before, by that. Pure,
// any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "domain/model.hpp"

namespace gogrid::domain {

// Each kind of device that the scheduler has met has a small number. 0 is the CPU.
using DeviceKind = std::uint32_t;
inline constexpr DeviceKind cpu_kind = 0;

struct MemoryNeed {
  // What was measured on a kind of device; 0: nothing yet.
  struct Measured {
    // Of the whole model on one device; of the CPU: of the machine's memory.
    std::uint64_t whole_bytes = 0;
    // Of a layer, with its share of all else.
    std::uint64_t layer_bytes = 0;
  };

  std::uint64_t weights_bytes = 0;
  // Keys and values of all slots.
  std::uint64_t context_bytes = 0;
  // Buffers for computing, on each device again.
  std::uint64_t compute_bytes = 0;
  // The engine itself, always in the machine's memory.
  std::uint64_t engine_bytes = 0;
  // As llama.cpp counts them: the output is one. At least 1.
  std::uint32_t layers = 1;
  // By kind; shorter than there are kinds.
  std::vector<Measured> measured = {};

  // Of the machine's memory, on the CPU alone.
  std::uint64_t cpu_bytes() const;
  // On one device of that kind, all of it.
  std::uint64_t device_bytes(DeviceKind kind) const;
  // On devices of that kind, each layer, without what each device needs besides.
  std::uint64_t layer_bytes(DeviceKind kind) const;
  bool is_measured(DeviceKind kind) const { return kind < measured.size() && measured[kind].whole_bytes > 0; }
};

// By the model's header: nothing is measured. `context_tokens`: of each slot.
MemoryNeed estimate_memory(const Model& model, std::uint32_t context_tokens);
// What is tried where so many tokens did not fit. No less of a context that is small already.
std::uint32_t reduced_context_tokens(std::uint32_t tokens);

}  // namespace gogrid::domain
