#include "worker/parts.hpp"

#include <algorithm>

#include "worker/engine/device_gpus.hpp"
#include "worker/policy/pause.hpp"

namespace gogrid::worker {

std::set<std::string> parts_of(const ReplicaSpec& spec, const std::vector<EngineDevice>& devices,
                               const std::vector<Gpu>& gpus) {
  const auto ids = match_gpus(devices, gpus);
  std::set<std::string> parts;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const std::string& name = devices[i].name;
    const bool used = !spec.placement || std::any_of(spec.placement->devices.begin(), spec.placement->devices.end(),
                                                     [&](const auto& share) { return share.device == name; });
    if (used) parts.insert(ids[i].empty() ? name : ids[i]);
  }
  if (parts.empty()) parts.insert(std::string(cpu_part));
  return parts;
}

}  // namespace gogrid::worker
