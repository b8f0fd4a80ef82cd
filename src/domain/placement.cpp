#include "domain/placement.hpp"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <locale>

namespace gogrid::domain {
namespace {

std::uint64_t positive(std::int64_t bytes) { return bytes < 0 ? 0 : static_cast<std::uint64_t>(bytes); }

bool fits(std::uint64_t bytes, std::int64_t room) { return bytes <= positive(room); }

// For layers, once what each device needs besides is there.
std::uint64_t layer_room(const MemoryNeed& need, const Room::Device& device) {
  const std::uint64_t free = positive(device.free_bytes);
  return free > need.compute_bytes ? free - need.compute_bytes : 0;
}

std::uint32_t layers_on(const MemoryNeed& need, const Room::Device& device) {
  const std::uint64_t layers = layer_room(need, device) / need.layer_bytes(device.kind);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(layers, need.layers));
}

FitResult fit_one(const MemoryNeed& need, const Room& room) {
  FitResult best;
  for (std::uint32_t i = 0; i < room.devices.size(); ++i) {
    const Room::Device& device = room.devices[i];
    const std::uint64_t bytes = need.device_bytes(device.kind);
    if (!fits(bytes, device.free_bytes)) continue;
    const std::uint64_t left = positive(device.free_bytes) - bytes;
    if (best.fit == Fit::one_gpu && left >= best.left_bytes) continue;
    best = FitResult{Fit::one_gpu, i, need.layers, left};
  }
  return best;
}

// One more layer for the device that has most room left after it, again and again.
std::vector<std::uint32_t> spread_layers(const MemoryNeed& need, const Room& room, std::uint32_t layers) {
  std::vector<std::uint32_t> counts(room.devices.size(), 0);
  for (std::uint32_t layer = 0; layer < layers; ++layer) {
    std::size_t best = counts.size();
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const std::uint64_t taken = need.layer_bytes(room.devices[i].kind) * (counts[i] + 1);
      const std::uint64_t free = layer_room(need, room.devices[i]);
      if (taken > free || (best < counts.size() && free - taken <= most)) continue;
      best = i;
      most = free - taken;
    }
    if (best < counts.size()) ++counts[best];
  }
  return counts;
}

}  // namespace

std::uint64_t host_bytes(const MemoryNeed& need, std::uint32_t device_layers) {
  if (device_layers == 0) return need.cpu_bytes();
  const std::uint64_t rest = need.layers - std::min(device_layers, need.layers);
  return need.engine_bytes + (need.weights_bytes + need.context_bytes) / need.layers * rest;
}

std::string_view to_string(Fit fit) {
  switch (fit) {
    case Fit::one_gpu:
      return "one_gpu";
    case Fit::several_gpus:
      return "several_gpus";
    case Fit::partial:
      return "partial";
    case Fit::cpu:
      return "cpu";
    case Fit::none:
      return "none";
  }
  return "none";
}

FitResult fit(const MemoryNeed& need, const Room& room, const FitRules& rules) {
  if (!room.devices.empty() && rules.max_layers > 0) {
    const auto usable = std::count_if(room.devices.begin(), room.devices.end(),
                                      [&need](const Room::Device& device) { return layers_on(need, device) > 0; });
    const bool is_spread = rules.gpu_policy == GpuPolicy::spread && usable > 1;
    if (!is_spread && rules.max_layers >= need.layers && fits(host_bytes(need, need.layers), room.host_bytes)) {
      const FitResult one = fit_one(need, room);
      if (one.fit != Fit::none) return one;
    }
    std::uint32_t layers = 0;
    std::uint64_t free = 0;
    for (const Room::Device& device : room.devices) {
      layers += layers_on(need, device);
      free += layer_room(need, device);
    }
    layers = std::min({layers, need.layers, rules.max_layers});
    const std::uint64_t taken = need.layer_bytes(room.devices.front().kind) * layers;
    if (layers > 0 && fits(host_bytes(need, layers), room.host_bytes)) {
      const bool is_whole = layers == need.layers && usable > 1;
      return FitResult{is_whole ? Fit::several_gpus : Fit::partial, 0, layers, free - std::min(free, taken), is_spread};
    }
  }
  const std::uint64_t bytes = host_bytes(need, 0);
  if (!fits(bytes, room.host_bytes)) return {};
  return FitResult{Fit::cpu, 0, 0, positive(room.host_bytes) - bytes};
}

Placement place(const MemoryNeed& need, const Room& room, const FitResult& result) {
  Placement placement;
  placement.device_layers = result.device_layers;
  placement.model_layers = need.layers;
  placement.host_bytes = host_bytes(need, result.device_layers);
  if (result.fit == Fit::one_gpu) {
    const Room::Device& device = room.devices[result.device];
    placement.devices.push_back({device.name, need.device_bytes(device.kind)});
  }
  if (result.fit != Fit::several_gpus && result.fit != Fit::partial) return placement;
  const auto spread = result.is_spread ? spread_layers(need, room, result.device_layers) : std::vector<std::uint32_t>();
  std::uint32_t left = result.device_layers;
  for (std::size_t i = 0; i < room.devices.size(); ++i) {
    const Room::Device& device = room.devices[i];
    const std::uint32_t layers = result.is_spread ? spread[i] : std::min(left, layers_on(need, device));
    if (layers == 0) continue;
    left -= layers;
    placement.devices.push_back({device.name, need.compute_bytes + layers * need.layer_bytes(device.kind)});
  }
  return placement;
}

bool has_labels(const WorkerFacts& facts, const Model& model) {
  return std::all_of(model.worker_labels.begin(), model.worker_labels.end(), [&](const auto& wanted) {
    const auto found = facts.labels.find(wanted.first);
    return found != facts.labels.end() && found->second == wanted.second;
  });
}

bool may_use(const EngineDevice& device, const Model& model) {
  return model.gpus.empty() || std::any_of(model.gpus.begin(), model.gpus.end(), [&](const std::string& gpu) {
           return boost::algorithm::icontains(device.description, gpu, std::locale::classic()) ||
                  boost::algorithm::icontains(device.name, gpu, std::locale::classic());
         });
}

bool has_devices(const EngineReport& engine, const Placement& placement) {
  return std::all_of(placement.devices.begin(), placement.devices.end(), [&engine](const DeviceShare& share) {
    return std::any_of(engine.devices.begin(), engine.devices.end(),
                       [&share](const EngineDevice& device) { return device.name == share.device; });
  });
}

std::uint64_t memory_budget_bytes(const WorkerFacts& facts) {
  constexpr std::uint64_t percent = 60;
  return facts.hardware.memory_bytes / 100 * percent;
}

}  // namespace gogrid::domain
