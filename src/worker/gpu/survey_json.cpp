#include "worker/gpu/survey_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/utf8.hpp"

namespace gogrid::worker {
namespace {

using nlohmann::json;

constexpr int max_depth = 8;
constexpr std::size_t max_sources = 16;
constexpr std::uint64_t max_bytes = std::uint64_t{1} << 50;
// What a driver that is wrong may say of degrees or watts.
constexpr double max_number = 100'000;

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

json process_json(const GpuProcess& process) {
  return {{"pid", process.pid},
          {"name", valid_utf8(process.name, max_gpu_text_bytes)},
          {"bytes", or_null(process.bytes)},
          {"ours", process.ours},
          {"utilisation_percent", or_null(process.utilisation_percent)}};
}

json gpu_json(const Gpu& gpu) {
  const auto text = [](const std::string& value) { return valid_utf8(value, max_gpu_text_bytes); };
  const GpuReading& reading = gpu.reading;
  json out = {{"id", text(gpu.id)},
              {"vendor", text(gpu.vendor)},
              {"name", text(gpu.name)},
              {"pci_id", text(gpu.pci_id)},
              {"driver", text(gpu.driver)},
              {"driver_version", text(gpu.driver_version)},
              {"total_bytes", gpu.total_bytes},
              {"integrated", gpu.integrated},
              {"software", gpu.software},
              {"used_bytes", or_null(reading.used_bytes)},
              {"free_bytes", or_null(reading.free_bytes)},
              {"utilisation_percent", or_null(reading.utilisation_percent)},
              {"temperature_celsius", or_null(reading.temperature_celsius)},
              {"power_watts", or_null(reading.power_watts)},
              {"asleep", reading.asleep},
              {"foreign_bytes", or_null(foreign_bytes(gpu))},
              {"processes", json::array()}};
  for (const GpuProcess& process : reading.processes) {
    if (out["processes"].size() >= max_gpu_processes) break;
    out["processes"].push_back(process_json(process));
  }
  return out;
}

const json& member(const json& object, const char* key) {
  static const json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

std::string text_of(const json& object, const char* key) {
  const json& value = member(object, key);
  return value.is_string() ? valid_utf8(value.get_ref<const std::string&>(), max_gpu_text_bytes) : "";
}

bool flag_of(const json& object, const char* key) {
  const json& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

std::optional<std::uint64_t> bytes_of(const json& object, const char* key) {
  const json& value = member(object, key);
  if (!value.is_number_unsigned()) return std::nullopt;
  return std::min(value.get<std::uint64_t>(), max_bytes);
}

std::optional<double> number_of(const json& object, const char* key) {
  const json& value = member(object, key);
  if (!value.is_number()) return std::nullopt;
  return std::clamp(value.get<double>(), -max_number, max_number);
}

std::optional<double> percent_of(const json& object, const char* key) {
  const auto value = number_of(object, key);
  if (!value) return value;
  return std::clamp(*value, 0.0, 100.0);
}

GpuProcess read_process(const json& value) {
  GpuProcess process;
  const json& pid = member(value, "pid");
  if (pid.is_number_unsigned()) {
    process.pid = static_cast<std::int64_t>(std::min<std::uint64_t>(pid.get<std::uint64_t>(), 1u << 30));
  }
  process.name = text_of(value, "name");
  process.bytes = bytes_of(value, "bytes");
  process.ours = flag_of(value, "ours");
  process.utilisation_percent = percent_of(value, "utilisation_percent");
  return process;
}

Gpu read_gpu(const json& value) {
  Gpu gpu;
  gpu.id = text_of(value, "id");
  gpu.vendor = text_of(value, "vendor");
  gpu.name = text_of(value, "name");
  gpu.pci_id = text_of(value, "pci_id");
  gpu.driver = text_of(value, "driver");
  gpu.driver_version = text_of(value, "driver_version");
  gpu.total_bytes = bytes_of(value, "total_bytes").value_or(0);
  gpu.integrated = flag_of(value, "integrated");
  gpu.software = flag_of(value, "software");
  gpu.reading.used_bytes = bytes_of(value, "used_bytes");
  gpu.reading.free_bytes = bytes_of(value, "free_bytes");
  gpu.reading.utilisation_percent = percent_of(value, "utilisation_percent");
  gpu.reading.temperature_celsius = number_of(value, "temperature_celsius");
  gpu.reading.power_watts = number_of(value, "power_watts");
  gpu.reading.asleep = flag_of(value, "asleep");
  const json& processes = member(value, "processes");
  for (std::size_t i = 0; processes.is_array() && i < std::min(processes.size(), max_gpu_processes); ++i)
    gpu.reading.processes.push_back(read_process(processes[i]));
  return gpu;
}

HostReading read_host(const json& value) {
  HostReading host;
  host.memory_bytes = bytes_of(value, "memory_bytes").value_or(0);
  host.memory_available_bytes = bytes_of(value, "memory_available_bytes").value_or(0);
  host.cpu_percent = percent_of(value, "cpu_percent");
  host.disk_bytes = bytes_of(value, "disk_bytes").value_or(0);
  host.disk_free_bytes = bytes_of(value, "disk_free_bytes").value_or(0);
  if (const json& battery = member(value, "battery"); battery.is_object()) {
    host.battery.emplace();
    host.battery->percent = percent_of(battery, "percent");
    host.battery->state = text_of(battery, "state");
  }
  if (member(value, "on_mains").is_boolean()) host.on_mains = flag_of(value, "on_mains");
  return host;
}

}  // namespace

json to_json(const Survey& survey) {
  const HostReading& host = survey.host;
  json battery;
  if (host.battery) {
    battery = {{"percent", or_null(host.battery->percent)},
               {"state", valid_utf8(host.battery->state, max_gpu_text_bytes)}};
  }
  json out = {{"gpus", json::array()},
              {"host",
               {{"memory_bytes", host.memory_bytes},
                {"memory_available_bytes", host.memory_available_bytes},
                {"cpu_percent", or_null(host.cpu_percent)},
                {"disk_bytes", host.disk_bytes},
                {"disk_free_bytes", host.disk_free_bytes},
                {"battery", std::move(battery)},
                {"on_mains", or_null(host.on_mains)}}},
              {"looked_at", json::array()}};
  for (const Gpu& gpu : survey.gpus)
    out["gpus"].push_back(gpu_json(gpu));
  for (const std::string& source : survey.looked_at)
    out["looked_at"].push_back(valid_utf8(source, max_gpu_text_bytes));
  return out;
}

std::string to_line(const Survey& survey) {
  return to_json(survey).dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<Survey> read_survey(std::string_view text) {
  if (text.size() > max_survey_bytes) return Error(ErrorCode::too_large, "too long for a survey of the hardware");
  bool too_deep = false;
  const auto watch_depth = [&too_deep](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > max_depth;
    return !too_deep;
  };
  const json parsed = json::parse(text, watch_depth, false);
  if (too_deep || !parsed.is_object() || !member(parsed, "gpus").is_array())
    return Error(ErrorCode::protocol, "this is no survey of the hardware");
  Survey survey;
  for (const json& gpu : parsed["gpus"]) {
    if (survey.gpus.size() >= max_gpus) break;
    // Without an id it could not be told from others.
    if (!text_of(gpu, "id").empty()) survey.gpus.push_back(read_gpu(gpu));
  }
  survey.host = read_host(member(parsed, "host"));
  const json& sources = member(parsed, "looked_at");
  for (std::size_t i = 0; sources.is_array() && i < std::min(sources.size(), max_sources); ++i) {
    if (sources[i].is_string())
      survey.looked_at.push_back(valid_utf8(sources[i].get_ref<const std::string&>(), max_gpu_text_bytes));
  }
  return survey;
}

}  // namespace gogrid::worker
