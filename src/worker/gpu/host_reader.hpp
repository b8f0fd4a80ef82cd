// HostReader: the machine's memory, processors, disk and power supply, from /proc and /sys. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "worker/gpu/gpu.hpp"

namespace gogrid::worker {

class HostReader {
 public:
  // `disk`: a path on the file system to tell of; empty: none. `root`: as for SysfsGpus.
  explicit HostReader(std::filesystem::path disk, std::filesystem::path root = "/")
      : disk_(std::move(disk)), root_(std::move(root)) {}

  HostReading read();

 private:
  void read_memory(HostReading& reading) const;
  void read_cpu(HostReading& reading);
  void read_disk(HostReading& reading) const;

  struct CpuTime {
    std::uint64_t busy = 0;
    std::uint64_t all = 0;
  };

  std::filesystem::path disk_;
  std::filesystem::path root_;
  std::optional<CpuTime> before_;
};

// Only what it says of power: mains and battery.
void read_power(HostReading& reading, const std::filesystem::path& root = "/");

}  // namespace gogrid::worker
