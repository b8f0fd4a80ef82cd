// SendBuffer: bytes of one stream from write() until the peer acknowledges them. ngtcp2 keeps pointers into it for
// retransmission, so bytes never move. Owned by its stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <vector>

namespace gogrid::net::quic {

class SendBuffer {
 public:
  void append(std::span<const std::byte> bytes);

  // Views of what has not been sent yet, in order, as many as fit; returns how many. `complete`: they are all there is.
  std::size_t unsent(std::span<std::span<const std::uint8_t>> views, bool& complete) const;
  void mark_sent(std::size_t count);

  // The oldest `count` sent bytes are not needed any more.
  void release(std::size_t count);

  std::size_t size() const { return size_; }
  std::size_t unsent_bytes() const { return size_ - sent_; }

 private:
  // Reserved once and never grown.
  std::list<std::vector<std::uint8_t>> chunks_;
  // Bytes at the start of the first chunk that were released already.
  std::size_t released_ = 0;
  std::size_t size_ = 0;
  // Of size_, how many have been sent at least once.
  std::size_t sent_ = 0;
};

}  // namespace gogrid::net::quic
