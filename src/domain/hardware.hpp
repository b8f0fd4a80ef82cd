// A worker's hardware: what it has, and what is read of it while somebody looks. Values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gogrid::domain {

struct Gpu {
  // "pci:0000:01:00.0"
  std::string id;
  std::string vendor;
  std::string name;
  std::string pci_id;
  // Empty: none is loaded.
  std::string driver;
  std::string driver_version;
  // 0: not known.
  std::uint64_t total_bytes = 0;
  // Its memory is a part of the machine's.
  bool integrated = false;
  // A CPU that stands in for one.
  bool software = false;
};

struct Hardware {
  std::string cpu;
  std::uint32_t cpu_threads = 0;
  // What engines may use.
  std::uint64_t memory_bytes = 0;
  std::vector<Gpu> gpus = {};
  // Of the file system that holds models and engines; 0: not known.
  std::uint64_t disk_bytes = 0;
  bool has_battery = false;
  // Where it looked for GPUs, for a person.
  std::vector<std::string> looked_at = {};
};

// Nullopt is what the worker does not know.
struct GpuReading {
  std::string id;
  std::optional<std::uint64_t> used_bytes;
  std::optional<std::uint64_t> free_bytes;
  std::optional<double> utilisation_percent;
  std::optional<double> temperature_celsius;
  std::optional<double> power_watts;
  bool asleep = false;
  // By others than our engines.
  std::optional<std::uint64_t> foreign_bytes;
  std::uint32_t foreign_processes = 0;
};

struct HardwareReading {
  std::optional<std::uint64_t> memory_available_bytes;
  std::optional<double> cpu_percent;
  std::optional<std::uint64_t> disk_free_bytes;
  std::optional<double> battery_percent;
  std::string battery_state;
  std::optional<bool> on_mains;
  std::vector<GpuReading> gpus;
};

}  // namespace gogrid::domain
