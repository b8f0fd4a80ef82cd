// EngineClient: HTTP to one engine, over its Unix socket. Owned by what shares the engine's life; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "net/http_client.hpp"
#include "worker/sandbox/socket_directory.hpp"

namespace gogrid::worker {

class EngineClient {
 public:
  // The socket's name can be connected to as long as the socket is held.
  EngineClient(boost::asio::any_io_executor executor, std::shared_ptr<const BoundSocket> socket);

  // Answers take as long as they take.
  net::HttpClient& requests() const { return *requests_; }
  // Whether it answers, within the limit for each step, that it is ready to serve.
  boost::asio::awaitable<bool> is_healthy(std::chrono::milliseconds limit) const;
  // Whether it comes, within the limit, to what is asked of it between two batches of tokens: what answers /health goes
  // on when what computes hangs.
  boost::asio::awaitable<bool> makes_progress(std::chrono::milliseconds limit) const;

 private:
  std::unique_ptr<net::HttpClient> make(net::HttpClientTimeouts timeouts) const;
  // Its answer's status; nullopt: there is none.
  boost::asio::awaitable<std::optional<int>> ask(std::string target, std::chrono::milliseconds limit) const;

  boost::asio::any_io_executor executor_;
  std::shared_ptr<const BoundSocket> socket_;
  std::unique_ptr<net::HttpClient> requests_;
};

}  // namespace gogrid::worker
