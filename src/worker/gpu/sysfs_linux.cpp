#include "worker/gpu/sysfs.hpp"

#include <algorithm>

#include "worker/facts_file.hpp"

namespace gogrid::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_list_bytes = 8 * 1024 * 1024;
constexpr std::size_t max_tiles = 16;
// PCI classes: display controllers, and accelerators (0x12), as some of AMD's are.
constexpr std::uint32_t class_display = 0x03;
constexpr std::uint32_t class_accelerator = 0x12;

bool has_render_node(const fs::path& device) {
  const auto names = names_in(device / "drm");
  return std::any_of(names.begin(), names.end(), [](const auto& name) { return is_numbered(name, "renderD"); });
}

bool is_gpu(const fs::path& device, const std::string& vendor) {
  const auto number = parse_number<std::uint32_t>(read_hexadecimal(device / "class"), 16);
  if (!number) return false;
  const std::uint32_t kind = *number >> 16;
  const bool known = !vendor_name(vendor).empty();
  // Of other makers many only show a screen: a server's management chip, a virtual machine's display.
  if (kind == class_display) return known || has_render_node(device);
  return kind == class_accelerator && known;
}

std::optional<double> scaled(std::optional<std::int64_t> value, double unit) {
  if (!value) return std::nullopt;
  return static_cast<double>(*value) / unit;
}

// The value of "Key: value" in a file of lines.
std::string value_in(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && trimmed(line.substr(0, colon)) == key)
      return std::string(trimmed(line.substr(colon + 1)).substr(0, max_gpu_text_bytes));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return {};
}

// https://pci-ids.ucw.cz: "1002  Advanced Micro Devices, Inc. [AMD/ATI]", and below it "\t744c  Navi 31 [Radeon …]".
std::string name_in_pci_ids(std::string_view list, const std::string& vendor, const std::string& device) {
  const auto begin = list.find("\n" + vendor + "  ");
  if (begin == std::string_view::npos) return {};
  std::string_view rest = list.substr(begin + 1);
  rest.remove_prefix(std::min(rest.size(), rest.find('\n') + 1));
  while (rest.starts_with('\t') || rest.starts_with('#')) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (line.starts_with("\t" + device + "  ")) return std::string(trimmed(line.substr(device.size() + 3)));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return {};
}

}  // namespace

std::vector<Gpu> SysfsGpus::read() {
  std::vector<Gpu> gpus;
  const fs::path bus = root_ / "sys/bus/pci/devices";
  const auto addresses = names_in(bus);
  for (const std::string& address : addresses) {
    if (gpus.size() >= max_gpus) break;
    if (pci_gpu_id(address).empty() || !is_gpu(bus / address, read_hexadecimal(bus / address / "vendor"))) continue;
    gpus.push_back(read_pci(bus / address, address));
  }
  add_other_cards(gpus);
  looked_at_ = "/sys (" + counted(addresses.size(), "PCI device") + ", " + counted(gpus.size(), "GPU") + ")";
  if (gpus.empty()) return gpus;
  auto users = processes_.read();
  for (Gpu& gpu : gpus) {
    const auto found = users.find(gpu.id);
    if (found != users.end()) gpu.reading.processes = std::move(found->second);
  }
  return gpus;
}

Gpu SysfsGpus::read_pci(const fs::path& device, const std::string& address) {
  Gpu gpu;
  gpu.id = pci_gpu_id(address);
  const std::string vendor = read_hexadecimal(device / "vendor");
  gpu.vendor = vendor_name(vendor);
  gpu.pci_id = vendor + ":" + read_hexadecimal(device / "device");
  // Intel's own place for what is built into the processor.
  gpu.integrated = gpu.vendor == "Intel" && gpu.id == "pci:0000:00:02.0";
  gpu.reading.asleep = read_fact(device / "power/runtime_status") == "suspended";
  read_driver(gpu, device);
  read_name(gpu, device, address);
  read_memory(gpu, device);
  if (!gpu.reading.asleep) read_sensors(gpu, device);
  return gpu;
}

// What sits in a chip without a PCI bus.
void SysfsGpus::add_other_cards(std::vector<Gpu>& gpus) {
  const fs::path cards = root_ / "sys/class/drm";
  for (const std::string& name : names_in(cards)) {
    if (!is_numbered(name, "card") || gpus.size() >= max_gpus) continue;
    std::error_code error;
    const fs::path device = fs::canonical(cards / name / "device", error);
    const std::string bus = link_name(device / "subsystem");
    if (error || bus.empty() || bus == "pci" || !has_render_node(device)) continue;
    Gpu gpu;
    gpu.id = "drm:" + device.filename().string().substr(0, max_gpu_text_bytes - 4);
    gpu.integrated = true;
    read_driver(gpu, device);
    // The kernel's stand-ins for tests.
    if (gpu.driver == "vgem" || gpu.driver == "vkms" || gpu.driver.empty()) continue;
    gpu.name = gpu.driver;
    gpus.push_back(std::move(gpu));
  }
}

