// ControlConnection: one program that talks to the worker over the control socket: its requests, one after the other,
// and what it subscribed to. A program that reads slowly gets the newest of what it missed; nothing piles up for it.
// Shared by its coroutines; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/async_lock.hpp"
#include "base/task_group.hpp"
#include "net/line_reader.hpp"
#include "net/socket_stream.hpp"
#include "wire/json_rpc.hpp"
#include "worker/control/control_topic.hpp"
#include "worker/notifier.hpp"

namespace gogrid::worker {

struct ControlMethod {
  // Names; a request with another one is refused.
  std::vector<std::string> params;
  std::function<boost::asio::awaitable<wire::RpcResult>(nlohmann::json params)> call;
};

// What the socket offers; outlives its connections.
struct ControlTable {
  std::map<std::string, ControlMethod, std::less<>> methods;
  // By the method that subscribes.
  std::map<std::string, std::unique_ptr<ControlTopic>, std::less<>> topics;
};

class ControlConnection : public std::enable_shared_from_this<ControlConnection> {
 public:
  ControlConnection(TaskGroup& tasks, std::unique_ptr<net::SocketStream> stream, const ControlTable& table);

  static boost::asio::awaitable<void> serve(std::shared_ptr<ControlConnection> self);

  // After the request that it works on, and the last news.
  void end() noexcept;
  void cut() noexcept;

 private:
  boost::asio::awaitable<void> read_requests();
  boost::asio::awaitable<void> hear_out();
  boost::asio::awaitable<bool> answer(std::string line);
  boost::asio::awaitable<bool> carry_out(wire::RpcRequest request);
  boost::asio::awaitable<wire::RpcResult> call(const ControlMethod& method, wire::RpcRequest& request);
  boost::asio::awaitable<bool> subscribe(ControlTopic& topic, nlohmann::json id);
  boost::asio::awaitable<bool> respond(nlohmann::json id, wire::RpcResult result);
  // `result` is JSON.
  boost::asio::awaitable<bool> respond_with(nlohmann::json id, std::string result);
  boost::asio::awaitable<bool> write(std::string_view line);

  static boost::asio::awaitable<void> tell(std::shared_ptr<ControlConnection> self);
  boost::asio::awaitable<bool> tell_news();

  TaskGroup& tasks_;
  std::unique_ptr<net::SocketStream> stream_;
  const ControlTable& table_;
  net::LineReader lines_;
  AsyncLock writing_;
  Notifier news_;
  std::vector<std::unique_ptr<ControlTopic::Subscription>> subscriptions_;
  bool reading_ = false;
  bool ending_ = false;
  bool closed_ = false;
};

}  // namespace gogrid::worker
