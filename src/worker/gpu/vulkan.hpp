// GPUs through Vulkan, if its loader is there: names, places on the PCI bus, memory and its budget. For a process of
// its own (probe.hpp): drivers come with it, which take memory and may crash. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "worker/gpu/gpu.hpp"

namespace gogrid::worker {

class VulkanGpus {
 public:
  // not_found when there is no loader, unavailable when it finds no driver.
  static Result<std::unique_ptr<VulkanGpus>> open(const std::string& library = "libvulkan.so.1");
  ~VulkanGpus();
  VulkanGpus(const VulkanGpus&) = delete;
  VulkanGpus& operator=(const VulkanGpus&) = delete;

  std::vector<Gpu> read() const;

 private:
  struct Functions;
  explicit VulkanGpus(std::unique_ptr<Functions> functions);

  std::unique_ptr<Functions> functions_;
};

}  // namespace gogrid::worker
