// GpuDevices: what a GPU's driver needs of the host: its device nodes, the little of /sys that says what they are, and
// of NVIDIA's driver the libraries, which fit one version of the kernel's part only and so come in no engine bundle.
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
  // There is a GPU of NVIDIA's, and this version of the kernel's part of its driver.
  bool nvidia = false;
  std::string nvidia_version;
  // Of NVIDIA's: the host's file, and the name that programs look for: "libEGL_nvidia.so.0".
  std::vector<std::pair<std::string, std::string>> libraries;

  // "may use /dev/dri/renderD128", "no GPU found"
  std::string description() const;
  // Why bundles cannot compute on NVIDIA's GPUs, and what to do about it. Empty: they can, or there are none.
  std::string bundle_trouble() const;
};

// Render nodes (no display), NVIDIA's nodes and AMD's compute node. `root` is another place to look in, for tests.
GpuDevices find_gpu_devices(const std::filesystem::path& root = "/");

}  // namespace gogrid::worker
