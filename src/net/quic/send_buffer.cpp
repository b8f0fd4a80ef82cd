#include "net/quic/send_buffer.hpp"

#include <algorithm>

namespace gogrid::net::quic {
namespace {

// Small writes share a chunk; large ones get chunks of their own, which are freed as acknowledgements come in.
constexpr std::size_t min_chunk_bytes = 1024;
constexpr std::size_t max_chunk_bytes = 32 * 1024;

}  // namespace

void SendBuffer::append(std::span<const std::byte> bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  std::size_t left = bytes.size();
  size_ += left;
  while (left > 0) {
    if (chunks_.empty() || chunks_.back().size() == chunks_.back().capacity()) {
      chunks_.emplace_back().reserve(std::clamp(left, min_chunk_bytes, max_chunk_bytes));
    }
    std::vector<std::uint8_t>& chunk = chunks_.back();
    const std::size_t count = std::min(left, chunk.capacity() - chunk.size());
    chunk.insert(chunk.end(), data, data + count);
    data += count;
    left -= count;
  }
}

std::size_t SendBuffer::unsent(std::span<std::span<const std::uint8_t>> views, bool& complete) const {
  std::size_t skip = released_ + sent_;
  std::size_t used = 0;
  std::size_t seen = 0;
  for (const std::vector<std::uint8_t>& chunk : chunks_) {
    if (skip >= chunk.size()) {
      skip -= chunk.size();
      continue;
    }
    if (used == views.size()) break;
    views[used++] = std::span(chunk).subspan(skip);
    seen += chunk.size() - skip;
    skip = 0;
  }
  complete = seen == unsent_bytes();
  return used;
}

void SendBuffer::mark_sent(std::size_t count) { sent_ += count; }

void SendBuffer::release(std::size_t count) {
  count = std::min(count, sent_);
  size_ -= count;
  sent_ -= count;
  released_ += count;
  while (!chunks_.empty() && released_ >= chunks_.front().size()) {
    released_ -= chunks_.front().size();
    chunks_.pop_front();
  }
}

}  // namespace gogrid::net::quic
