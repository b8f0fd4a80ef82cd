// SocketStream: a ByteStream over one socket, in the clear or with TLS, with what HTTP needs beyond reading and
// writing. Owned by one connection, used on the socket's executor thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "net/byte_stream.hpp"

namespace gogrid::net {

// TCP and Unix sockets alike.
using Socket = boost::asio::generic::stream_protocol::socket;

class SocketStream : public ByteStream {
 public:
  enum class Arrived { nothing, bytes, end };

  // Ends a pending read with `cancelled`; the stream stays usable, unless a write was pending too.
  virtual void cancel() noexcept = 0;
  // What a read would find now, without waiting for it. Not while a read is pending.
  virtual Arrived poll() noexcept = 0;
  // What arrives before the next read wakes nobody, for a reader that comes back at a time of its own. Not while a read
  // or a write is pending.
  virtual void pause() noexcept = 0;
  // Counts up as the transport takes bytes: how a slow write is told from one that is stuck.
  virtual std::uint64_t bytes_written() const = 0;
};

std::unique_ptr<SocketStream> make_plain_stream(Socket socket);

// Completes once the socket can be written to (or has failed); false when it was cancelled. An Asio wait in one place.
boost::asio::awaitable<bool> wait_writable(Socket& socket);
boost::asio::awaitable<bool> wait_readable(Socket& socket);

// `cancelled` for an operation that was aborted, otherwise what errno says.
Error socket_error(std::string_view what, const boost::system::error_code& failure);

}  // namespace gogrid::net
