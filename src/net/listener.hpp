// Listener: takes connections on a TCP port or a Unix socket. What fails for want of descriptors or memory is tried
// again a little later. Owned by a server, used on its executor's thread.
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "net/socket_stream.hpp"

namespace gogrid::net {

class Listener {
 public:
  using Endpoint = boost::asio::generic::stream_protocol::endpoint;
  struct Accepted {
    Socket socket;
    Endpoint peer;
  };

  // Binds and listens; a port in use is `conflict`.
  static Result<Listener> on_tcp(const boost::asio::any_io_executor& executor,
                                 const boost::asio::ip::tcp::endpoint& endpoint);
  // A Unix socket with mode 0600, replacing a dead one; `conflict` when another process answers on it.
  static Result<Listener> on_unix(const boost::asio::any_io_executor& executor, const std::filesystem::path& path);

  ~Listener();
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;

  // The next connection; nullopt after close(), or when the coroutine was cancelled (and is not thrown out of).
  boost::asio::awaitable<std::optional<Accepted>> accept();
  // Also removes the Unix socket's file, and ends a pending accept().
  void close() noexcept;

  Endpoint local() const;

 private:
  class SocketFile;
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;

  explicit Listener(Acceptor acceptor);
  boost::asio::awaitable<void> after_failed_accept(boost::system::error_code failure);

  Acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::unique_ptr<SocketFile> file_;
  bool pausing_ = false;
};

// "10.0.0.7:51234", "[::1]:51234" or "unix".
std::string describe(const Listener::Endpoint& endpoint);
// Of an endpoint that is not a Unix socket's.
boost::asio::ip::tcp::endpoint tcp_endpoint(const Listener::Endpoint& endpoint);

// Whose process connected to this Unix socket, as the kernel knows it.
Result<uid_t> peer_user(Socket& socket);

}  // namespace gogrid::net
