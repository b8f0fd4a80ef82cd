#include "net/http_server.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "net/listener.hpp"
#include "net/server_connection.hpp"
#include "net/source.hpp"

namespace gogrid::net {
namespace asio = boost::asio;
namespace {

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

class Server final : public HttpServer {
 public:
  Server(asio::any_io_executor executor, Listener listener, HttpLimits limits, HttpHandler handler)
      : state_(std::make_shared<ServerState>(executor, limits, std::move(handler))),
        listener_(std::move(listener)),
        grace_(executor) {
    const auto local = listener_.local();
    if (local.protocol().family() != AF_UNIX) port_ = tcp_endpoint(local).port();
  }

  asio::awaitable<void> run() override {
    // Cancelling run() is stop() without grace: what is left to do must not throw.
    co_await asio::this_coro::throw_if_cancelled(false);
    for (;;) {
      auto accepted = co_await listener_.accept();
      if (!accepted) break;
      welcome(std::move(accepted->socket), accepted->peer);
    }
    if (!stopping_) stop(std::chrono::milliseconds(0));
    co_await state_->tasks.wait();
    grace_.cancel();
  }

  void stop(std::chrono::milliseconds grace) override {
    if (!std::exchange(stopping_, true)) {
      state_->draining = true;
      listener_.close();
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

 private:
  void welcome(Socket socket, const Listener::Endpoint& peer) {
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

  std::shared_ptr<ServerState> state_;
  Listener listener_;
  asio::steady_timer grace_;
  std::shared_ptr<TlsContext> tls_;
  std::uint16_t port_ = 0;
  bool stopping_ = false;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> listen_https(asio::any_io_executor executor, asio::ip::tcp::endpoint endpoint,
                                                 ServerTls tls, HttpLimits limits, HttpHandler handler) {
  auto listener = Listener::on_tcp(executor, endpoint);
  if (!listener) return listener.error();
  auto server = std::make_unique<Server>(executor, std::move(*listener), limits, std::move(handler));
  if (const auto set = server->set_tls(tls); !set) return set.error();
  return std::unique_ptr<HttpServer>(std::move(server));
}

Result<std::unique_ptr<HttpServer>> listen_unix(asio::any_io_executor executor, std::filesystem::path path,
                                                HttpLimits limits, HttpHandler handler) {
  auto listener = Listener::on_unix(executor, path);
  if (!listener) return listener.error();
  auto server = std::make_unique<Server>(executor, std::move(*listener), limits, std::move(handler));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace gogrid::net
