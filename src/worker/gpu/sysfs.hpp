// SysfsGpus: the GPUs that the kernel knows, with what its drivers say of them in /sys and /proc: all of amdgpu, much
// of i915 and xe, name and driver of others. Opens no device and wakes none. Used by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "worker/gpu/gpu.hpp"

namespace gogrid::worker {

class SysfsGpus {
 public:
  // `root` is another place to look in: a recorded machine's /sys and /proc.
  explicit SysfsGpus(std::filesystem::path root = "/") : root_(std::move(root)) {}

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
  std::string looked_at_;
  std::map<std::string, Energy> energies_;
  // From the list of PCI devices, which is long: "1002:744c" → name.
  std::map<std::string, std::string> names_;
};

// Who uses which GPU, by its id, from /proc: those whose files we may look into. Each use once, however many
// descriptors it has.
std::map<std::string, std::vector<GpuProcess>> read_drm_processes(const std::filesystem::path& root = "/");

// What a descriptor's fdinfo says of a use of a GPU (the kernel's drm-usage-stats).
struct DrmUse {
  std::string gpu_id;     // empty: it is none
  std::string client_id;  // one open file
  std::optional<std::uint64_t> bytes;
};
DrmUse parse_fdinfo(std::string_view text);

// The name of a process, and whether it belongs to a worker.
void read_process(GpuProcess& process, const std::filesystem::path& root = "/");

}  // namespace gogrid::worker
