// GpuDevices: what a GPU's driver needs of the host: its device nodes, and the little of /sys that says what they are.
// Looked up when an engine that may use GPUs is started.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace gogrid::worker {

struct GpuDevices {
  std::vector<std::string> nodes;                          // "/dev/dri/renderD128"
  std::vector<std::string> facts;                          // files and directories of /sys, to be read
  std::vector<std::pair<std::string, std::string>> links;  // of /sys: a link's name and its target

  // "may use /dev/dri/renderD128", "no GPU found"
  std::string description() const;
};

// Render nodes (no display), NVIDIA's nodes and AMD's compute node. `root` is another place to look in, for tests.
GpuDevices find_gpu_devices(const std::filesystem::path& root = "/");

}  // namespace gogrid::worker
