// MemoryLedger: what models really took, by model, context and kind of device, as workers measured it. All workers' go
// into one, so that each profits from the others. Pure, one thread.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "domain/model.hpp"

namespace gogrid::domain {

// What a measurement is of.
struct MemoryKey {
  // SHA-256 of the weights, and bytes of all the model's files: adapters and projectors count.
  std::string model_sha256;
  std::uint64_t size_bytes = 0;
  // Of each slot.
  std::uint32_t context_tokens = 0;
  std::uint32_t slots = 1;
  KvType kv_type = KvType::f16;
  // The engine's name, and of which devices, as the engine describes them: "vulkan: AMD Radeon RX 7900 XTX"; of the CPU
  // the engine's name alone.
  std::string device;
  // 0: the CPU alone.
  std::uint32_t device_count = 0;
  // Of the model's, the output counted as one, how many lie on the devices.
  std::uint32_t device_layers = 0;

  friend auto operator<=>(const MemoryKey&, const MemoryKey&) = default;
};

struct MeasuredMemory {
  // Of all devices together.
  std::uint64_t device_bytes = 0;
  // Of the machine's memory, without what lies in mapped files; and that.
  std::uint64_t host_bytes = 0;
  std::uint64_t mapped_bytes = 0;

  friend bool operator==(const MeasuredMemory&, const MeasuredMemory&) = default;
};

class MemoryLedger {
 public:
  // The most of what was measured counts, once it has been the same within a twentieth it is no news. Returns what
  // counts from now on, if that changed.
  std::optional<MeasuredMemory> record(const MemoryKey& key, const MeasuredMemory& measured);
  // Of all keys of the model and context, whatever the device.
  using Entries = std::map<MemoryKey, MeasuredMemory>;
  const Entries& entries() const { return entries_; }

 private:
  Entries entries_;
};

}  // namespace gogrid::domain
