#include "net/listener.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.hpp"
#include "net/listen_error.hpp"

namespace gogrid::net {
namespace asio = boost::asio;
namespace {

using Protocol = asio::generic::stream_protocol;

constexpr auto token = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds accept_pause{100};

// Removes what a process that died has left; an error when one still answers.
Result<void> remove_dead_socket(const std::filesystem::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) {
    return Error(ErrorCode::conflict, path.string() + " is in the way: it is not a socket");
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return system_error("socket", errno);
  const bool dead =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  if (!dead)
    return Error(ErrorCode::conflict, "another process answers on " + path.string() + "; is it running already?");
  if (::unlink(path.c_str()) != 0) return system_error("cannot remove " + path.string(), errno);
  return {};
}

}  // namespace

// A Unix socket's file, removed with the listener that made it.
class Listener::SocketFile {
 public:
  explicit SocketFile(std::filesystem::path path) : path_(std::move(path)) { ::lstat(path_.c_str(), &made_); }
  ~SocketFile() {
    struct stat now {};
    if (::lstat(path_.c_str(), &now) == 0 && now.st_ino == made_.st_ino && now.st_dev == made_.st_dev)
      ::unlink(path_.c_str());
  }
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

 private:
  std::filesystem::path path_;
  struct stat made_ {};
};

Listener::Listener(Acceptor acceptor) : acceptor_(std::move(acceptor)), pause_(acceptor_.get_executor()) {}
Listener::~Listener() = default;
Listener::Listener(Listener&& other) noexcept = default;

Result<Listener> Listener::on_tcp(const asio::any_io_executor& executor, const asio::ip::tcp::endpoint& endpoint) {
  Acceptor acceptor(executor);
  boost::system::error_code failure;
  acceptor.open(Protocol(endpoint.protocol()), failure);
  if (!failure) acceptor.set_option(asio::socket_base::reuse_address(true), failure);
  if (!failure && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(false), failure);
  if (!failure) acceptor.bind(Protocol::endpoint(endpoint), failure);
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure) return listen_error(describe(Protocol::endpoint(endpoint)), failure.value());
  return Listener(std::move(acceptor));
}

Result<Listener> Listener::on_unix(const asio::any_io_executor& executor, const std::filesystem::path& path) {
  if (path.native().size() >= sizeof(sockaddr_un::sun_path)) {
    return Error(ErrorCode::invalid_argument, "the socket's path is longer than 107 bytes: " + path.string());
  }
  if (const auto removed = remove_dead_socket(path); !removed) return removed.error();
  Acceptor acceptor(executor);
  boost::system::error_code failure;
  acceptor.open(Protocol(AF_UNIX, 0), failure);
  if (!failure) acceptor.bind(Protocol::endpoint(asio::local::stream_protocol::endpoint(path.string())), failure);
  // Nobody can connect before listen(), so nobody gets in before the mode is set.
  if (!failure && ::chmod(path.c_str(), 0600) != 0) failure.assign(errno, boost::system::system_category());
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure) return listen_error(path.string(), failure.value());
  Listener listener(std::move(acceptor));
  listener.file_ = std::make_unique<SocketFile>(path);
  return listener;
}

asio::awaitable<std::optional<Listener::Accepted>> Listener::accept() {
  while (acceptor_.is_open()) {
    Accepted accepted{Socket(acceptor_.get_executor()), Endpoint()};
    const auto [failure] = co_await acceptor_.async_accept(accepted.socket, accepted.peer, token);
    const auto cancelled = co_await asio::this_coro::cancellation_state;
    if (!acceptor_.is_open() || cancelled.cancelled() != asio::cancellation_type::none) break;
    if (!failure) {
      pausing_ = false;
      co_return std::optional<Accepted>(std::move(accepted));
    }
    co_await after_failed_accept(failure);
  }
  co_return std::nullopt;
}

// A connection that broke while it waited is not worth a pause. Anything else (no descriptors, no memory) comes back at
// once: what waits in the backlog can wait a little longer.
asio::awaitable<void> Listener::after_failed_accept(boost::system::error_code failure) {
  if (failure.value() == ECONNABORTED || failure.value() == ECONNRESET || failure.value() == EINTR) co_return;
  if (!std::exchange(pausing_, true)) log().warn("cannot accept connections now: {}", failure.message());
  pause_.expires_after(accept_pause);
  co_await pause_.async_wait(token);
}

void Listener::close() noexcept {
  file_.reset();
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

Listener::Endpoint Listener::local() const {
  boost::system::error_code ignored;
  return acceptor_.local_endpoint(ignored);
}

asio::ip::tcp::endpoint tcp_endpoint(const Listener::Endpoint& endpoint) {
  asio::ip::tcp::endpoint tcp;
  std::memcpy(tcp.data(), endpoint.data(), std::min(endpoint.size(), tcp.capacity()));
  return tcp;
}

std::string describe(const Listener::Endpoint& endpoint) {
  if (endpoint.protocol().family() == AF_UNIX) return "unix";
  const asio::ip::tcp::endpoint tcp = tcp_endpoint(endpoint);
  auto address = tcp.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = make_address_v4(asio::ip::v4_mapped, address.to_v6());
  const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  return host + ":" + std::to_string(tcp.port());
}

Result<uid_t> peer_user(Socket& socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return system_error("cannot tell whose process connected", errno);
  return peer.uid;
}

}  // namespace gogrid::net
