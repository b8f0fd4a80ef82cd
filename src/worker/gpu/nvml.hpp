// Nvml: NVIDIA's GPUs through the management library of their driver, if it is there. While one is open the GPUs stay
// awake. For a process of its own (probe.hpp): the library may block or crash with its driver. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "worker/gpu/gpu.hpp"

namespace gogrid::worker {

class Nvml {
 public:
  // not_found when there is no such library; otherwise why it does not work, as it says itself.
  static Result<std::unique_ptr<Nvml>> open(const std::string& library = "libnvidia-ml.so.1");
  // Shuts it down and lets it go.
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  std::vector<Gpu> read() const;

 private:
  struct Functions;
  explicit Nvml(std::unique_ptr<Functions> functions);

  std::unique_ptr<Functions> functions_;
  std::string driver_version_;
};

}  // namespace gogrid::worker
