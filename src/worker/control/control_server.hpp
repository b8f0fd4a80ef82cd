// ControlServer: the worker's control socket: JSON-RPC 2.0, one message a line (docs/control.md), for the daemon's own
// user and root. Whoever owns a thing registers its methods and topics here, before run(). Owned by the worker; event
// loop thread.
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <filesystem>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/task_group.hpp"
#include "net/listener.hpp"
#include "worker/control/control_connection.hpp"

namespace gogrid::worker {

class ControlServer {
 public:
  struct Options {
    std::filesystem::path socket;
    // Who may connect, besides root.
    uid_t owner = 0;
    std::size_t max_connections = 16;
  };
  ControlServer(boost::asio::any_io_executor executor, Options options);

  using Method = std::function<boost::asio::awaitable<wire::RpcResult>(nlohmann::json params)>;
  // `params`: the names of all that it takes. It is called with an object that has no others, one call of a connection
  // at a time; an Error of code invalid_argument is about them.
  void method(std::string name, std::vector<std::string> params, Method method);
  void topic(ControlTopic::Options options);
  // The topic that `subscribe` subscribes to may be another value now.
  void changed(std::string_view subscribe);

  // `conflict` when another daemon answers on the socket.
  Result<void> listen();
  // Serves until stop().
  boost::asio::awaitable<void> run();
  // Takes no more requests. What is being answered is answered and the last news is told, for `grace`; then the
  // connections are cut.
  void stop(std::chrono::milliseconds grace);

  std::size_t connections() const { return connections_.size(); }

 private:
  bool lets_in(net::Socket& socket);
  void welcome(net::Socket socket);
  struct Place;
  static boost::asio::awaitable<void> serve(std::shared_ptr<ControlConnection> connection,
                                            std::unique_ptr<Place> place);

  Options options_;
  ControlTable table_;
  std::optional<net::Listener> listener_;
  std::list<ControlConnection*> connections_;
  bool stopping_ = false;
  bool refused_somebody_ = false;
  boost::asio::steady_timer grace_;
  TaskGroup tasks_;
};

}  // namespace gogrid::worker
