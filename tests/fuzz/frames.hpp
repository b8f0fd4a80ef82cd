// Frames of the worker protocol, cut into reads as the network likes.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "wire/frame.hpp"

namespace gogrid::fuzz {

// Calls `judge` with the payload of each frame until one breaks the protocol. The first byte is the size of the reads.
template <class Judge>
void each_frame(std::string_view bytes, Judge judge) {
  if (bytes.empty()) return;
  const std::size_t step = static_cast<unsigned char>(bytes.front()) % 64 + 1;
  bytes.remove_prefix(1);
  wire::FrameReader reader;
  while (!bytes.empty()) {
    const auto space = reader.prepare();
    if (space.empty() || space.size() > 2 * wire::max_frame_bytes) std::abort();
    const std::size_t count = std::min({step, space.size(), bytes.size()});
    std::memcpy(space.data(), bytes.data(), count);
    reader.commit(count);
    bytes.remove_prefix(count);
    for (;;) {
      const auto payload = reader.next();
      if (!payload) return;
      if (!*payload) break;
      judge(**payload);
    }
  }
}

}  // namespace gogrid::fuzz
