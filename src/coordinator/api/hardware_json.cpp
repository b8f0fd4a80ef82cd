#include "coordinator/api/hardware_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace gogrid::coordinator {
namespace {

using nlohmann::json;

json or_null(const std::optional<std::uint64_t>& value) { return value ? json(*value) : json(); }

// To a tenth: what follows is a sensor's noise, and a float's.
json or_null(const std::optional<double>& value) { return value ? json(std::round(*value * 10) / 10) : json(); }

}  // namespace

json hardware_json(const domain::Hardware& hardware) {
  json gpus = json::array();
  for (const domain::Gpu& gpu : hardware.gpus) {
    gpus.push_back({{"id", gpu.id},
                    {"vendor", gpu.vendor},
                    {"name", gpu.name},
                    {"pci_id", gpu.pci_id},
                    {"driver", gpu.driver},
                    {"driver_version", gpu.driver_version},
                    {"total_bytes", gpu.total_bytes > 0 ? json(gpu.total_bytes) : json()},
                    {"integrated", gpu.integrated},
                    {"software", gpu.software}});
  }
  return {{"cpu", hardware.cpu},
          {"cpu_threads", hardware.cpu_threads},
          {"memory_bytes", hardware.memory_bytes},
          {"disk_bytes", hardware.disk_bytes > 0 ? json(hardware.disk_bytes) : json()},
          {"has_battery", hardware.has_battery},
          {"gpus", std::move(gpus)},
          {"looked_at", hardware.looked_at}};
}

json reading_json(const WorkerSessions::Reading& read) {
  const domain::HardwareReading& reading = read.reading;
  json gpus = json::array();
  for (const domain::GpuReading& gpu : reading.gpus) {
    gpus.push_back({{"id", gpu.id},
                    {"used_bytes", or_null(gpu.used_bytes)},
                    {"free_bytes", or_null(gpu.free_bytes)},
                    {"utilisation_percent", or_null(gpu.utilisation_percent)},
                    {"temperature_celsius", or_null(gpu.temperature_celsius)},
                    {"power_watts", or_null(gpu.power_watts)},
                    {"asleep", gpu.asleep},
                    {"foreign_bytes", or_null(gpu.foreign_bytes)},
                    {"foreign_processes", gpu.foreign_processes}});
  }
  json battery;
  if (reading.battery_percent || !reading.battery_state.empty())
    battery = {{"percent", or_null(reading.battery_percent)}, {"state", reading.battery_state}};
  return {{"age_ms", read.age.count()},
          {"memory_available_bytes", or_null(reading.memory_available_bytes)},
          {"cpu_percent", or_null(reading.cpu_percent)},
          {"disk_free_bytes", or_null(reading.disk_free_bytes)},
          {"battery", std::move(battery)},
          {"on_mains", reading.on_mains ? json(*reading.on_mains) : json()},
          {"gpus", std::move(gpus)}};
}

}  // namespace gogrid::coordinator
