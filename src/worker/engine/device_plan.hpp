// Which of the engine's devices a replica computes on, and how much of them: what the coordinator wants (Placement),
// what the owner allows (VramLimits), and the engine's arguments that come of it. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "worker/engine/device_list.hpp"

namespace gogrid::worker {

struct DeviceShare {
  std::string device;
  std::uint64_t expected_bytes = 0;
};

struct Placement {
  // In order; none: the CPU only.
  std::vector<DeviceShare> devices;
  std::uint32_t device_layers = 0;
  // How many the model has; 0: not known.
  std::uint32_t model_layers = 0;

  // A better guess of what it takes is no reason to start anew: the shares count when it is started next.
  friend bool operator==(const Placement& left, const Placement& right);
};

// What the owner lets all engines together have of the GPUs' memory.
struct VramLimits {
  std::optional<std::uint64_t> all_bytes;
  std::map<std::string, std::uint64_t, std::less<>> device_bytes;

  bool operator==(const VramLimits&) const = default;
};

// `each`: "Vulkan0=6", in GB; `all_gb` below 0: not set. The error says what is wrong with which entry.
Result<VramLimits> parse_vram_limits(double all_gb, const std::vector<std::string>& each);

// A device as the worker tells the coordinator of it.
struct EngineDevice {
  std::string name;
  std::string description;
  std::uint64_t total_bytes = 0;
  std::uint64_t limit_bytes = 0;
  // What others than our engines use.
  std::uint64_t foreign_bytes = 0;
  std::uint64_t free_bytes = 0;
  // What our engines took, as measured.
  std::uint64_t used_bytes = 0;
};

std::vector<EngineDevice> limit_devices(const std::vector<ListedDevice>& listed, const VramLimits& limits);

// Other limits. One for all together is given out in the devices' order, so that what fits it fits on one device.
void set_limits(std::vector<EngineDevice>& devices, const VramLimits& limits);

// Whether as much is free again as others leave, but for what comes and goes anyway. `used_bytes` counts what stays.
bool memory_is_back(const EngineDevice& device);

// llama-server's arguments. Without a placement it decides by itself, within the owner's limits; an engine without
// devices is told nothing then. not_found names a device that the engine does not see.
Result<std::vector<std::string>> device_arguments(const std::optional<Placement>& placement,
                                                  const std::vector<EngineDevice>& devices);

}  // namespace gogrid::worker
