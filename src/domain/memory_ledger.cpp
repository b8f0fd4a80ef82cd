#include "domain/memory_ledger.hpp"

#include <algorithm>
#include <iterator>

namespace gogrid::domain {
namespace {

// Smaller changes are not worth a write to the disk.
// Workers say what they like, and it is kept.
constexpr std::size_t most_entries = 10'000;
constexpr std::ptrdiff_t most_of_a_model = 64;

bool is_news(std::uint64_t known, std::uint64_t measured) { return measured > known + known / 20; }

}  // namespace

std::optional<MeasuredMemory> MemoryLedger::record(const MemoryKey& key, const MeasuredMemory& measured) {
  const auto known_one = entries_.find(key);
  if (known_one == entries_.end()) {
    MemoryKey first;
    first.model_sha256 = key.model_sha256;
    const auto begin = entries_.lower_bound(first);
    const auto end = std::find_if(begin, entries_.end(),
                                  [&key](const auto& entry) { return entry.first.model_sha256 != key.model_sha256; });
    if (entries_.size() >= most_entries || std::distance(begin, end) >= most_of_a_model) return std::nullopt;
  }
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