void SysfsGpus::read_driver(Gpu& gpu, const fs::path& device) const {
  gpu.driver = link_name(device / "driver");
  if (gpu.driver.empty()) return;
  gpu.driver_version = read_fact(root_ / "sys/module" / gpu.driver / "version");
  if (gpu.driver_version.empty()) {
    const std::string kernel = read_fact(root_ / "proc/sys/kernel/osrelease");
    if (!kernel.empty()) gpu.driver_version = "Linux " + kernel;
  }
}

void SysfsGpus::read_name(Gpu& gpu, const fs::path& device, const std::string& address) {
  gpu.name = read_fact(device / "product_name");
  if (gpu.name.empty() && gpu.driver == "nvidia") {
    const auto text = read_file(root_ / "proc/driver/nvidia/gpus" / address / "information", max_fact_bytes);
    if (text) gpu.name = value_in(*text, "Model");
  }
  if (gpu.name.empty()) {
    const auto colon = gpu.pci_id.find(':');
    gpu.name = name_in_list(gpu.pci_id.substr(0, colon), gpu.pci_id.substr(colon + 1));
    if (!gpu.name.empty() && !gpu.vendor.empty()) gpu.name = gpu.vendor + " " + gpu.name;
  }
  gpu.name.resize(std::min(gpu.name.size(), max_gpu_text_bytes));
}

std::string SysfsGpus::name_in_list(const std::string& vendor, const std::string& device) {
  const auto [known, is_new] = names_.try_emplace(vendor + ":" + device);
  if (!is_new) return known->second;
  for (const char* path : {"usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids"}) {
    const auto list = read_file(root_ / path, max_list_bytes);
    if (list) known->second = name_in_pci_ids(*list, vendor, device);
    if (!known->second.empty()) break;
  }
  return known->second;
}

// The driver keeps count of its memory: reading it wakes nothing.
void SysfsGpus::read_memory(Gpu& gpu, const fs::path& device) const {
  if (gpu.driver == "amdgpu") {
    const auto total = read_number(device / "mem_info_vram_total");
    const auto used = read_number(device / "mem_info_vram_used");
    gpu.total_bytes = total.value_or(0);
    gpu.reading.used_bytes = used;
    if (total && used) gpu.reading.free_bytes = *total - std::min(*total, *used);
  }
  if (gpu.driver == "xe") {
    for (std::size_t tile = 0; tile < max_tiles; ++tile)
      gpu.total_bytes += read_number(device / ("tile" + std::to_string(tile)) / "physical_vram_size_bytes").value_or(0);
  }
}

void SysfsGpus::read_sensors(Gpu& gpu, const fs::path& device) {
  GpuReading& reading = gpu.reading;
  const auto busy = read_number<std::int64_t>(device / "gpu_busy_percent");
  if (busy && *busy >= 0 && *busy <= 100) reading.utilisation_percent = static_cast<double>(*busy);
  for (const std::string& name : names_in(device / "hwmon")) {
    const fs::path sensors = device / "hwmon" / name;
    // amdgpu: the chip's edge is the first. xe: the package is the second.
    for (const char* file : {"temp1_input", "temp2_input"}) {
      if (!reading.temperature_celsius)
        reading.temperature_celsius = scaled(read_number<std::int64_t>(sensors / file), 1e3);
    }
    for (const char* file : {"power1_average", "power1_input"}) {
      if (!reading.power_watts) reading.power_watts = scaled(read_number<std::int64_t>(sensors / file), 1e6);
    }
    const auto energy = read_number(sensors / "energy1_input");
    if (reading.power_watts || !energy) continue;
    const Energy now{*energy, std::chrono::steady_clock::now()};
    const auto before = energies_.find(gpu.id);
    if (before != energies_.end() && now.microjoules >= before->second.microjoules && now.at > before->second.at) {
      const auto joules = static_cast<double>(now.microjoules - before->second.microjoules) / 1e6;
      reading.power_watts = joules / std::chrono::duration<double>(now.at - before->second.at).count();
    }
    energies_.insert_or_assign(gpu.id, now);
  }
}

}  // namespace gogrid::worker
