// A replica: one model in one engine of a worker, as the worker reports it. Values, any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/model.hpp"

namespace gogrid::domain {

enum class Phase {
  waiting,  // for something named in the detail (the engine bundle, the owner)
  fetching,
  unpacking,
  loading,  // the engine has started, the model is not yet ready
  ready,
  failed,   // the detail says why; the worker tries again with back-off
  leaving,  // not assigned any more, or differently; its memory is not back yet
};
inline constexpr Phase all_phases[] = {Phase::waiting, Phase::fetching, Phase::unpacking, Phase::loading,
                                       Phase::ready,   Phase::failed,   Phase::leaving};

std::string_view to_string(Phase phase);

// One of a worker's replicas. Of the same model it has several only on a GPU each; their numbers are small and used
// again.
struct ReplicaKey {
  ModelId model;
  std::uint32_t copy = 0;

  friend auto operator<=>(const ReplicaKey&, const ReplicaKey&) = default;
};

struct Progress {
  Phase phase = Phase::waiting;
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
  std::string detail;

  // Whole per cent of the bytes; 0 when the total is not known.
  unsigned percent() const;
  friend bool operator==(const Progress&, const Progress&) = default;
};

// Where it lies: on which of the engine's devices, in order, and how many of its layers; none: on the CPU.
struct DeviceShare {
  std::string device;
  // What it is expected to take there.
  std::uint64_t expected_bytes = 0;

  friend bool operator==(const DeviceShare&, const DeviceShare&) = default;
};

struct Placement {
  std::vector<DeviceShare> devices = {};
  // The output counts as one, as in llama.cpp.
  std::uint32_t device_layers = 0;
  // Expected of the machine's memory.
  std::uint64_t host_bytes = 0;
  // How many layers it has: those that lie on no device are the CPU's. 0: not known.
  std::uint32_t model_layers = 0;

  friend bool operator==(const Placement&, const Placement&) = default;
};

// What it took on a device, or of the machine's memory (an empty name).
struct MemoryUse {
  std::string device;
  std::uint64_t bytes = 0;
  // Of these, what lies in mapped files: the system can drop it and read it again.
  std::uint64_t mapped_bytes = 0;

  friend bool operator==(const MemoryUse&, const MemoryUse&) = default;
};

struct ReplicaReport {
  ModelId model;
  Progress progress;
  // Requests it can run at once when ready.
  std::uint32_t slots = 0;
  // How often its engine was started on this assignment; over 1 it crashed.
  std::uint32_t starts = 0;
  // Once it is ready.
  std::vector<MemoryUse> memory = {};
  // It failed because memory was short.
  bool out_of_memory = false;
  std::uint32_t copy = 0;

  friend bool operator==(const ReplicaReport&, const ReplicaReport&) = default;
};

}  // namespace gogrid::domain
