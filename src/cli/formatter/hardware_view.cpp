#include "cli/formatter/hardware_view.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <vector>

namespace gogrid::cli {
namespace {

using Align = Table::Align;

std::string bytes(std::optional<std::int64_t> count) {
  return count && *count >= 0 ? format_bytes(static_cast<std::uint64_t>(*count)) : "";
}

std::string joined(const std::vector<std::string>& parts, const char* between = ", ") {
  std::string out;
  for (const std::string& part : parts)
    out += (out.empty() || part.empty() ? "" : between) + part;
  return out;
}

// "62.7 GiB, 40.1 GiB free"
std::string size_and_free(std::int64_t size, std::optional<std::int64_t> free_bytes) {
  if (size <= 0) return "";
  return bytes(size) + (free_bytes ? ", " + bytes(free_bytes) + " free" : "");
}

std::string power_text(const client::Hardware& hardware) {
  std::vector<std::string> parts;
  if (hardware.battery_percent) {
    parts.push_back(fmt::format("battery {:.0f} %", *hardware.battery_percent));
  } else if (hardware.has_battery) {
    parts.emplace_back("has a battery");
  }
  parts.push_back(hardware.battery_state);
  if (hardware.on_mains) parts.emplace_back(*hardware.on_mains ? "plugged in" : "not plugged in");
  return joined(parts);
}

// What it does just now: "37 %, 61 °C, 180 W".
std::string load_text(const client::Gpu& gpu) {
  if (gpu.asleep) return "asleep";
  std::vector<std::string> parts;
  if (gpu.utilisation_percent) parts.push_back(fmt::format("{:.0f} %", *gpu.utilisation_percent));
  if (gpu.temperature_celsius) parts.push_back(fmt::format("{:.0f} °C", *gpu.temperature_celsius));
  if (gpu.power_watts) parts.push_back(fmt::format("{:.0f} W", *gpu.power_watts));
  return joined(parts);
}

std::string others_text(const client::Gpu& gpu) {
  if (gpu.foreign_processes > 0)
    return fmt::format("{}{} ({})", bytes(gpu.foreign_bytes), gpu.foreign_bytes ? "" : "?", gpu.foreign_processes);
  return bytes(gpu.foreign_bytes);
}

Cell driver_cell(const client::Gpu& gpu) {
  if (gpu.software) return Cell("software, on the CPU", Style::yellow);
  if (gpu.driver.empty()) return Cell("none is loaded", Style::red);
  return Cell(joined({gpu.driver, gpu.driver_version}, " "));
}

}  // namespace

void add_hardware(Facts& facts, const client::Hardware& hardware) {
  std::string processor = hardware.cpu;
  if (hardware.cpu_threads > 0) processor += fmt::format(" ({} threads)", hardware.cpu_threads);
  if (hardware.cpu_percent) processor += fmt::format(", {:.0f} % busy", *hardware.cpu_percent);
  facts.add("Processor", processor);
  // What its owner offers, which may be less than the machine has; what is free is the machine's.
  std::string memory;
  if (hardware.memory_bytes > 0) memory = bytes(hardware.memory_bytes) + " for engines";
  if (hardware.memory_available_bytes)
    memory += ", " + bytes(hardware.memory_available_bytes) + " of the machine's free";
  facts.add("Memory", memory);
  facts.add("Disk", size_and_free(hardware.disk_bytes, hardware.disk_free_bytes));
  facts.add("Power", power_text(hardware));
  if (hardware.gpus.empty() && !hardware.looked_at.empty())
    facts.add("GPU", "none; looked at " + joined(hardware.looked_at));
}

std::string gpus_table(const client::Hardware& hardware, const View& view) {
  if (hardware.gpus.empty()) return "";
  Table table({{"GPU", Align::left, true},
               {"ENGINE", Align::left},
               {"MEMORY", Align::right},
               {"FREE", Align::right},
               {"BY OTHERS", Align::right},
               {"NOW"},
               {"DRIVER", Align::left, true},
               {"ID"}});
  for (const client::Gpu& gpu : hardware.gpus) {
    table.add_row({gpu.name, gpu.engine_device, gpu.total_bytes > 0 ? bytes(gpu.total_bytes) : "",
                   bytes(gpu.free_bytes), others_text(gpu), load_text(gpu), driver_cell(gpu), gpu.id});
  }
  return table.text(view);
}

}  // namespace gogrid::cli
