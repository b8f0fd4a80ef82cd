// A management library as NVIDIA's driver brings it, for tests: the same functions with the same ABI, two GPUs of its
// own, and the ways in which the real one fails. Built once as a driver of today has it and once as one of 2019
// (OLD_DRIVER). Declared anew from NVIDIA's documentation, so that it does not share a mistake with what it tests.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

enum nvmlReturn_t {
  NVML_SUCCESS = 0,
  NVML_ERROR_UNINITIALIZED = 1,
  NVML_ERROR_INVALID_ARGUMENT = 2,
  NVML_ERROR_NOT_SUPPORTED = 3,
  NVML_ERROR_NOT_FOUND = 6,
  NVML_ERROR_INSUFFICIENT_SIZE = 7,
  NVML_ERROR_DRIVER_NOT_LOADED = 9,
};

struct nvmlDevice_st {
  int number;
};
using nvmlDevice_t = nvmlDevice_st*;

struct nvmlMemory_t {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

struct nvmlUtilization_t {
  unsigned int gpu;
  unsigned int memory;
};

#ifndef OLD_DRIVER
struct nvmlPciInfo_t {
  char busIdLegacy[16];
  unsigned int domain;
  unsigned int bus;
  unsigned int device;
  unsigned int pciDeviceId;
  unsigned int pciSubSystemId;
  char busId[32];
};
struct nvmlMemory_v2_t {
  unsigned int version;
  unsigned long long total;
  unsigned long long reserved;
  unsigned long long free;
  unsigned long long used;
};
struct nvmlProcessUtilizationSample_t {
  unsigned int pid;
  unsigned long long timeStamp;
  unsigned int smUtil;
  unsigned int memUtil;
  unsigned int encUtil;
  unsigned int decUtil;
};
struct nvmlProcessInfo_t {
  unsigned int pid;
  unsigned long long usedGpuMemory;
  unsigned int gpuInstanceId;
  unsigned int computeInstanceId;
};
#else
struct nvmlPciInfo_t {
  char busId[16];
  unsigned int domain;
  unsigned int bus;
  unsigned int device;
  unsigned int pciDeviceId;
  unsigned int pciSubSystemId;
  unsigned int reserved0;
  unsigned int reserved1;
  unsigned int reserved2;
  unsigned int reserved3;
};
struct nvmlProcessInfo_t {
  unsigned int pid;
  unsigned long long usedGpuMemory;
};
#endif

namespace {

nvmlDevice_st devices[2] = {{0}, {1}};
bool initialised = false;

bool mode(const char* name) {
  const char* wanted = std::getenv("TEST_NVML");
  return wanted != nullptr && std::strcmp(wanted, name) == 0;
}

nvmlReturn_t copy(const char* text, char* to, unsigned int length) {
  if (std::strlen(text) >= length) return NVML_ERROR_INSUFFICIENT_SIZE;
  std::strcpy(to, text);
  return NVML_SUCCESS;
}

void add(nvmlProcessInfo_t* infos, unsigned int at, unsigned int pid, unsigned long long bytes) {
  std::memset(&infos[at], 0xff, sizeof infos[at]);
  infos[at].pid = pid;
  infos[at].usedGpuMemory = bytes;
}

// The first GPU is used by the process that the file TEST_NVML_PROCESS names, with so many bytes: "4711 2000000000".
bool read_other(unsigned int& pid, unsigned long long& bytes) {
  const char* const path = std::getenv("TEST_NVML_PROCESS");
  std::FILE* const file = path != nullptr ? std::fopen(path, "re") : nullptr;
  if (file == nullptr) return false;
  const bool read = std::fscanf(file, "%u %llu", &pid, &bytes) == 2;
  std::fclose(file);
  return read;
}

nvmlReturn_t list(nvmlDevice_t device, unsigned int* count, nvmlProcessInfo_t* infos, bool compute) {
  if (!initialised) return NVML_ERROR_UNINITIALIZED;
  unsigned int other = 0;
  unsigned long long other_bytes = 0;
  if (device->number == 0 && compute && read_other(other, other_bytes)) {
    const bool fits = *count >= 1;
    *count = 1;
    if (!fits) return NVML_ERROR_INSUFFICIENT_SIZE;
    add(infos, 0, other, other_bytes);
    return NVML_SUCCESS;
  }
  const unsigned int found = device->number == 0 ? (compute ? 2 : 1) : 0;
  if (*count < found) {
    *count = found;
    return NVML_ERROR_INSUFFICIENT_SIZE;
  }
  *count = found;
  if (found == 0) return NVML_SUCCESS;
  // This process: there is surely one.
  add(infos, 0, static_cast<unsigned int>(::getpid()), 512ull << 20);
  if (compute) add(infos, 1, 999'999'999, ~0ull);
  return NVML_SUCCESS;
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlInit_v2() {
  if (mode("crash")) std::abort();
  while (mode("hang"))
    ::pause();
  if (mode("no-driver")) return NVML_ERROR_DRIVER_NOT_LOADED;
  initialised = true;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlShutdown() {
  initialised = false;
  return NVML_SUCCESS;
}

const char* nvmlErrorString(nvmlReturn_t result) {
  return result == NVML_ERROR_DRIVER_NOT_LOADED ? "Driver Not Loaded" : "Unknown Error";
}

nvmlReturn_t nvmlSystemGetDriverVersion(char* version, unsigned int length) {
  return copy("550.54.14", version, length);
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int* count) {
  *count = 2;
  return initialised ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t* device) {
  if (index >= 2) return NVML_ERROR_INVALID_ARGUMENT;
  *device = &devices[index];
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char* name, unsigned int length) {
  return copy(device->number == 0 ? "NVIDIA GeForce RTX 4090" : "Tesla\x1b[31m V100", name, length);
}

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t* rates) {
  if (device->number != 0) return NVML_ERROR_NOT_SUPPORTED;
  *rates = {37, 12};
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, unsigned int sensor, unsigned int* degrees) {
  if (sensor != 0) return NVML_ERROR_INVALID_ARGUMENT;
  *degrees = device->number == 0 ? 61 : 40;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int* milliwatts) {
  if (device->number != 0) return NVML_ERROR_NOT_SUPPORTED;
  *milliwatts = 180'500;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t, nvmlMemory_t* memory) {
  *memory = {24ull << 30, 20ull << 30, 4ull << 30};
  return NVML_SUCCESS;
}

#ifndef OLD_DRIVER
nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t* pci) {
  std::memset(pci, 0, sizeof *pci);
  pci->bus = device->number == 0 ? 0x01 : 0xc1;
  pci->domain = device->number == 0 ? 0 : 0x10;
  pci->pciDeviceId = device->number == 0 ? 0x268410de : 0x1db410de;
  std::strcpy(pci->busId, device->number == 0 ? "00000000:01:00.0" : "00000010:C1:00.0");
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t, nvmlMemory_v2_t* memory) {
  if (memory->version != (sizeof(nvmlMemory_v2_t) | 2u << 24)) return NVML_ERROR_INVALID_ARGUMENT;
  memory->total = 24ull << 30;
  memory->reserved = 1ull << 30;
  memory->free = 20ull << 30;
  memory->used = 3ull << 30;
  return NVML_SUCCESS;
}

// Of this process alone, the newest sample not last.
nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device, nvmlProcessUtilizationSample_t* samples,
                                             unsigned int* count, unsigned long long lastSeenTimeStamp) {
  const unsigned long long now = static_cast<unsigned long long>(std::time(nullptr)) * 1'000'000;
  // In microseconds since 1970, and of the last moments.
  if (lastSeenTimeStamp > now + 1'000'000 || lastSeenTimeStamp + 10'000'000 < now) return NVML_ERROR_INVALID_ARGUMENT;
  if (mode("no-samples")) return NVML_ERROR_NOT_FOUND;
  if (device->number != 0) return NVML_ERROR_NOT_SUPPORTED;
  if (*count < 3) {
    *count = 3;
    return NVML_ERROR_INSUFFICIENT_SIZE;
  }
  *count = 3;
  const auto pid = static_cast<unsigned int>(::getpid());
  samples[0] = {pid, lastSeenTimeStamp + 1, 90, 5, 0, 0};
  samples[1] = {pid, lastSeenTimeStamp + 3, 12, 99, 0, 42};
  samples[2] = {pid, lastSeenTimeStamp + 2, 80, 5, 0, 0};
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned int* count,
                                                     nvmlProcessInfo_t* infos) {
  return list(device, count, infos, true);
}
nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(nvmlDevice_t device, unsigned int* count,
                                                      nvmlProcessInfo_t* infos) {
  return list(device, count, infos, false);
}
#else
nvmlReturn_t nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_t* pci) {
  std::memset(pci, 0, sizeof *pci);
  pci->bus = device->number == 0 ? 0x01 : 0xc1;
  pci->pciDeviceId = device->number == 0 ? 0x268410de : 0x1db410de;
  return NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses(nvmlDevice_t device, unsigned int* count, nvmlProcessInfo_t* infos) {
  return list(device, count, infos, true);
}
nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses(nvmlDevice_t device, unsigned int* count, nvmlProcessInfo_t* infos) {
  return list(device, count, infos, false);
}
#endif

}  // extern "C"
