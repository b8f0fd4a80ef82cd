// What is known of this machine's GPUs and of its other hardware: what does not change, and what is read while somebody
// looks. Values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gogrid::worker {

struct GpuProcess {
  std::int64_t pid = 0;
  std::string name;
  // Of the GPU's memory; nullopt: it is not said.
  std::optional<std::uint64_t> bytes;
  // An engine of a worker's, or the worker itself.
  bool ours = false;
  // Of the GPU's time; nullopt: it is not said.
  std::optional<double> utilisation_percent = std::nullopt;

  bool operator==(const GpuProcess&) const = default;
};

// Nullopt is what the driver does not say.
struct GpuReading {
  std::optional<std::uint64_t> used_bytes;
  std::optional<std::uint64_t> free_bytes;
  std::optional<double> utilisation_percent;
  std::optional<double> temperature_celsius;
  std::optional<double> power_watts;
  // Switched off while nobody uses it. It is left so: what would wake it is not read.
  bool asleep = false;
  // Of users whose processes we may look into.
  std::vector<GpuProcess> processes;

  bool operator==(const GpuReading&) const = default;
};

struct Gpu {
  // The same at every start: "pci:0000:01:00.0", or "vulkan:<UUID>" and "drm:<device>" for what is not on a PCI bus.
  std::string id;
  std::string vendor;  // "NVIDIA"
  std::string name;    // "NVIDIA GeForce RTX 4090"
  std::string pci_id;  // "10de:2684", vendor and device
  std::string driver;  // "amdgpu"; empty: none is loaded
  std::string driver_version;
  // Its memory; 0: not known.
  std::uint64_t total_bytes = 0;
  // Its memory is a part of the machine's.
  bool integrated = false;
  // A CPU that stands in for one.
  bool software = false;
  GpuReading reading;

  bool operator==(const Gpu&) const = default;
};

struct Battery {
  std::optional<double> percent;
  std::string state;  // "Charging", "Discharging", "Full", as the kernel says

  bool operator==(const Battery&) const = default;
};

struct HostReading {
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_available_bytes = 0;
  // Of all processors; nullopt at the first look, as it takes two.
  std::optional<double> cpu_percent;
  // The file system that holds models and engines.
  std::uint64_t disk_bytes = 0;
  std::uint64_t disk_free_bytes = 0;
  // The machine's own, not those of a mouse.
  std::optional<Battery> battery;
  // Nullopt where the machine does not say.
  std::optional<bool> on_mains;

  bool operator==(const HostReading&) const = default;
};

struct Survey {
  std::vector<Gpu> gpus;
  HostReading host;
  // Where GPUs were looked for, and what stood in the way: "NVML (libnvidia-ml.so.1 not found)".
  std::vector<std::string> looked_at;

  bool operator==(const Survey&) const = default;
};

// What a survey holds at most; what is over is left out.
inline constexpr std::size_t max_gpus = 64;
inline constexpr std::size_t max_gpu_processes = 256;
inline constexpr std::size_t max_gpu_text_bytes = 256;

// "10de" → "NVIDIA"; empty for one that is not known.
std::string vendor_name(std::string_view pci_vendor);
// "00000000:01:00.0" and "0000:01:00.0" → "pci:0000:01:00.0"; empty when it is no PCI address.
std::string pci_gpu_id(std::string_view address);
// "NVIDIA 10de:2684" for one that has no name.
std::string shown_name(const Gpu& gpu);

// "1 GPU", "no GPU", "2 GPUs"
std::string counted(std::size_t count, const std::string& what);

// What others than our engines use of it; nullopt when that is not known.
std::optional<std::uint64_t> foreign_bytes(const Gpu& gpu);

// What `into` does not say it takes from `from`, which is the same GPU by another source.
void fill_in(Gpu& into, Gpu from);
// Adds `more`, by another source: a GPU that both have is one. Software only counts where there is no GPU.
void merge(std::vector<Gpu>& gpus, std::vector<Gpu> more);
// Something that a driver's library may know is missing.
bool has_gaps(const std::vector<Gpu>& gpus);

// Both do not change what the coordinator shows of the hardware: only readings differ.
bool same_facts(const Survey& one, const Survey& other);

}  // namespace gogrid::worker
