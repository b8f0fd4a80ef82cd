#include "domain/memory_ledger.hpp"

#include <algorithm>

namespace gogrid::domain {
namespace {

// Smaller changes are not worth a write to the disk.
bool is_news(std::uint64_t known, std::uint64_t measured) { return measured > known + known / 20; }

}  // namespace

std::optional<MeasuredMemory> MemoryLedger::record(const MemoryKey& key, const MeasuredMemory& measured) {
  const auto [found, is_new] = entries_.emplace(key, measured);
  if (is_new) return measured;
  MeasuredMemory& known = found->second;
  if (!is_news(known.device_bytes, measured.device_bytes) && !is_news(known.host_bytes, measured.host_bytes) &&
      !is_news(known.mapped_bytes, measured.mapped_bytes))
    return std::nullopt;
  known.device_bytes = std::max(known.device_bytes, measured.device_bytes);
  known.host_bytes = std::max(known.host_bytes, measured.host_bytes);
  known.mapped_bytes = std::max(known.mapped_bytes, measured.mapped_bytes);
  return known;
}

}  // namespace gogrid::domain
