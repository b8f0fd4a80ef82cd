#include "gpus_text.hpp"

#include <fmt/format.h>

#include <vector>

#include "base/utf8.hpp"

namespace gogrid::worker_app {
namespace {

using worker::Gpu;
using worker::GpuProcess;
using worker::GpuReading;
using worker::HostReading;

constexpr std::size_t max_shown_processes = 20;

std::string size(std::uint64_t bytes) {
  const auto count = static_cast<double>(bytes);
  if (bytes >= 1u << 30) return fmt::format("{:.1f} GiB", count / (1u << 30));
  return fmt::format("{:.0f} MiB", count / (1u << 20));
}

class Lines {
 public:
  void add(const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format("  {:<11} {}\n", name, value);
  }
  std::string text;
};

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts)
    out += (out.empty() || part.empty() ? "" : ", ") + part;
  return out;
}

std::string memory_text(const Gpu& gpu) {
  const GpuReading& reading = gpu.reading;
  std::vector<std::string> parts;
  parts.push_back(gpu.total_bytes > 0 ? size(gpu.total_bytes) : "size not known");
  if (gpu.integrated) parts.emplace_back("a part of the machine's");
  if (reading.free_bytes) parts.push_back(size(*reading.free_bytes) + " free");
  if (reading.used_bytes) parts.push_back(size(*reading.used_bytes) + " used");
  const auto foreign = worker::foreign_bytes(gpu);
  if (foreign && foreign != reading.used_bytes) parts.push_back(size(*foreign) + " of it by others");
  return joined(parts);
}

std::string load_text(const GpuReading& reading) {
  if (reading.asleep) return "asleep";
  std::vector<std::string> parts;
  if (reading.utilisation_percent) parts.push_back(fmt::format("{:.0f} % busy", *reading.utilisation_percent));
  if (reading.temperature_celsius) parts.push_back(fmt::format("{:.0f} °C", *reading.temperature_celsius));
  if (reading.power_watts) parts.push_back(fmt::format("{:.1f} W", *reading.power_watts));
  return joined(parts);
}

void add_processes(Lines& lines, const std::vector<GpuProcess>& processes) {
  const char* name = "used by";
  for (const GpuProcess& process : processes) {
    if (&process - processes.data() >= static_cast<std::ptrdiff_t>(max_shown_processes)) {
      lines.add(name, fmt::format("and {} more", processes.size() - max_shown_processes));
      return;
    }
    std::string text = printable(process.name.empty() ? "a process" : process.name) + fmt::format(" ({})", process.pid);
    if (process.bytes) text += ", " + size(*process.bytes);
    if (process.utilisation_percent) text += fmt::format(", {:.0f} % of its time", *process.utilisation_percent);
    if (process.ours) text += ", a worker's";
    lines.add(name, text);
    name = "";
  }
}

void add_gpu(Lines& lines, const Gpu& gpu) {
  lines.text += printable(worker::shown_name(gpu)) + (gpu.software ? " (software, runs on the CPU)" : "") + "\n";
  lines.add("id", printable(gpu.id) + (gpu.pci_id.empty() ? "" : ", PCI id " + printable(gpu.pci_id)));
  lines.add("driver", gpu.driver.empty() ? "none is loaded" : printable(gpu.driver + " " + gpu.driver_version));
  lines.add("memory", memory_text(gpu));
  lines.add("now", load_text(gpu.reading));
  add_processes(lines, gpu.reading.processes);
}

void add_host(Lines& lines, const HostReading& host) {
  lines.text += "This machine\n";
  if (host.memory_bytes > 0)
    lines.add("memory", size(host.memory_bytes) + ", " + size(host.memory_available_bytes) + " free");
  if (host.cpu_percent) lines.add("processors", fmt::format("{:.0f} % busy", *host.cpu_percent));
  if (host.disk_bytes > 0) lines.add("disk", size(host.disk_bytes) + ", " + size(host.disk_free_bytes) + " free");
  std::vector<std::string> power;
  if (host.battery && host.battery->percent) power.push_back(fmt::format("battery {:.0f} %", *host.battery->percent));
  if (host.battery) power.push_back(printable(host.battery->state));
  if (host.on_mains) power.emplace_back(*host.on_mains ? "plugged in" : "not plugged in");
  lines.add("power", joined(power));
}

}  // namespace

std::string gpus_text(const worker::Survey& survey) {
  Lines lines;
  for (const Gpu& gpu : survey.gpus)
    add_gpu(lines, gpu);
  if (survey.gpus.empty()) lines.text += "no GPU found\n";
  std::vector<std::string> sources;
  for (const std::string& source : survey.looked_at)
    sources.push_back(printable(source));
  lines.add("looked at", joined(sources));
  add_host(lines, survey.host);
  return lines.text;
}

}  // namespace gogrid::worker_app
