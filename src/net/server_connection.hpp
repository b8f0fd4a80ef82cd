// One connection of an HTTP server: its requests, one after the other. Shared with its own pending read, so that both
// may end in any order. Used on the server's executor thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "net/connection_io.hpp"
#include "net/http_server.hpp"
#include "net/server_exchange.hpp"
#include "net/tls.hpp"

namespace gogrid::net {

class ServerConnection;
using ConnectionHook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
using ConnectionList = boost::intrusive::list<ServerConnection, boost::intrusive::constant_time_size<false>>;

struct ServerState;

class ServerConnection : public ConnectionHook, public std::enable_shared_from_this<ServerConnection> {
 public:
  ServerConnection(std::shared_ptr<ServerState> server, std::unique_ptr<SocketStream> stream, TlsStream* tls,
                   std::string remote, std::uint64_t source);
  ~ServerConnection();

  // `self` keeps the connection while it is served.
  static boost::asio::awaitable<void> serve(std::shared_ptr<ServerConnection> self);

  // Closes it now if it waits for a request, else after the response (ServerState::draining is set).
  void drain();
  void close() noexcept;
  // Whose it is: source_of() its address, or 0.
  std::uint64_t source() const { return source_; }

 private:
  void move_to(ConnectionList& list);
  boost::asio::awaitable<bool> shake_hands();
  // The next request; null when there is none, and the connection is to be closed.
  boost::asio::awaitable<std::unique_ptr<RequestParser>> next_request();
  boost::asio::awaitable<ServerExchange::After> answer(RequestParser& parser);
  boost::asio::awaitable<void> refuse(int status, std::string message);
  // Lets the client read the response before its unread bytes make the kernel reset the connection.
  boost::asio::awaitable<void> linger();

  std::shared_ptr<ServerState> server_;
  std::unique_ptr<SocketStream> stream_;
  TlsStream* tls_;
  std::string remote_;
  const std::uint64_t source_;
  ConnectionInput input_;
  ConnectionOutput output_;
  bool first_ = true;
  bool idle_ = false;
};

// What the connections of one server share.
struct ServerState {
  ServerState(boost::asio::any_io_executor executor, HttpLimits its_limits, HttpHandler its_handler)
      : limits(its_limits), handler(std::move(its_handler)), tasks(std::move(executor)) {}

  HttpLimits limits;
  HttpHandler handler;
  TaskGroup tasks;
  // Those that wait for a request, the longest first, and those that answer one.
  ConnectionList waiting;
  ConnectionList busy;
  std::size_t count = 0;
  bool draining = false;
};

}  // namespace gogrid::net
