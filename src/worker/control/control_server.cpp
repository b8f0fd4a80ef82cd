#include "worker/control/control_server.hpp"

#include <sys/socket.h>

#include <boost/asio/this_coro.hpp>
#include <utility>

#include "base/log.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;

// One of the connections there may be.
struct ControlServer::Place {
  Place(std::list<ControlConnection*>& its_list, ControlConnection* connection)
      : list(its_list), position(list.insert(list.end(), connection)) {}
  ~Place() { list.erase(position); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  std::list<ControlConnection*>& list;
  std::list<ControlConnection*>::iterator position;
};

ControlServer::ControlServer(asio::any_io_executor executor, Options options)
    : options_(std::move(options)), grace_(executor), tasks_(executor) {}

void ControlServer::method(std::string name, std::vector<std::string> params, Method method) {
  table_.methods.insert_or_assign(std::move(name), ControlMethod{std::move(params), std::move(method)});
}

void ControlServer::topic(ControlTopic::Options options) {
  std::string name = options.subscribe;
  table_.topics.insert_or_assign(std::move(name),
                                 std::make_unique<ControlTopic>(tasks_.executor(), std::move(options)));
}

void ControlServer::changed(std::string_view subscribe) {
  const auto found = table_.topics.find(subscribe);
  if (found != table_.topics.end()) found->second->changed();
}

Result<void> ControlServer::listen() {
  auto listener = net::Listener::on_unix(tasks_.executor(), options_.socket);
  if (!listener) return listener.error();
  listener_.emplace(std::move(*listener));
  return {};
}

asio::awaitable<void> ControlServer::run() {
  // Cancelling run() is stop() without grace: what is left to do must not throw.
  co_await asio::this_coro::throw_if_cancelled(false);
  for (;;) {
    auto accepted = co_await listener_->accept();
    if (!accepted) break;
    if (lets_in(accepted->socket)) welcome(std::move(accepted->socket));
  }
  if (!stopping_) stop(std::chrono::milliseconds(0));
  co_await tasks_.wait();
  grace_.cancel();
}

// The socket's mode and its directory's keep others out too, as long as nobody changes them.
bool ControlServer::lets_in(net::Socket& socket) {
  const auto user = net::peer_user(socket);
  if (user && (*user == 0 || *user == options_.owner)) return true;
  if (!std::exchange(refused_somebody_, true)) {
    log().warn("control socket: {} tried to connect and is refused, as all others than this worker's user and root are",
               user ? "user " + std::to_string(*user) : "somebody (" + user.error().detail + ")");
  }
  return false;
}

void ControlServer::welcome(net::Socket socket) {
  if (connections_.size() >= options_.max_connections) {
    const wire::RpcError error = Error(ErrorCode::resource_exhausted, "too many programs talk to this worker already");
    const std::string line = wire::rpc_error(nullptr, error);
    (void)::send(socket.native_handle(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  auto connection = std::make_shared<ControlConnection>(tasks_, net::make_plain_stream(std::move(socket)), table_);
  auto place = std::make_unique<Place>(connections_, connection.get());
  tasks_.spawn("control connection", serve(std::move(connection), std::move(place)));
}

asio::awaitable<void> ControlServer::serve(std::shared_ptr<ControlConnection> connection,
                                           std::unique_ptr<Place> place) {
  co_await ControlConnection::serve(connection);
  place.reset();
}

void ControlServer::stop(std::chrono::milliseconds grace) {
  if (!std::exchange(stopping_, true)) {
    if (listener_) listener_->close();
    for (const auto& [name, topic] : table_.topics)
      topic->tell_now();
    for (ControlConnection* connection : connections_)
      connection->end();
  }
  grace_.expires_after(grace);
  grace_.async_wait([this](const boost::system::error_code& failure) {
    if (failure) return;
    for (ControlConnection* connection : connections_)
      connection->cut();
    tasks_.cancel();
  });
}

}  // namespace gogrid::worker
