#include "worker/engine/device_plan.hpp"

#include <algorithm>
#include <charconv>

namespace gogrid::worker {
namespace {

constexpr std::uint64_t mebibyte = 1 << 20;
constexpr double gigabyte = 1e9;
constexpr double max_gigabytes = 1e6;
// llama-server takes more layers than a model has for all of them.
constexpr std::uint32_t max_layers = 10'000;
// What llama-server leaves free of a device by itself.
constexpr std::uint64_t fit_margin_bytes = 1024 * mebibyte;
constexpr std::uint64_t least_noise_bytes = 64 * mebibyte;
constexpr std::uint64_t noise_part = 20;

std::uint64_t less(std::uint64_t from, std::uint64_t what) { return from - std::min(from, what); }

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts)
    text += (text.empty() ? "" : ",") + part;
  return text;
}

// --fit would change what is not said, the context for one.
std::vector<std::string> cpu_arguments() { return {"--device", "none", "--n-gpu-layers", "0", "--fit", "off"}; }

std::vector<std::string> placed_arguments(const Placement& placement) {
  if (placement.devices.empty()) return cpu_arguments();
  std::vector<std::string> names;
  std::vector<std::string> shares;
  for (const DeviceShare& share : placement.devices) {
    names.push_back(share.device);
    shares.push_back(std::to_string(std::max<std::uint64_t>(share.expected_bytes / mebibyte, 1)));
  }
  std::vector<std::string> arguments = {"--device",       join(names),
                                        "--n-gpu-layers", std::to_string(std::min(placement.device_layers, max_layers)),
                                        "--fit",          "off"};
  if (names.size() == 1) {
    // The index counts within --device.
    arguments.insert(arguments.end(), {"--split-mode", "none", "--main-gpu", "0"});
  } else {
    arguments.insert(arguments.end(), {"--split-mode", "layer", "--tensor-split", join(shares)});
  }
  return arguments;
}

// llama-server fits the model into what is free, less a margin for each device: the margin is what keeps it below the
// owner's limit.
std::vector<std::string> limited_arguments(const std::vector<EngineDevice>& devices) {
  std::vector<std::string> names;
  std::vector<std::string> margins;
  for (const EngineDevice& device : devices) {
    const std::uint64_t left = less(device.limit_bytes, device.used_bytes);
    if (left == 0) continue;
    names.push_back(device.name);
    const std::uint64_t margin = std::max(fit_margin_bytes, less(device.free_bytes, left));
    margins.push_back(std::to_string((margin + mebibyte - 1) / mebibyte));
  }
  if (names.empty()) return cpu_arguments();
  return {"--device", join(names), "--fit-target", join(margins)};
}

Result<std::pair<std::string, std::uint64_t>> parse_limit(const std::string& text) {
  const auto equals = text.rfind('=');
  const std::string name = text.substr(0, equals);
  double gigabytes = -1;
  if (equals != std::string::npos) {
    const auto [end, error] = std::from_chars(text.data() + equals + 1, text.data() + text.size(), gigabytes);
    if (error != std::errc() || end != text.data() + text.size()) gigabytes = -1;
  }
  if (!is_device_name(name) || !(gigabytes >= 0 && gigabytes <= max_gigabytes)) {
    return Error(ErrorCode::invalid_argument, "worker.max_vram_gb_each: \"" + text +
                                                  "\" is not like \"Vulkan0=6\": a device's name and GB; "
                                                  "`gogrid-worker status` lists the devices");
  }
  return std::pair(name, static_cast<std::uint64_t>(gigabytes * gigabyte));
}

}  // namespace

bool operator==(const Placement& left, const Placement& right) {
  return left.device_layers == right.device_layers &&
         std::equal(left.devices.begin(), left.devices.end(), right.devices.begin(), right.devices.end(),
                    [](const DeviceShare& one, const DeviceShare& other) { return one.device == other.device; });
}

Result<VramLimits> parse_vram_limits(double all_gb, const std::vector<std::string>& each) {
  VramLimits limits;
  if (all_gb > max_gigabytes) return Error(ErrorCode::invalid_argument, "worker.max_vram_gb must be at most 1000000");
  if (all_gb >= 0) limits.all_bytes = static_cast<std::uint64_t>(all_gb * gigabyte);
  for (const std::string& text : each) {
    auto limit = parse_limit(text);
    if (!limit) return limit.error();
    if (!limits.device_bytes.insert(*limit).second)
      return Error(ErrorCode::invalid_argument, "worker.max_vram_gb_each names " + limit->first + " twice");
  }
  return limits;
}

std::vector<EngineDevice> limit_devices(const std::vector<ListedDevice>& listed, const VramLimits& limits) {
  std::vector<EngineDevice> devices;
  for (const ListedDevice& one : listed) {
    EngineDevice device;
    device.name = one.name;
    device.description = one.description;
    device.total_bytes = one.total_bytes;
    device.free_bytes = one.free_bytes;
    devices.push_back(std::move(device));
  }
  set_limits(devices, limits);
  return devices;
}

void set_limits(std::vector<EngineDevice>& devices, const VramLimits& limits) {
  std::optional<std::uint64_t> left = limits.all_bytes;
  for (EngineDevice& device : devices) {
    device.limit_bytes = device.total_bytes;
    const auto own = limits.device_bytes.find(device.name);
    if (own != limits.device_bytes.end()) device.limit_bytes = std::min(device.limit_bytes, own->second);
    if (left) {
      device.limit_bytes = std::min(device.limit_bytes, *left);
      *left -= device.limit_bytes;
    }
  }
}

bool memory_is_back(const EngineDevice& device) {
  const std::uint64_t noise = std::max(least_noise_bytes, device.total_bytes / noise_part);
  return device.free_bytes + noise >= less(less(device.total_bytes, device.foreign_bytes), device.used_bytes);
}

Result<std::vector<std::string>> device_arguments(const std::optional<Placement>& placement,
                                                  const std::vector<EngineDevice>& devices) {
  if (placement) {
    for (const DeviceShare& share : placement->devices) {
      const bool seen = std::any_of(devices.begin(), devices.end(),
                                    [&](const EngineDevice& device) { return device.name == share.device; });
      if (!seen) return Error(ErrorCode::not_found, "the engine does not see the device " + share.device);
    }
    return placed_arguments(*placement);
  }
  const bool limited = std::any_of(devices.begin(), devices.end(),
                                   [](const EngineDevice& device) { return device.limit_bytes < device.total_bytes; });
  return limited ? limited_arguments(devices) : std::vector<std::string>();
}

}  // namespace gogrid::worker
