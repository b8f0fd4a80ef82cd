// HTTP/1.1 server over TLS or a Unix socket: keep-alive, chunked and sized bodies in both directions as they stream,
// limits on everything a stranger can send. One coroutine a connection, all on the executor's one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "net/http.hpp"

namespace gogrid::net {

// One request and its response. Lives until the handler returns; a handler that returns without responding sends a 500.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  virtual const RequestHead& request() const = 0;
  // The client's address, "10.0.0.7:51234" or "unix".
  virtual const std::string& remote() const = 0;

  // The whole request body. More than `limit_bytes` is `too_large`; one that pauses or trickles for the body timeout is
  // `timeout`.
  virtual boost::asio::awaitable<Result<std::string>> read_body(std::size_t limit_bytes) = 0;
  // The next part of the body as it comes; 0 at its end. For bodies too large for memory.
  virtual boost::asio::awaitable<Result<std::size_t>> read_body_some(std::span<std::byte> buffer) = 0;
  // Content-Length, if the request had one.
  virtual std::optional<std::uint64_t> body_length() const = 0;

  // A whole response with its body. Content-Length, Date and Connection are added.
  virtual boost::asio::awaitable<Result<void>> respond(ResponseHead head, std::string body) = 0;
  // A response whose body follows by write() and finish(): with a Content-Length header sized, otherwise chunked. The
  // head goes out with the first of these; write("") sends it alone.
  virtual boost::asio::awaitable<Result<void>> start(ResponseHead head) = 0;
  virtual boost::asio::awaitable<Result<void>> write(std::string_view bytes) = 0;
  virtual boost::asio::awaitable<Result<void>> finish() = 0;
  virtual bool started() const = 0;

  // Calls `on_disconnect` at once when the client closes its connection or breaks it before the response is finished:
  // how a handler that waits for an engine learns that nobody is waiting for it. Reset with an empty function. At most
  // one call.
  virtual void watch_disconnect(std::function<void()> on_disconnect) = 0;
};

using HttpHandler = std::function<boost::asio::awaitable<void>(HttpExchange&)>;

struct HttpLimits {
  std::size_t max_header_bytes = 32 * 1024;
  // When they are taken, the one that has waited longest for a request makes room; if none waits, the new one is turned
  // away.
  std::size_t max_connections = 4096;
  // The same for those of one address (IPv6: of one /64). Zero: no limit.
  std::size_t max_connections_per_address = 0;
  // A request's head must be complete this long after its first byte (or the connection's start); else 408 and close.
  std::chrono::milliseconds header_timeout{10'000};
  // The body may pause, or trickle, no longer than this; else 408 and close.
  std::chrono::milliseconds body_timeout{30'000};
  // A connection without a request is closed after this.
  std::chrono::milliseconds idle_timeout{75'000};
  // A write that makes no progress for this long, or less than 256 bytes a second, ends the connection.
  std::chrono::milliseconds write_timeout{120'000};
};

// PEM texts. For a client that names `internal_name` by SNI the internal pair is used, for all others the public one.
struct ServerTls {
  std::string certificate_chain;
  std::string private_key;
  std::string internal_name;
  std::string internal_certificate_chain;
  std::string internal_private_key;
};

class HttpServer {
 public:
  virtual ~HttpServer() = default;
  // Serves until stop(). Call once.
  virtual boost::asio::awaitable<void> run() = 0;
  // Stops accepting, closes idle connections, tells busy ones to close after their response; run() returns when all are
  // done or after `grace`, when what is left is cut.
  virtual void stop(std::chrono::milliseconds grace) = 0;
  // For connections from now on.
  virtual Result<void> set_tls(const ServerTls& tls) = 0;
  virtual std::uint16_t port() const = 0;
  virtual std::size_t connections() const = 0;
};

// Binds and listens; a port in use is `conflict`. TLS 1.2 and 1.3, ALPN http/1.1. TCP_NODELAY is set.
Result<std::unique_ptr<HttpServer>> listen_https(boost::asio::any_io_executor executor,
                                                 boost::asio::ip::tcp::endpoint endpoint, ServerTls tls,
                                                 HttpLimits limits, HttpHandler handler);

// A Unix socket with mode 0600, replacing a dead one; `conflict` when another process answers on it.
Result<std::unique_ptr<HttpServer>> listen_unix(boost::asio::any_io_executor executor, std::filesystem::path path,
                                                HttpLimits limits, HttpHandler handler);

}  // namespace gogrid::net
