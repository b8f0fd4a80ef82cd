// The part of NVIDIA's management library (NVML) that is used here: types as its documentation has them
// (https://docs.nvidia.com/deploy/nvml-api). The library comes with the driver and is opened at run time.
#pragma once

#include <cstddef>

namespace gogrid::worker::nvml {

using Return = int;
inline constexpr Return success = 0;
inline constexpr Return not_found = 6;
// A number that the driver does not know.
inline constexpr unsigned long long value_not_available = ~0ULL;

struct DeviceHandle;
using Device = DeviceHandle*;

// nvmlPciInfo_t, filled by nvmlDeviceGetPciInfo_v3. Version 2 ends before bus_id.
struct PciInfo {
  char bus_id_legacy[16];
  unsigned int domain;
  unsigned int bus;
  unsigned int device;
  unsigned int pci_device_id;  // device << 16 | vendor
  unsigned int pci_subsystem_id;
  char bus_id[32];
};
static_assert(sizeof(PciInfo) == 68 && offsetof(PciInfo, bus_id) == 36);

// nvmlMemory_t: what the driver keeps for itself counts as used.
struct Memory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};
static_assert(sizeof(Memory) == 24);

// nvmlMemory_v2_t
struct MemoryV2 {
  unsigned int version;
  unsigned long long total;
  unsigned long long reserved;
  unsigned long long free;
  unsigned long long used;
};
static_assert(sizeof(MemoryV2) == 40);
inline constexpr unsigned int memory_v2_version = sizeof(MemoryV2) | 2u << 24;

struct Utilization {
  unsigned int gpu;
  unsigned int memory;
};

// nvmlProcessInfo_v1_t, of the functions without a version.
struct ProcessInfoV1 {
  unsigned int pid;
  unsigned long long used_gpu_memory;
};
static_assert(sizeof(ProcessInfoV1) == 16);

// nvmlProcessInfo_t of versions 2 and 3.
struct ProcessInfo {
  unsigned int pid;
  unsigned long long used_gpu_memory;
  unsigned int gpu_instance_id;
  unsigned int compute_instance_id;
};
static_assert(sizeof(ProcessInfo) == 24);

// nvmlProcessUtilizationSample_t
struct ProcessUtilization {
  unsigned int pid;
  unsigned long long time_stamp;  // microseconds since 1970
  unsigned int multiprocessors;
  unsigned int memory;
  unsigned int encoder;
  unsigned int decoder;
};
static_assert(sizeof(ProcessUtilization) == 32);

inline constexpr unsigned int temperature_gpu = 0;
// NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE and NVML_DEVICE_NAME_V2_BUFFER_SIZE.
inline constexpr unsigned int max_version_bytes = 80;
inline constexpr unsigned int max_name_bytes = 96;

}  // namespace gogrid::worker::nvml
