#include "net/http_connect.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "net/deadline.hpp"

namespace gogrid::net {
namespace asio = boost::asio;
namespace {

constexpr auto token = asio::as_tuple(asio::use_awaitable);
using StreamResult = Result<std::unique_ptr<SocketStream>>;

Error cannot_reach(const HttpEndpoint& endpoint, const std::string& reason) {
  // What is connected to under a condition is somebody else's.
  const std::string_view hint = endpoint.allows ? ""
                                : endpoint.tls  ? "; is the coordinator running?"
                                                : "; is it running?";
  return Error(ErrorCode::unavailable, "cannot reach " + describe(endpoint) + ": " + reason + std::string(hint));
}

// One try to connect; at the deadline whatever it waits for is ended.
class Attempt {
 public:
  Attempt(asio::any_io_executor executor, const HttpEndpoint& endpoint, std::chrono::milliseconds timeout)
      : executor_(executor), endpoint_(endpoint), resolver_(executor), socket_(executor), deadline_(executor, [this] {
          expire();
        }) {
    deadline_.set_after(timeout);
  }

  asio::awaitable<StreamResult> over_unix() {
    const std::string path = endpoint_.unix_path.string();
    sockaddr_un address{};
    if (path.size() >= sizeof address.sun_path) co_return cannot_reach(endpoint_, "the path is longer than 107 bytes");
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) co_return system_error("socket", errno);
    boost::system::error_code failure;
    socket_.assign(Socket::protocol_type(AF_UNIX, 0), descriptor, failure);
    if (failure) {
      ::close(descriptor);
      co_return socket_error("socket", failure);
    }
    asio::steady_timer full(executor_);
    auto pause = std::chrono::milliseconds(1);
    while (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      if (errno != EAGAIN) co_return cannot_reach(endpoint_, std::strerror(errno));
      // The server's backlog is full. The kernel offers no event for when it no longer is, and Asio's connect takes
      // this for success.
      full.expires_after(pause);
      co_await full.async_wait(token);
      if (expired_) co_return timed_out();
      pause = std::min(pause * 2, std::chrono::milliseconds(20));
    }
    co_return make_plain_stream(std::move(socket_));
  }

  asio::awaitable<StreamResult> over_tcp() {
    auto connected = co_await connect_tcp();
    if (!connected) co_return connected.error();
    co_return make_plain_stream(std::move(socket_));
  }

  asio::awaitable<StreamResult> over_tls(std::shared_ptr<TlsContext> tls) {
    auto connected = co_await connect_tcp();
    if (!connected) co_return connected.error();
    const std::string& name = endpoint_.tls->server_name.empty() ? endpoint_.host : endpoint_.tls->server_name;
    auto stream = make_tls_client_stream(std::move(socket_), std::move(tls), name);
    tls_ = stream.get();
    const auto shaken = co_await stream->handshake();
    tls_ = nullptr;
    if (expired_) co_return timed_out();
    if (!shaken && shaken.error().code == ErrorCode::unauthenticated) {
      co_return Error(ErrorCode::unauthenticated, "cannot trust " + describe(endpoint_) + ": " + shaken.error().detail);
    }
    if (!shaken) co_return cannot_reach(endpoint_, "no TLS connection (" + shaken.error().detail + ")");
    co_return std::unique_ptr<SocketStream>(std::move(stream));
  }

 private:
  asio::awaitable<Result<void>> connect_tcp() {
    const auto [failure, found] =
        co_await resolver_.async_resolve(endpoint_.host, std::to_string(endpoint_.port), token);
    if (expired_) co_return timed_out();
    if (failure) co_return cannot_reach(endpoint_, "the host's name cannot be resolved (" + failure.message() + ")");
    boost::system::error_code refusal = asio::error::host_not_found;
    bool allowed = false;
    for (const auto& entry : found) {
      if (endpoint_.allows && !endpoint_.allows(entry.endpoint().address())) continue;
      allowed = true;
      boost::system::error_code ignored;
      socket_.close(ignored);
      const auto [connected] = co_await socket_.async_connect(Socket::endpoint_type(entry.endpoint()), token);
      refusal = connected;
      if (expired_ || !refusal) break;
    }
    if (expired_) co_return timed_out();
    if (!allowed)
      co_return Error(ErrorCode::permission_denied, describe(endpoint_) + " is at an address that is not allowed");
    if (refusal) co_return cannot_reach(endpoint_, refusal.message());
    boost::system::error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.set_option(asio::socket_base::keep_alive(true), ignored);
    co_return Result<void>();
  }

  void expire() {
    expired_ = true;
    resolver_.cancel();
    boost::system::error_code ignored;
    socket_.close(ignored);
    if (tls_) tls_->close();
  }

  Error timed_out() const { return cannot_reach(endpoint_, "no answer in time"); }

  asio::any_io_executor executor_;
  const HttpEndpoint& endpoint_;
  asio::ip::tcp::resolver resolver_;
  Socket socket_;
  TlsStream* tls_ = nullptr;
  bool expired_ = false;
  Deadline deadline_;
};

}  // namespace

std::string describe(const HttpEndpoint& endpoint) {
  if (!endpoint.unix_path.empty()) return "unix:" + endpoint.unix_path.string();
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  return (endpoint.tls ? "https://" : "http://") + (v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" +
         std::to_string(endpoint.port);
}

asio::awaitable<StreamResult> connect(asio::any_io_executor executor, const HttpEndpoint& endpoint,
                                      std::shared_ptr<TlsContext> tls, std::chrono::milliseconds timeout) {
  Attempt attempt(std::move(executor), endpoint, timeout);
  if (tls) co_return co_await attempt.over_tls(std::move(tls));
  if (endpoint.unix_path.empty()) co_return co_await attempt.over_tcp();
  co_return co_await attempt.over_unix();
}

}  // namespace gogrid::net
