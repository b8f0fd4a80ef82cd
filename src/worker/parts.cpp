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
  const bool shared = spec.placement && spec.placement->device_layers < spec.placement->model_layers;
  if (parts.empty() || shared) parts.insert(std::string(cpu_part));
  return parts;
}

std::set<std::string> with_ids(const std::set<std::string>& named, const std::vector<EngineDevice>& devices,
                               const std::vector<Gpu>& gpus) {
  const auto ids = match_gpus(devices, gpus);
  std::set<std::string> parts;
  for (const std::string& part : named) {
    const auto device =
        std::find_if(devices.begin(), devices.end(), [&](const EngineDevice& one) { return one.name == part; });
    const std::string id =
        device == devices.end() ? std::string() : ids[static_cast<std::size_t>(device - devices.begin())];
    parts.insert(id.empty() ? part : id);
  }
  return parts;
}

std::vector<std::string> unknown_parts(const std::set<std::string>& named, const std::vector<EngineDevice>& devices,
                                       const std::vector<Gpu>& gpus) {
  std::vector<std::string> unknown;
  for (const std::string& part : named) {
    const bool is_device =
        std::any_of(devices.begin(), devices.end(), [&](const auto& one) { return one.name == part; });
    const bool is_gpu = std::any_of(gpus.begin(), gpus.end(), [&](const Gpu& gpu) { return gpu.id == part; });
    if (part != cpu_part && !is_device && !is_gpu) unknown.push_back(part);
  }
  return unknown;
}

}  // namespace gogrid::worker
