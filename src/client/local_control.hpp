// Client of a worker daemon's control socket (HTTP over a Unix socket that only the daemon's own user can open). Used
// by `gogrid-worker status|pause|resume|stop` and by the tray. On its executor's thread; one call at a time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "client/types.hpp"

namespace gogrid::net {
class HttpClient;
}

namespace gogrid::client {

// Every call ends within seconds. No daemon behind the socket is `unavailable` and says how to start one; another
// user's is `permission_denied`. Cancelling the coroutine closes the connection.
class LocalControl {
 public:
  // `socket_path` is <state directory>/run/control.sock.
  LocalControl(boost::asio::any_io_executor executor, std::filesystem::path socket_path);
  ~LocalControl();
  LocalControl(const LocalControl&) = delete;
  LocalControl& operator=(const LocalControl&) = delete;

  boost::asio::awaitable<Result<Answer<LocalStatus>>> status();
  // Takes no more work and gives memory back; holds over restarts of the daemon. `reason` is for people, and may be
  // empty.
  boost::asio::awaitable<Result<Answer<LocalStatus>>> pause(std::string reason);
  boost::asio::awaitable<Result<Answer<LocalStatus>>> resume();
  // Asks the daemon to finish what it runs and exit; the answer says that it has begun.
  boost::asio::awaitable<Result<Answer<LocalStatus>>> stop();

 private:
  boost::asio::awaitable<Result<Answer<LocalStatus>>> call(std::string method, std::string target, std::string body);

  std::filesystem::path socket_path_;
  std::unique_ptr<net::HttpClient> http_;
};

}  // namespace gogrid::client
