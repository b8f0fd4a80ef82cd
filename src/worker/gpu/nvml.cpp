#include "worker/gpu/nvml.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "base/utf8.hpp"
#include "worker/gpu/nvml_abi.hpp"

namespace gogrid::worker {
namespace {

// The driver takes up to six samples a second.
constexpr std::chrono::seconds sample_age{2};
constexpr std::size_t max_utilisation_samples = 1024;

// A driver's text: ended by a NUL if it kept to its own rules.
template <std::size_t Size>
std::string text_of(const std::array<char, Size>& buffer) {
  return valid_utf8(std::string_view(buffer.data(), ::strnlen(buffer.data(), Size)), Size);
}

std::string four_digits(unsigned int number) {
  char text[8];
  std::snprintf(text, sizeof text, "%04x", number & 0xffff);
  return text;
}

}  // namespace

// Null: this driver has no such function.
struct Nvml::Functions {
  ~Functions() {
    if (initialised && shutdown != nullptr) shutdown();
    if (library != nullptr) ::dlclose(library);
  }

  template <class Function>
  void find(Function*& function, const char* symbol) const {
    function = reinterpret_cast<Function*>(::dlsym(library, symbol));
  }
  bool find_all();
  std::string error_text(nvml::Return code) const {
    const char* text = error_string != nullptr ? error_string(code) : nullptr;
    return text != nullptr ? valid_utf8(text, max_gpu_text_bytes) : "error " + std::to_string(code);
  }
  void read_identity(nvml::Device device, Gpu& gpu) const;
  void read_memory(nvml::Device device, Gpu& gpu) const;
  void read_sensors(nvml::Device device, GpuReading& reading) const;
  template <class Info>
  using ListProcesses = nvml::Return(nvml::Device, unsigned int*, Info*);
  template <class Info>
  static bool add_processes(ListProcesses<Info>* list, nvml::Device device, GpuReading& reading);
  void read_processes(nvml::Device device, GpuReading& reading) const;
  void read_shares(nvml::Device device, GpuReading& reading) const;

