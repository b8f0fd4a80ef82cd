#include "worker/gpu/gpu.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace gogrid::worker {
namespace {

template <class T>
void fill(std::optional<T>& into, const std::optional<T>& from) {
  if (!into) into = from;
}
void fill(std::string& into, std::string& from) {
  if (into.empty()) into = std::move(from);
}

// The GPU of `gpus` that `other` is, by its place or, where a source does not know places, by its kind if there is just
// one of that.
Gpu* find_same(std::vector<Gpu>& gpus, const Gpu& other) {
  for (Gpu& gpu : gpus) {
    if (gpu.id == other.id) return &gpu;
  }
  if (other.pci_id.empty() || other.id.starts_with("pci:")) return nullptr;
  Gpu* only = nullptr;
  for (Gpu& gpu : gpus) {
    if (gpu.pci_id != other.pci_id) continue;
    if (only != nullptr) return nullptr;
    only = &gpu;
  }
  return only;
}

}  // namespace

std::string vendor_name(std::string_view pci_vendor) {
  if (pci_vendor == "10de") return "NVIDIA";
  if (pci_vendor == "1002" || pci_vendor == "1022") return "AMD";
  if (pci_vendor == "8086") return "Intel";
  return {};
}

std::string pci_gpu_id(std::string_view address) {
  // domain:bus:device.function; NVML writes the domain with eight digits.
  const auto colon = address.find(':');
  if (colon == std::string_view::npos || colon < 4 || colon > 8) return {};
  if (address.find_first_not_of('0') < colon - 4) return {};
  address.remove_prefix(colon - 4);
  constexpr std::string_view form = "xxxx:xx:xx.x";
  if (address.size() != form.size()) return {};
  std::string id = "pci:";
  for (std::size_t i = 0; i < form.size(); ++i) {
    const auto c = static_cast<unsigned char>(address[i]);
    if (form[i] == 'x' ? std::isxdigit(c) == 0 : c != static_cast<unsigned char>(form[i])) return {};
    id += static_cast<char>(std::tolower(c));
  }
  return id;
}

std::string shown_name(const Gpu& gpu) {
  if (!gpu.name.empty()) return gpu.name;
  std::string name = gpu.vendor.empty() ? "GPU" : gpu.vendor + " GPU";
  if (!gpu.pci_id.empty()) name += " " + gpu.pci_id;
  return name;
}

std::string counted(std::size_t count, const std::string& what) {
  return (count == 0 ? "no" : std::to_string(count)) + " " + what + (count > 1 ? "s" : "");
}

std::optional<std::uint64_t> foreign_bytes(const Gpu& gpu) {
  std::uint64_t ours = 0;
  std::uint64_t others = 0;
  bool others_known = false;
  for (const GpuProcess& process : gpu.reading.processes) {
    if (process.ours) {
      ours += process.bytes.value_or(0);
    } else if (process.bytes) {
      others += *process.bytes;
      others_known = true;
    }
  }
  if (gpu.reading.used_bytes) return *gpu.reading.used_bytes - std::min(*gpu.reading.used_bytes, ours);
  if (others_known) return others;
  return std::nullopt;
}

void fill_in(Gpu& into, Gpu from) {
  fill(into.vendor, from.vendor);
  fill(into.name, from.name);
  fill(into.pci_id, from.pci_id);
  fill(into.driver, from.driver);
  fill(into.driver_version, from.driver_version);
  if (into.total_bytes == 0) into.total_bytes = from.total_bytes;
  into.integrated = into.integrated || from.integrated;
  GpuReading& reading = into.reading;
  fill(reading.used_bytes, from.reading.used_bytes);
  fill(reading.free_bytes, from.reading.free_bytes);
  fill(reading.utilisation_percent, from.reading.utilisation_percent);
  fill(reading.temperature_celsius, from.reading.temperature_celsius);
  fill(reading.power_watts, from.reading.power_watts);
  reading.asleep = reading.asleep || from.reading.asleep;
  for (GpuProcess& process : from.reading.processes) {
    const auto same = [&process](const GpuProcess& known) { return known.pid == process.pid; };
    const auto known = std::find_if(reading.processes.begin(), reading.processes.end(), same);
    if (known == reading.processes.end()) {
      reading.processes.push_back(std::move(process));
    } else {
      fill(known->bytes, process.bytes);
      fill(known->utilisation_percent, process.utilisation_percent);
    }
  }
}

void merge(std::vector<Gpu>& gpus, std::vector<Gpu> more) {
  for (Gpu& gpu : more) {
    if (Gpu* same = find_same(gpus, gpu)) {
      fill_in(*same, std::move(gpu));
    } else {
      gpus.push_back(std::move(gpu));
    }
  }
  const auto is_software = [](const Gpu& gpu) { return gpu.software; };
  if (!std::all_of(gpus.begin(), gpus.end(), is_software)) std::erase_if(gpus, is_software);
  std::stable_sort(gpus.begin(), gpus.end(), [](const Gpu& one, const Gpu& other) { return one.id < other.id; });
  if (gpus.size() > max_gpus) gpus.resize(max_gpus);
}

bool has_gaps(const std::vector<Gpu>& gpus) {
  // Without a driver no library knows more.
  return gpus.empty() || std::any_of(gpus.begin(), gpus.end(), [](const Gpu& gpu) {
           return !gpu.driver.empty() && (gpu.name.empty() || gpu.total_bytes == 0);
         });
}

bool same_facts(const Survey& one, const Survey& other) {
  const auto facts = [](const Survey& survey) {
    Survey kept = survey;
    for (Gpu& gpu : kept.gpus)
      gpu.reading = {};
    kept.host = {};
    kept.host.disk_bytes = survey.host.disk_bytes;
    if (survey.host.battery) kept.host.battery.emplace();
    return kept;
  };
  return facts(one) == facts(other);
}

}  // namespace gogrid::worker
