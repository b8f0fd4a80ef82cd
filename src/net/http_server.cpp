#include "net/http_server.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "base/log.hpp"
#include "net/server_connection.hpp"
#include "net/source.hpp"

namespace gogrid::net {
namespace asio = boost::asio;
namespace {

using Protocol = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;

constexpr auto token = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds accept_pause{100};

asio::ip::tcp::endpoint tcp_endpoint(const Protocol::endpoint& endpoint) {
  asio::ip::tcp::endpoint tcp;
  std::memcpy(tcp.data(), endpoint.data(), std::min(endpoint.size(), tcp.capacity()));
  return tcp;
}

std::string describe(const Protocol::endpoint& endpoint) {
  if (endpoint.protocol().family() == AF_UNIX) return "unix";
  const asio::ip::tcp::endpoint tcp = tcp_endpoint(endpoint);
  auto address = tcp.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = make_address_v4(asio::ip::v4_mapped, address.to_v6());
  const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  return host + ":" + std::to_string(tcp.port());
}

// A client that vanished without a word is noticed within half a minute, whether it is being written to or waited for.
void notice_vanished_clients(Socket& socket) {
  constexpr unsigned unacknowledged_ms = 30'000;
  constexpr int idle_s = 20;
  constexpr int interval_s = 5;
  constexpr int probes = 2;
  boost::system::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const int descriptor = socket.native_handle();
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

// A Unix socket's file, removed when the server that made it goes.
class SocketFile {
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

class Server final : public HttpServer {
 public:
  Server(asio::any_io_executor executor, Acceptor acceptor, HttpLimits limits, HttpHandler handler)
      : state_(std::make_shared<ServerState>(executor, limits, std::move(handler))),
        acceptor_(std::move(acceptor)),
        pause_(executor),
        grace_(executor) {
    boost::system::error_code ignored;
    const auto local = acceptor_.local_endpoint(ignored);
    if (local.protocol().family() != AF_UNIX) port_ = tcp_endpoint(local).port();
  }

  asio::awaitable<void> run() override {
    // Cancelling run() is stop() without grace: what is left to do must not throw.
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!stopping_) {
      Socket socket(state_->tasks.executor());
      Protocol::endpoint peer;
      const auto [failure] = co_await acceptor_.async_accept(socket, peer, token);
      const auto cancelled = co_await asio::this_coro::cancellation_state;
      if (stopping_ || cancelled.cancelled() != asio::cancellation_type::none) break;
      if (failure) {
        co_await after_failed_accept(failure);
      } else {
        pausing_ = false;
        welcome(std::move(socket), peer);
      }
    }
    if (!stopping_) stop(std::chrono::milliseconds(0));
    co_await state_->tasks.wait();
    grace_.cancel();
    file_.reset();
  }

  void stop(std::chrono::milliseconds grace) override {
    if (!std::exchange(stopping_, true)) {
      state_->draining = true;
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      pause_.cancel();
      for (ServerConnection& connection : state_->waiting)
        connection.drain();
    }
    grace_.expires_after(grace);
    grace_.async_wait([state = std::weak_ptr(state_)](const boost::system::error_code& failure) {
      const auto held = state.lock();
      if (failure || !held) return;
      for (ConnectionList* list : {&held->waiting, &held->busy}) {
        for (ServerConnection& connection : *list)
          connection.close();
      }
      held->tasks.cancel();
    });
  }

  Result<void> set_tls(const ServerTls& tls) override {
    auto context = make_server_context(tls);
    if (!context) return context.error();
    tls_ = std::move(*context);
    return {};
  }

  std::uint16_t port() const override { return port_; }
  std::size_t connections() const override { return state_->count; }
  void own_file(std::filesystem::path path) { file_ = std::make_unique<SocketFile>(std::move(path)); }

 private:
  void welcome(Socket socket, const Protocol::endpoint& peer) {
    const bool is_unix = peer.protocol().family() == AF_UNIX;
    const std::uint64_t source = is_unix ? 0 : source_of(tcp_endpoint(peer).address());
    if (!make_room(source)) return turn_away(socket);
    if (!is_unix) notice_vanished_clients(socket);
    std::unique_ptr<SocketStream> stream;
    TlsStream* tls = nullptr;
    if (tls_) {
      auto made = make_tls_server_stream(std::move(socket), tls_);
      tls = made.get();
      stream = std::move(made);
    } else {
      stream = make_plain_stream(std::move(socket));
    }
    auto connection = std::make_shared<ServerConnection>(state_, std::move(stream), tls, describe(peer), source);
    state_->tasks.spawn("http connection", ServerConnection::serve(std::move(connection)));
  }

  // For one more connection; false: there is none.
  bool make_room(std::uint64_t source) {
    const HttpLimits& limits = state_->limits;
    const auto is_of_source = [&](const ServerConnection& connection) { return connection.source() == source; };
    const auto limit = limits.max_connections_per_address;
    if (limit != 0 && state_->count >= limit) {
      const auto of_source = std::count_if(state_->waiting.begin(), state_->waiting.end(), is_of_source) +
                             std::count_if(state_->busy.begin(), state_->busy.end(), is_of_source);
      if (static_cast<std::size_t>(of_source) >= limit) {
        return end_waiting(std::find_if(state_->waiting.begin(), state_->waiting.end(), is_of_source));
      }
    }
    return state_->count < limits.max_connections || end_waiting(state_->waiting.begin());
  }

  bool end_waiting(ConnectionList::iterator connection) {
    if (connection == state_->waiting.end()) return false;
    connection->close();
    // Its coroutine ends later; it has given up its place already.
    ConnectionHook& hook = *connection;
    hook.unlink();
    return true;
  }

  void turn_away(Socket& socket) {
    if (tls_) return;
    constexpr std::string_view text =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";
    (void)::send(socket.native_handle(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  // A connection that broke while it waited is not worth a pause. Anything else (no descriptors, no memory) comes back
  // at once: what waits in the backlog can wait a little longer.
  asio::awaitable<void> after_failed_accept(boost::system::error_code failure) {
    if (failure.value() == ECONNABORTED || failure.value() == ECONNRESET || failure.value() == EINTR) co_return;
    if (!std::exchange(pausing_, true)) log().warn("cannot accept connections now: {}", failure.message());
    pause_.expires_after(accept_pause);
    co_await pause_.async_wait(token);
  }

  std::shared_ptr<ServerState> state_;
  Acceptor acceptor_;
  asio::steady_timer pause_;
  asio::steady_timer grace_;
  std::shared_ptr<TlsContext> tls_;
  std::unique_ptr<SocketFile> file_;
  std::uint16_t port_ = 0;
  bool stopping_ = false;
  bool pausing_ = false;
};

Error listen_error(const std::string& where, const boost::system::error_code& failure) {
  Error error = system_error("cannot listen on " + where, failure.value());
  if (failure == asio::error::address_in_use) error.detail += "; stop the other program or choose another port";
  return error;
}

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

Result<std::unique_ptr<HttpServer>> listen_https(asio::any_io_executor executor, asio::ip::tcp::endpoint endpoint,
                                                 ServerTls tls, HttpLimits limits, HttpHandler handler) {
  const std::string where = describe(Protocol::endpoint(endpoint));
  Acceptor acceptor(executor);
  boost::system::error_code failure;
  acceptor.open(Protocol(endpoint.protocol()), failure);
  if (!failure) acceptor.set_option(asio::socket_base::reuse_address(true), failure);
  if (!failure && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(false), failure);
  if (!failure) acceptor.bind(Protocol::endpoint(endpoint), failure);
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure) return listen_error(where, failure);
  auto server = std::make_unique<Server>(executor, std::move(acceptor), limits, std::move(handler));
  if (const auto set = server->set_tls(tls); !set) return set.error();
  return std::unique_ptr<HttpServer>(std::move(server));
}

Result<std::unique_ptr<HttpServer>> listen_unix(asio::any_io_executor executor, std::filesystem::path path,
                                                HttpLimits limits, HttpHandler handler) {
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
  if (failure) return listen_error(path.string(), failure);
  auto server = std::make_unique<Server>(executor, std::move(acceptor), limits, std::move(handler));
  server->own_file(std::move(path));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace gogrid::net
