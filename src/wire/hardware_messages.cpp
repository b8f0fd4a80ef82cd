#include "wire/hardware_messages.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/utf8.hpp"
#include "wire/frame.hpp"
#include "wire/worker_protocol.pb.h"

namespace gogrid::wire {
namespace {

constexpr std::size_t max_name_bytes = 256;
constexpr int max_sources = 16;
constexpr std::uint64_t max_bytes = std::uint64_t{1} << 50;
// No degrees and no watts that a sensor means.
constexpr double max_number = 100'000;

std::string text(const std::string& value) { return valid_utf8(value, max_name_bytes); }

std::optional<std::uint64_t> bytes(bool is_there, std::uint64_t value) {
  if (!is_there) return std::nullopt;
  return std::min(value, max_bytes);
}

std::optional<double> number(bool is_there, float value, double least, double most) {
  if (!is_there || !std::isfinite(value)) return std::nullopt;
  return std::clamp<double>(value, least, most);
}

std::optional<double> percent(bool is_there, float value) { return number(is_there, value, 0, 100); }

domain::Gpu to_gpu(const Gpu& message) {
  domain::Gpu gpu;
  gpu.id = text(message.id());
  gpu.vendor = text(message.vendor());
  gpu.name = text(message.name());
  gpu.pci_id = text(message.pci_id());
  gpu.driver = text(message.driver());
  gpu.driver_version = text(message.driver_version());
  gpu.total_bytes = std::min(message.total_bytes(), max_bytes);
  gpu.integrated = message.integrated();
  gpu.software = message.software();
  return gpu;
}

domain::GpuReading to_gpu_reading(const GpuReading& message) {
  domain::GpuReading reading;
  reading.id = text(message.id());
  reading.used_bytes = bytes(message.has_used_bytes(), message.used_bytes());
  reading.free_bytes = bytes(message.has_free_bytes(), message.free_bytes());
  reading.utilisation_percent = percent(message.has_utilisation_percent(), message.utilisation_percent());
  reading.temperature_celsius =
      number(message.has_temperature_celsius(), message.temperature_celsius(), -max_number, max_number);
  reading.power_watts = number(message.has_power_watts(), message.power_watts(), 0, max_number);
  reading.asleep = message.asleep();
  reading.foreign_bytes = bytes(message.has_foreign_bytes(), message.foreign_bytes());
  reading.foreign_processes = message.foreign_processes();
  return reading;
}

}  // namespace

domain::Hardware to_hardware(const Hardware& message) {
  domain::Hardware hardware;
  hardware.cpu = text(message.cpu());
  hardware.cpu_threads = message.cpu_threads();
  hardware.memory_bytes = std::min(message.memory_bytes(), max_bytes);
  for (int i = 0; i < std::min(message.gpus_size(), max_gpus); ++i)
    hardware.gpus.push_back(to_gpu(message.gpus(i)));
  hardware.disk_bytes = std::min(message.disk_bytes(), max_bytes);
  hardware.has_battery = message.has_battery();
  for (int i = 0; i < std::min(message.looked_at_size(), max_sources); ++i)
    hardware.looked_at.push_back(text(message.looked_at(i)));
  return hardware;
}

domain::HardwareReading to_reading(const HardwareReading& message) {
  domain::HardwareReading reading;
  reading.memory_available_bytes = bytes(message.has_memory_available_bytes(), message.memory_available_bytes());
  reading.cpu_percent = percent(message.has_cpu_percent(), message.cpu_percent());
  reading.disk_free_bytes = bytes(message.has_disk_free_bytes(), message.disk_free_bytes());
  reading.battery_percent = percent(message.has_battery_percent(), message.battery_percent());
  reading.battery_state = text(message.battery_state());
  if (message.has_on_mains()) reading.on_mains = message.on_mains();
  for (int i = 0; i < std::min(message.gpus_size(), max_gpus); ++i)
    reading.gpus.push_back(to_gpu_reading(message.gpus(i)));
  return reading;
}

std::string encode_watch_hardware(std::uint32_t seconds) {
  CoordinatorFrame frame;
  frame.mutable_watch_hardware()->set_seconds(seconds);
  return encode_frame(frame);
}

}  // namespace gogrid::wire
