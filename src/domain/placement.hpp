// Placement: where on a worker a replica of a model lies. Which workers have room for it, how well it fits there, and
// which of them is best. Pure functions, any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "domain/memory_need.hpp"
#include "domain/worker.hpp"

namespace gogrid::domain {

// What is free on a worker for models. Signed: what runs may take more than was planned.
struct Room {
  struct Device {
    // The engine's name for it.
    std::string name;
    DeviceKind kind = cpu_kind;
    std::int64_t free_bytes = 0;
  };
  // Of the machine's memory.
  std::int64_t host_bytes = 0;
  std::vector<Device> devices = {};
};

// Better first.
enum class Fit : std::uint8_t {
  one_gpu,
  several_gpus,  // of one machine
  partial,       // some layers on the GPUs, the rest on the CPU
  cpu,
  none,
};

std::string_view to_string(Fit fit);

struct FitResult {
  Fit fit = Fit::none;
  // With Fit::one_gpu: which.
  std::uint32_t device = 0;
  std::uint32_t device_layers = 0;
  // Left where it would lie, over all its devices.
  std::uint64_t left_bytes = 0;
  // Over all devices, as evenly as their room allows; otherwise the first ones are filled first.
  bool is_spread = false;
};

// What it takes of the machine's memory when that many of its layers lie on devices.
std::uint64_t host_bytes(const MemoryNeed& need, std::uint32_t device_layers);

struct FitRules {
  // So many of its layers lie on devices at most; 0: none.
  std::uint32_t max_layers = std::numeric_limits<std::uint32_t>::max();
  GpuPolicy gpu_policy = GpuPolicy::automatic;
};

// The best way in which it fits.
FitResult fit(const MemoryNeed& need, const Room& room, const FitRules& rules = {});
// What it takes there. `result` is of the same need and room, and not Fit::none.
Placement place(const MemoryNeed& need, const Room& room, const FitResult& result);

// A worker that fits, compared with others: smaller is better, first things first.
struct Score {
  Fit fit = Fit::none;
  // Others would have to leave.
  bool evicts = false;
  // It has the model already, and there should be several for safety.
  bool repeats = false;
  // Its connection comes and goes.
  bool unstable = false;
  // It failed there with more context or layers.
  bool reduced = false;
  // The files are not there yet.
  bool fetches = false;
  // Whole powers of two of how slow it was with other work; 0: as fast as the fastest, or not known.
  std::uint32_t slowness = 0;
  std::uint32_t other_models = 0;
  // The worker's room is left for what is larger.
  std::uint64_t left_bytes = 0;

  friend auto operator<=>(const Score&, const Score&) = default;
};

// The worker has all labels that the model asks for.
bool has_labels(const WorkerFacts& facts, const Model& model);
// The model may lie on that device of an engine.
bool may_use(const EngineDevice& device, const Model& model);
// The engine may be another one by now than when it was placed, or a GPU may have been taken out.
bool has_devices(const EngineReport& engine, const Placement& placement);

// What models may take of the memory a worker offers; the rest is for what the estimate does not know, and its owner.
std::uint64_t memory_budget_bytes(const WorkerFacts& facts);

}  // namespace gogrid::domain
