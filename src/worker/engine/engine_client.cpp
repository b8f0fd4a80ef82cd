#include "worker/engine/engine_client.hpp"

#include <utility>

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::milliseconds connect_timeout{10'000};
// llama-server keeps a connection for five seconds.
constexpr std::chrono::milliseconds keep_time{4'000};

}  // namespace

EngineClient::EngineClient(asio::any_io_executor executor, std::shared_ptr<const BoundSocket> socket)
    : executor_(std::move(executor)),
      socket_(std::move(socket)),
      requests_(make({connect_timeout, {}, {}, keep_time})) {}

std::unique_ptr<net::HttpClient> EngineClient::make(net::HttpClientTimeouts timeouts) const {
  return net::make_http_client(executor_, net::HttpEndpoint::unix_socket(socket_->path()), timeouts);
}

asio::awaitable<std::optional<int>> EngineClient::ask(std::string target, std::chrono::milliseconds limit) const {
  net::HttpClientTimeouts timeouts;
  timeouts.connect = limit;
  timeouts.head = limit;
  timeouts.idle = limit;
  // A connection of its own: it is not to say how the engine was a while ago.
  const auto client = make(timeouts);
  net::HttpClientRequest request;
  request.target = std::move(target);
  const auto response = co_await client->send(std::move(request));
  if (!response) co_return std::nullopt;
  co_return (*response)->head().status;
}

asio::awaitable<bool> EngineClient::is_healthy(std::chrono::milliseconds limit) const {
  const auto status = co_await ask("/health", limit);
  co_return status == 200;
}

asio::awaitable<bool> EngineClient::makes_progress(std::chrono::milliseconds limit) const {
  // One that does not serve it answers too.
  const auto status = co_await ask("/slots", limit);
  co_return status.has_value();
}

}  // namespace gogrid::worker
