#include <sys/statvfs.h>

#include <algorithm>

#include "worker/facts_file.hpp"
#include "worker/gpu/host_reader.hpp"

namespace gogrid::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_table_bytes = 64 * 1024;

// "MemAvailable:   16012345 kB" in /proc/meminfo.
std::uint64_t memory_in(std::string_view table, std::string_view key) {
  while (!table.empty()) {
    const std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(table.size(), line.size() + 1));
    if (!line.starts_with(key) || line.substr(key.size(), 1) != ":") continue;
    std::string_view value = trimmed(line.substr(key.size() + 1));
    value = value.substr(0, value.find(' '));
    const auto kilobytes = parse_number(value);
    return kilobytes && *kilobytes < std::uint64_t{1} << 40 ? *kilobytes * 1024 : 0;
  }
  return 0;
}

}  // namespace

HostReading HostReader::read() {
  HostReading reading;
  read_memory(reading);
  read_cpu(reading);
  read_disk(reading);
  read_power(reading, root_);
  return reading;
}

void HostReader::read_memory(HostReading& reading) const {
  const auto table = read_file(root_ / "proc/meminfo", max_table_bytes);
  if (!table) return;
  reading.memory_bytes = memory_in(*table, "MemTotal");
  reading.memory_available_bytes = memory_in(*table, "MemAvailable");
}

// The first line of /proc/stat: "cpu  user nice system idle iowait irq softirq steal guest guest_nice".
void HostReader::read_cpu(HostReading& reading) {
  const auto file = open_file(root_ / "proc/stat", 0);
  if (!file) return;
  char buffer[512];
  const auto count = read_fully(file->get(), std::as_writable_bytes(std::span(buffer)));
  if (!count) return;
  std::string_view line(buffer, *count);
  line = line.substr(0, line.find('\n'));
  if (!line.starts_with("cpu ")) return;
  line.remove_prefix(4);
  CpuTime now;
  // Guests' time is in user's and nice's already.
  for (int field = 0; field < 8; ++field) {
    line = trimmed(line);
    const std::string_view text = line.substr(0, line.find(' '));
    line.remove_prefix(text.size());
    const std::uint64_t ticks = parse_number(text).value_or(0);
    now.all += ticks;
    if (field != 3 && field != 4) now.busy += ticks;
  }
  if (before_ && now.all > before_->all && now.busy >= before_->busy) {
    reading.cpu_percent = std::min(
        100.0, 100.0 * static_cast<double>(now.busy - before_->busy) / static_cast<double>(now.all - before_->all));
  }
  before_ = now;
}

void HostReader::read_disk(HostReading& reading) const {
  struct statvfs disk {};
  if (disk_.empty() || ::statvfs(disk_.c_str(), &disk) != 0) return;
  reading.disk_bytes = std::uint64_t{disk.f_blocks} * disk.f_frsize;
  reading.disk_free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

// https://docs.kernel.org/power/power_supply_class.html
void read_power(HostReading& reading, const fs::path& root) {
  const fs::path supplies = root / "sys/class/power_supply";
  for (const std::string& name : names_in(supplies)) {
    const fs::path supply = supplies / name;
    const std::string type = read_fact(supply / "type");
    if (type == "Mains" || type == "USB") {
      const auto online = read_number(supply / "online");
      if (online) reading.on_mains = reading.on_mains.value_or(false) || *online != 0;
    }
    // "Device": a mouse's, a headset's.
    if (type != "Battery" || read_fact(supply / "scope") == "Device" || read_fact(supply / "present") == "0") continue;
    // The first of several tells enough.
    if (reading.battery) continue;
    reading.battery.emplace();
    reading.battery->state = read_fact(supply / "status").substr(0, max_gpu_text_bytes);
    const auto percent = read_number(supply / "capacity");
    if (percent && *percent <= 100) reading.battery->percent = static_cast<double>(*percent);
  }
}

}  // namespace gogrid::worker