  void* library = nullptr;
  bool initialised = false;
  nvml::Return (*init)() = nullptr;
  nvml::Return (*shutdown)() = nullptr;
  const char* (*error_string)(nvml::Return) = nullptr;
  nvml::Return (*driver_version)(char*, unsigned int) = nullptr;
  nvml::Return (*count)(unsigned int*) = nullptr;
  nvml::Return (*handle)(unsigned int, nvml::Device*) = nullptr;
  nvml::Return (*name)(nvml::Device, char*, unsigned int) = nullptr;
  nvml::Return (*pci_info)(nvml::Device, nvml::PciInfo*) = nullptr;
  nvml::Return (*memory)(nvml::Device, nvml::Memory*) = nullptr;
  nvml::Return (*memory_v2)(nvml::Device, nvml::MemoryV2*) = nullptr;
  nvml::Return (*utilisation)(nvml::Device, nvml::Utilization*) = nullptr;
  nvml::Return (*temperature)(nvml::Device, unsigned int, unsigned int*) = nullptr;
  nvml::Return (*power)(nvml::Device, unsigned int*) = nullptr;
  nvml::Return (*process_utilisation)(nvml::Device, nvml::ProcessUtilization*, unsigned int*,
                                      unsigned long long) = nullptr;
  // Compute and graphics; the newest version that this driver has.
  std::array<ListProcesses<nvml::ProcessInfo>*, 2> processes{};
  std::array<ListProcesses<nvml::ProcessInfoV1>*, 2> processes_v1{};
};

// False when what nothing goes without is missing.
bool Nvml::Functions::find_all() {
  find(init, "nvmlInit_v2");
  find(shutdown, "nvmlShutdown");
  find(error_string, "nvmlErrorString");
  find(driver_version, "nvmlSystemGetDriverVersion");
  find(count, "nvmlDeviceGetCount_v2");
  find(handle, "nvmlDeviceGetHandleByIndex_v2");
  find(name, "nvmlDeviceGetName");
  find(pci_info, "nvmlDeviceGetPciInfo_v3");
  if (pci_info == nullptr) find(pci_info, "nvmlDeviceGetPciInfo_v2");
  find(memory, "nvmlDeviceGetMemoryInfo");
  find(memory_v2, "nvmlDeviceGetMemoryInfo_v2");
  find(utilisation, "nvmlDeviceGetUtilizationRates");
  find(temperature, "nvmlDeviceGetTemperature");
  find(power, "nvmlDeviceGetPowerUsage");
  find(process_utilisation, "nvmlDeviceGetProcessUtilization");
  const std::array<std::string, 2> lists{"nvmlDeviceGetComputeRunningProcesses",
                                         "nvmlDeviceGetGraphicsRunningProcesses"};
  for (std::size_t i = 0; i < lists.size(); ++i) {
    find(processes[i], (lists[i] + "_v3").c_str());
    if (processes[i] == nullptr) find(processes[i], (lists[i] + "_v2").c_str());
    if (processes[i] == nullptr) find(processes_v1[i], lists[i].c_str());
  }
  return init != nullptr && count != nullptr && handle != nullptr && pci_info != nullptr;
}

Result<std::unique_ptr<Nvml>> Nvml::open(const std::string& library) {
  auto functions = std::make_unique<Functions>();
  functions->library = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (functions->library == nullptr) {
    const char* why = ::dlerror();
    const std::string text = why != nullptr ? valid_utf8(why, max_gpu_text_bytes) : "";
    if (text.find("No such file") != std::string::npos) return Error(ErrorCode::not_found, library + " not found");
    return Error(ErrorCode::unavailable, text);
  }
  if (!functions->find_all()) return Error(ErrorCode::unsupported, library + " lacks functions");
  if (const nvml::Return code = functions->init(); code != nvml::success)
    return Error(ErrorCode::unavailable, functions->error_text(code));
  functions->initialised = true;
  return std::unique_ptr<Nvml>(new Nvml(std::move(functions)));
}

Nvml::Nvml(std::unique_ptr<Functions> functions) : functions_(std::move(functions)) {
  std::array<char, nvml::max_version_bytes> version{};
  if (functions_->driver_version != nullptr &&
      functions_->driver_version(version.data(), version.size()) == nvml::success) {
    driver_version_ = text_of(version);
  }
}

Nvml::~Nvml() = default;

std::vector<Gpu> Nvml::read() const {
  std::vector<Gpu> gpus;
  unsigned int count = 0;
  if (functions_->count(&count) != nvml::success) return gpus;
  for (unsigned int i = 0; i < count && i < max_gpus; ++i) {
    nvml::Device device = nullptr;
    if (functions_->handle(i, &device) != nvml::success) continue;
    Gpu gpu;
    gpu.vendor = "NVIDIA";
    gpu.driver = "nvidia";
    gpu.driver_version = driver_version_;
    functions_->read_identity(device, gpu);
    if (gpu.id.empty()) continue;
    functions_->read_memory(device, gpu);
    functions_->read_sensors(device, gpu.reading);
    functions_->read_processes(device, gpu.reading);
    functions_->read_shares(device, gpu.reading);
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

void Nvml::Functions::read_identity(nvml::Device device, Gpu& gpu) const {
  nvml::PciInfo pci{};
  if (pci_info(device, &pci) != nvml::success) return;
  char address[32];
  std::snprintf(address, sizeof address, "%08x:%02x:%02x.0", pci.domain, pci.bus & 0xff, pci.device & 0xff);
  gpu.id = pci_gpu_id(address);
  gpu.pci_id = four_digits(pci.pci_device_id) + ":" + four_digits(pci.pci_device_id >> 16);
  std::array<char, nvml::max_name_bytes> text{};
  if (name != nullptr && name(device, text.data(), text.size()) == nvml::success) gpu.name = text_of(text);
}

void Nvml::Functions::read_memory(nvml::Device device, Gpu& gpu) const {
  nvml::MemoryV2 newer{};
  newer.version = nvml::memory_v2_version;
  nvml::Memory older{};
  if (memory_v2 != nullptr && memory_v2(device, &newer) == nvml::success) {
    gpu.total_bytes = newer.total;
    gpu.reading.used_bytes = newer.used;
    gpu.reading.free_bytes = newer.free;
  } else if (memory != nullptr && memory(device, &older) == nvml::success) {
    gpu.total_bytes = older.total;
    gpu.reading.used_bytes = older.used;
    gpu.reading.free_bytes = older.free;
  }
}

void Nvml::Functions::read_sensors(nvml::Device device, GpuReading& reading) const {
  nvml::Utilization rates{};
  if (utilisation != nullptr && utilisation(device, &rates) == nvml::success && rates.gpu <= 100)
    reading.utilisation_percent = rates.gpu;
  unsigned int value = 0;
  if (temperature != nullptr && temperature(device, nvml::temperature_gpu, &value) == nvml::success)
    reading.temperature_celsius = value;
  // In milliwatts.
  if (power != nullptr && power(device, &value) == nvml::success) reading.power_watts = value / 1000.0;
}

// False when there is no such function or it fails.
template <class Info>
bool Nvml::Functions::add_processes(ListProcesses<Info>* list, nvml::Device device, GpuReading& reading) {
  if (list == nullptr) return false;
  std::vector<Info> found(max_gpu_processes);
  auto count = static_cast<unsigned int>(found.size());
  if (list(device, &count, found.data()) != nvml::success) return false;
  found.resize(std::min<std::size_t>(count, found.size()));
  for (const Info& info : found) {
    const auto same = [&info](const GpuProcess& process) { return process.pid == info.pid; };
    // One that computes and draws is in both lists, with all it uses.
    if (std::any_of(reading.processes.begin(), reading.processes.end(), same)) continue;
    GpuProcess process;
    process.pid = info.pid;
    if (info.used_gpu_memory != nvml::value_not_available) process.bytes = info.used_gpu_memory;
    reading.processes.push_back(std::move(process));
  }
  return true;
}

// Of each process's samples in the last moments the newest counts; one that has none did nothing.
void Nvml::Functions::read_shares(nvml::Device device, GpuReading& reading) const {
  if (process_utilisation == nullptr || reading.processes.empty()) return;
  const auto since = std::chrono::system_clock::now().time_since_epoch() - sample_age;
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  std::vector<nvml::ProcessUtilization> samples(max_utilisation_samples);
  auto filled = static_cast<unsigned int>(samples.size());
  const nvml::Return code =
      process_utilisation(device, samples.data(), &filled, static_cast<unsigned long long>(microseconds));
  if (code == nvml::not_found) filled = 0;
  if (code != nvml::success && code != nvml::not_found) return;
  samples.resize(std::min<std::size_t>(filled, samples.size()));
  for (GpuProcess& process : reading.processes) {
    unsigned long long newest = 0;
    process.utilisation_percent = 0;
    for (const nvml::ProcessUtilization& sample : samples) {
      if (process.pid != sample.pid || sample.time_stamp < newest) continue;
      newest = sample.time_stamp;
      process.utilisation_percent = std::min(100u, std::max({sample.multiprocessors, sample.encoder, sample.decoder}));
    }
  }
}

void Nvml::Functions::read_processes(nvml::Device device, GpuReading& reading) const {
  for (std::size_t i = 0; i < processes.size(); ++i) {
    if (!add_processes(processes[i], device, reading)) add_processes(processes_v1[i], device, reading);
  }
}

}  // namespace gogrid::worker
