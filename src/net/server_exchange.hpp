// One request of a server connection, and its response. Lives in the connection's coroutine while the handler runs.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/connection_io.hpp"
#include "net/http_server.hpp"

namespace gogrid::net {

// The body of an error in OpenAI's form.
std::string error_body(int status, std::string_view message);
// Its head, for a request that no handler answered; an id of its own stands in the log too.
ResponseHead error_head(int status, const std::string& remote);

class ServerExchange final : public HttpExchange {
 public:
  // What it needs of its connection, which outlives it.
  struct Context {
    ConnectionInput& input;
    ConnectionOutput& output;
    TaskGroup& tasks;
    const HttpLimits& limits;
    const std::string& remote;
    // The server is stopping: say so to the client.
    const bool& draining;
    // Keeps the connection alive while a read is pending.
    std::shared_ptr<void> owner;
  };

  ServerExchange(Context context, RequestParser& parser);
  ~ServerExchange() override;

  const RequestHead& request() const override { return request_; }
  const std::string& remote() const override { return context_.remote; }
  boost::asio::awaitable<Result<std::string>> read_body(std::size_t limit_bytes) override;
  boost::asio::awaitable<Result<std::size_t>> read_body_some(std::span<std::byte> buffer) override;
  std::optional<std::uint64_t> body_length() const override { return parser_.content_length(); }
  boost::asio::awaitable<Result<void>> respond(ResponseHead head, std::string body) override;
  boost::asio::awaitable<Result<void>> start(ResponseHead head) override;
  boost::asio::awaitable<Result<void>> write(std::string_view bytes) override;
  boost::asio::awaitable<Result<void>> finish() override;
  bool started() const override { return started_; }
  void watch_disconnect(std::function<void()> on_disconnect) override;

  enum class After { next_request, close, linger };
  // Once the handler has returned (`failed`: it threw): what is left to do for a whole response, and what follows.
  boost::asio::awaitable<After> conclude(bool failed);

 private:
  enum class Framing { none, sized, chunked, until_close };

  Result<std::string> prepare_head(ResponseHead head, std::optional<std::size_t> length);
  boost::asio::awaitable<bool> drain_body();
  // Of the request's body. `timeout` when it pauses for too long, or comes slower than min_body_rate_bytes for that
  // long.
  boost::asio::awaitable<Result<std::size_t>> read_in_time(std::span<std::byte> buffer);

  Context context_;
  RequestParser& parser_;
  RequestHead request_;
  Framing framing_ = Framing::none;
  std::uint64_t length_left_ = 0;
  // How long the body may still be waited for; what comes earns more.
  std::chrono::nanoseconds patience_;
  bool continue_pending_ = false;
  bool close_ = false;
  bool started_ = false;
  bool finished_ = false;
  bool broken_ = false;
};

}  // namespace gogrid::net
