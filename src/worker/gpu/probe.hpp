// The child that looks at the hardware (inventory.hpp starts it): drivers' libraries are loaded here and nowhere else,
// so that what they take is given back, and their crashes cost nothing. It writes a survey a line.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "worker/gpu/gpu.hpp"
#include "worker/gpu/host_reader.hpp"
#include "worker/gpu/nvml.hpp"
#include "worker/gpu/sysfs.hpp"

namespace gogrid::worker {

enum class ProbeSource {
  system,  // the kernel's files and NVML, with the host's readings
  vulkan,
};

struct ProbeOptions {
  ProbeSource source = ProbeSource::system;
  // A look every second, until nobody reads any more.
  bool watch = false;
  std::filesystem::path root = "/";
  // On the file system to tell of.
  std::filesystem::path disk;
};

// Looks and writes to standard output; the exit code.
int run_probe(const ProbeOptions& options);

// What the source `system` sees.
class SystemProbe {
 public:
  // Without a library's name NVML is not asked.
  SystemProbe(std::filesystem::path root, std::filesystem::path disk, std::string nvml_library);

  // From the second look on it is known how busy the processors are, and what power Intel's GPUs take.
  Survey look();
  // The part of it for which no library is needed.
  Survey look_without_libraries();

 private:
  void add_nvml(Survey& survey);

  std::filesystem::path root_;
  std::string nvml_library_;
  SysfsGpus sysfs_;
  HostReader host_;
  std::unique_ptr<Nvml> nvml_;
};

}  // namespace gogrid::worker
