// Client of a worker daemon's control socket (JSON-RPC, docs/control.md). Used by `gogrid-worker status|pause|resume|
// stop`. Calls and subscriptions share one connection, which is made when it is needed. On its
// executor's thread; any number of calls at a time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/async_lock.hpp"
#include "base/result.hpp"
#include "client/types.hpp"

namespace gogrid::client {

// Without a time: until it is resumed.
struct LocalPauseRequest {
  // For people; may be empty.
  std::string reason;
  std::optional<std::chrono::seconds> length;
  // Until the next morning.
  bool until_tomorrow = false;
};

// Every call ends within seconds, but for those that wait for news. No daemon behind the socket is `unavailable` and
// says how to start one; another user's is `permission_denied`. When a connection breaks, what waits on it fails, and
// the next call makes a new one: when to try again is the caller's.
class LocalControl {
 public:
  // `socket_path` is <state directory>/run/control.sock.
  LocalControl(boost::asio::any_io_executor executor, std::filesystem::path socket_path);
  // Nothing may wait any more: close(), and wait for what was called.
  ~LocalControl();
  LocalControl(const LocalControl&) = delete;
  LocalControl& operator=(const LocalControl&) = delete;

  boost::asio::awaitable<Result<Answer<LocalStatus>>> status();
  // The status at once when a connection is new, and from then on each time that it is another one. Only the newest is
  // kept for a caller who comes back late. One at a time.
  boost::asio::awaitable<Result<Answer<LocalStatus>>> next_status();
  // Takes no more work and gives memory back; holds over restarts of the daemon.
  boost::asio::awaitable<Result<Answer<LocalStatus>>> pause(LocalPauseRequest request);
  boost::asio::awaitable<Result<Answer<LocalStatus>>> resume();
  // Asks the daemon to finish what it runs and exit; the answer says that it has begun. What has not finished in so
  // many seconds (not said: as it is configured) goes on elsewhere.
  boost::asio::awaitable<Result<Answer<LocalStatus>>> stop(std::optional<double> deadline_seconds = std::nullopt);

  // Any method; `params` is a JSON object. Its result as JSON; what the daemon refuses has the daemon's code and text.
  boost::asio::awaitable<Result<std::string>> call(std::string method, std::string params = "{}");
  // As next_status(): what the method `subscribe` answers, and then the parameters of each `notification`, as JSON.
  boost::asio::awaitable<Result<std::string>> next(std::string subscribe, std::string notification);

  // Ends the connection, and with `cancelled` whatever waits.
  void close() noexcept;

 private:
  struct Connection;
  using ConnectionResult = Result<std::shared_ptr<Connection>>;

  boost::asio::awaitable<ConnectionResult> connection();
  boost::asio::awaitable<Result<Answer<LocalStatus>>> status_from(std::string method, std::string params);
  static boost::asio::awaitable<Result<std::string>> call_on(std::shared_ptr<Connection> connection, std::string method,
                                                             std::string params);

  boost::asio::any_io_executor executor_;
  std::filesystem::path socket_path_;
  AsyncLock connecting_;
  std::shared_ptr<Connection> connection_;
};

}  // namespace gogrid::client
