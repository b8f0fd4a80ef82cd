// ByteStream: a connected two-way stream of bytes with flow control: a TCP, TLS or Unix socket, or one QUIC stream.
// Used on its executor's thread. At most one read and one write may be pending at a time; both at once is fine.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <span>

#include "base/result.hpp"

namespace gogrid::net {

class ByteStream {
 public:
  virtual ~ByteStream() = default;

  // Waits for at least one byte; 0 is the peer's orderly end. After close() the error is `cancelled`.
  virtual boost::asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> buffer) = 0;

  // Completes when every byte is with the transport, which may be long after if the peer is slow: this is the
  // back-pressure.
  virtual boost::asio::awaitable<Result<void>> write(std::span<const std::byte> bytes) = 0;

  // No more will be written; reading goes on.
  virtual boost::asio::awaitable<Result<void>> finish() = 0;

  // Ends both directions at once and wakes pending operations with `cancelled`. May be called twice.
  virtual void close() noexcept = 0;
};

}  // namespace gogrid::net
