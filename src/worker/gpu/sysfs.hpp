// SysfsGpus: the GPUs that the kernel knows, with what its drivers say of them in /sys and /proc: all of amdgpu, much
// of i915 and xe, name and driver of others. Opens no device and wakes none. Used by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "worker/gpu/gpu.hpp"

namespace gogrid::worker {

// Who uses which GPU, from /proc: those whose files we may look into. Each use once, however many descriptors it has.
class DrmProcesses {
 public:
  explicit DrmProcesses(std::filesystem::path root = "/") : root_(std::move(root)) {}

  // By the GPU's id. What share of its time a process takes is known from the second call on, where the driver says it.
  std::map<std::string, std::vector<GpuProcess>> read();

 private:
  // GPU, use, and the GPU's part.
  using Place = std::tuple<std::string, std::string, std::string>;

  std::filesystem::path root_;
  std::map<Place, std::uint64_t> busy_before_;
  std::chrono::steady_clock::time_point before_;
};

class SysfsGpus {
 public:
  // `root` is another place to look in: a recorded machine's /sys and /proc.
  explicit SysfsGpus(std::filesystem::path root = "/") : root_(root), processes_(std::move(root)) {}

  // Power that a driver gives as used energy is known from the second call on.
  std::vector<Gpu> read();
  // "/sys (5 PCI devices, no GPU)"
  const std::string& looked_at() const { return looked_at_; }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Energy {
    std::uint64_t microjoules = 0;
    Time at;
  };
  Gpu read_pci(const std::filesystem::path& device, const std::string& address);
  void add_other_cards(std::vector<Gpu>& gpus);
  void read_driver(Gpu& gpu, const std::filesystem::path& device) const;
  void read_name(Gpu& gpu, const std::filesystem::path& device, const std::string& address);
  std::string name_in_list(const std::string& vendor, const std::string& device);
  void read_memory(Gpu& gpu, const std::filesystem::path& device) const;
  void read_sensors(Gpu& gpu, const std::filesystem::path& device);

  std::filesystem::path root_;
  DrmProcesses processes_;
  std::string looked_at_;
  std::map<std::string, Energy> energies_;
  // From the list of PCI devices, which is long: "1002:744c" → name.
  std::map<std::string, std::string> names_;
};

// What a descriptor's fdinfo says of a use of a GPU (the kernel's drm-usage-stats).
struct DrmUse {
  std::string gpu_id;     // empty: it is none
  std::string client_id;  // one open file
  std::optional<std::uint64_t> bytes;
  // For how many nanoseconds it kept which of the GPU's parts busy.
  std::map<std::string, std::uint64_t> busy;
};
DrmUse parse_fdinfo(std::string_view text);

// The name of a process, and whether it belongs to a worker.
void read_process(GpuProcess& process, const std::filesystem::path& root = "/");

}  // namespace gogrid::worker
