#include "net/http_client.hpp"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "net/connection_io.hpp"
#include "net/http_connect.hpp"

namespace gogrid::net {
namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
namespace {

constexpr std::size_t max_head_bytes = 64 * 1024;
constexpr std::size_t max_idle_connections = 64;
constexpr std::uint64_t body_part_bytes = 64 * 1024;
constexpr int max_interim_responses = 16;

struct Connection {
  Connection(asio::any_io_executor executor, std::unique_ptr<SocketStream> its_stream,
             std::chrono::milliseconds write_timeout)
      : stream(std::move(its_stream)), input(executor, *stream), output(executor, *stream, write_timeout) {}

  std::unique_ptr<SocketStream> stream;
  ConnectionInput input;
  ConnectionOutput output;
  std::unique_ptr<ResponseParser> parser;
  // The server did not take the whole request.
  bool spoilt = false;
};

// What a client and its responses share: the responses may outlive the client.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  Pool(asio::any_io_executor its_executor, HttpEndpoint its_endpoint, HttpClientTimeouts its_timeouts)
      : executor(its_executor),
        endpoint(std::move(its_endpoint)),
        timeouts(its_timeouts),
        sweep_(its_executor, [this] { sweep(); }) {}

  std::unique_ptr<Connection> take() {
    while (!idle_.empty()) {
      auto connection = std::move(idle_.back().connection);
      idle_.pop_back();
      if (connection->stream->poll() == SocketStream::Arrived::nothing) return connection;
    }
    return nullptr;
  }

  void put(std::unique_ptr<Connection> connection) {
    if (connection->spoilt || !connection->parser->keep_alive() || !connection->input.bytes().empty()) return;
    if (idle_.size() >= max_idle_connections) idle_.pop_front();
    connection->parser.reset();
    connection->input.shrink();
    idle_.push_back(Idle{std::move(connection), Clock::now() + timeouts.keep});
    sweep_.set(idle_.front().until);
  }

  const asio::any_io_executor executor;
  const HttpEndpoint endpoint;
  const HttpClientTimeouts timeouts;

 private:
  struct Idle {
    std::unique_ptr<Connection> connection;
    Clock::time_point until;
  };

  void sweep() {
    while (!idle_.empty() && idle_.front().until <= Clock::now())
      idle_.pop_front();
    if (!idle_.empty()) sweep_.set(idle_.front().until);
  }

  // The longest idle first.
  std::deque<Idle> idle_;
  Deadline sweep_;
};

class Response final : public HttpResponse {
 public:
  Response(std::shared_ptr<Pool> pool, std::unique_ptr<Connection> connection)
      : pool_(std::move(pool)), connection_(std::move(connection)), head_(std::move(connection_->parser->head())) {
    if (connection_->parser->done()) release();
  }

  const ResponseHead& head() const override { return head_; }

  asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> buffer) override {
    if (closed_) co_return Error(ErrorCode::cancelled, "the response was closed");
    if (!connection_) co_return std::size_t{0};
    auto count = co_await connection_->input.read_body(*connection_->parser, buffer, pool_->timeouts.idle);
    if (!count) {
      close();
      co_return body_error(count.error());
    }
    if (connection_->parser->done() && !closed_) release();
    co_return count;
  }

  asio::awaitable<Result<std::string>> read_all(std::size_t limit_bytes) override {
    std::string body;
    std::size_t used = 0;
    for (;;) {
      body.resize(std::min(limit_bytes + 1, std::max<std::size_t>(8 * 1024, used * 2)));
      const auto count = co_await read_some(std::as_writable_bytes(std::span(body).subspan(used)));
      if (!count) co_return count.error();
      if (*count == 0) break;
      used += *count;
      if (used > limit_bytes) {
        close();
        co_return Error(ErrorCode::too_large, "the response is larger than " + std::to_string(limit_bytes) + " bytes");
      }
    }
    body.resize(used);
    co_return body;
  }

  bool done() const override { return !connection_; }

  void pause() noexcept override {
    if (connection_ && !closed_) connection_->stream->pause();
  }

  void close() noexcept override {
    closed_ = true;
    if (connection_) connection_->stream->close();
  }

 private:
  void release() { pool_->put(std::move(connection_)); }

  Error body_error(const Error& error) const {
    if (error.code == ErrorCode::cancelled) return error;
    const std::string from = "the response from " + describe(pool_->endpoint);
    if (error.code == ErrorCode::timeout) return Error(ErrorCode::timeout, from + " paused for too long");
    return Error(ErrorCode::protocol, from + " was cut short: " + error.detail);
  }

  std::shared_ptr<Pool> pool_;
  // Empty once the whole body was read.
  std::unique_ptr<Connection> connection_;
  ResponseHead head_;
  bool closed_ = false;
};

// Sends one request on one connection and waits for the response's head.
class Exchange {
 public:
  Exchange(Connection& connection, const Pool& pool, HttpClientRequest& request)
      : connection_(connection), pool_(pool), request_(request) {}

  // Nothing has come back and the request can be sent again.
  bool repeatable() const { return !source_used_ && !head_bytes_seen_; }

  asio::awaitable<Result<void>> run() {
    const auto sent = co_await send();
    if (!sent) {
      connection_.spoilt = true;
      // A server that has had enough says why before it closes.
      if (sent.error().code != ErrorCode::io) co_return sent;
      const auto received = co_await receive();
      if (!received) co_return sent;
      co_return received;
    }
    if (answered_) co_return Result<void>();
    co_return co_await receive();
  }

 private:
  Result<std::string> format_head() const {
    RequestHead head{request_.method, request_.target, request_.headers};
    if (!head.headers.get("Host")) head.headers.add("Host", host());
    for (const auto* name : {"Content-Length", "Transfer-Encoding", "Connection"})
      head.headers.remove(name);
    if (!request_.body_source) {
      const bool bodyless = request_.method == "GET" || request_.method == "HEAD" || request_.method == "DELETE";
      if (!request_.body.empty() || !bodyless) head.headers.add("Content-Length", std::to_string(request_.body.size()));
    } else if (request_.body_length_bytes) {
      head.headers.add("Content-Length", std::to_string(*request_.body_length_bytes));
    } else {
      head.headers.add("Transfer-Encoding", "chunked");
    }
    return format_request_head(head);
  }

  std::string host() const {
    if (!pool_.endpoint.unix_path.empty()) return "localhost";
    const std::string url = describe(pool_.endpoint);
    return url.substr(url.find("://") + 3);
  }

  asio::awaitable<Result<void>> send() {
    auto head = format_head();
    if (!head) co_return head.error();
    if (!request_.body_source) co_return co_await connection_.output.write_with_head(std::move(*head), request_.body);
    connection_.output.hold(std::move(*head));
    co_return co_await send_body();
  }

  // `io` would stand for the connection.
  static Error source_error(const Error& error) {
    return Error(error.code == ErrorCode::io ? ErrorCode::internal : error.code, error.detail);
  }

  asio::awaitable<Result<void>> send_body() {
    const auto size = static_cast<std::size_t>(
        std::clamp<std::uint64_t>(request_.body_length_bytes.value_or(body_part_bytes), 1, body_part_bytes));
    const auto memory = std::make_unique_for_overwrite<std::byte[]>(size);
    const std::span buffer(memory.get(), size);
    std::uint64_t sent = 0;
    for (;;) {
      // The first part goes with the head.
      if (sent > 0 && !answered_ && connection_.stream->poll() != SocketStream::Arrived::nothing) {
        auto received = co_await receive();
        answered_ = received.has_value();
        // Refused before the end of the request: the rest is not wanted.
        connection_.spoilt = !answered_ || connection_.parser->head().status >= 300;
        if (connection_.spoilt) co_return received;
      }
      source_used_ = true;
      const auto count = co_await request_.body_source(buffer);
      if (!count) co_return source_error(count.error());
      if (*count == 0) break;
      sent += *count;
      const auto part = as_text(buffer.first(*count));
      if (request_.body_length_bytes && sent > *request_.body_length_bytes) break;
      Result<void> written;
      if (request_.body_length_bytes) {
        written = co_await connection_.output.write(part);
      } else {
        written = co_await connection_.output.write_chunks(part);
      }
      if (!written) co_return written;
    }
    if (!request_.body_length_bytes) co_return co_await connection_.output.write_last_chunk();
    // Without a body the head still waits.
    if (sent == 0) {
      auto written = co_await connection_.output.flush();
      if (!written) co_return written;
    }
    if (sent != *request_.body_length_bytes) {
      co_return Error(ErrorCode::invalid_argument, "the request's body does not have the length that was announced");
    }
    co_return Result<void>();
  }

  asio::awaitable<Result<void>> receive() {
    const auto limit = pool_.timeouts.head;
    const auto until = limit.count() == 0 ? Clock::time_point::max() : Clock::now() + limit;
    for (int interim = 0; interim < max_interim_responses; ++interim) {
      connection_.parser = ResponseParser::create(max_head_bytes, request_.method == "HEAD");
      auto read = co_await receive_head(until);
      if (!read) co_return read;
      const int status = connection_.parser->head().status;
      if (status >= 200) co_return Result<void>();
      if (status == 101) break;
    }
    co_return Error(ErrorCode::protocol, describe(pool_.endpoint) + " answered with interim responses only");
  }

  asio::awaitable<Result<void>> receive_head(Clock::time_point until) {
    for (;;) {
      const auto size = connection_.parser->read_head(connection_.input.bytes());
      if (!size)
        co_return Error(ErrorCode::protocol,
                        describe(pool_.endpoint) + " does not speak HTTP/1.1: " + size.error().detail);
      if (*size > 0) {
        connection_.input.consume(*size);
        co_return Result<void>();
      }
      const auto count = co_await connection_.input.fill(until);
      if (!count && count.error().code == ErrorCode::timeout) {
        co_return Error(ErrorCode::timeout, describe(pool_.endpoint) + " did not answer in time");
      }
      if (!count && count.error().code == ErrorCode::cancelled) co_return count.error();
      if (!count || *count == 0) {
        co_return Error(ErrorCode::unavailable, describe(pool_.endpoint) + " closed the connection without an answer");
      }
      head_bytes_seen_ = true;
    }
  }

  Connection& connection_;
  const Pool& pool_;
  HttpClientRequest& request_;
  bool source_used_ = false;
  // The response's head came while the body was still being sent.
  bool answered_ = false;
  bool head_bytes_seen_ = false;
};

class Client final : public HttpClient {
 public:
  Client(asio::any_io_executor executor, HttpEndpoint endpoint, HttpClientTimeouts timeouts)
      : pool_(std::make_shared<Pool>(std::move(executor), std::move(endpoint), timeouts)),
        tls_(make_context(pool_->endpoint)) {}

  asio::awaitable<Result<std::unique_ptr<HttpResponse>>> send(HttpClientRequest request) override {
    const auto pool = pool_;
    const auto tls = tls_;
    if (!tls) co_return tls.error();
    for (auto connection = pool->take();; connection = nullptr) {
      const bool reused = connection != nullptr;
      if (!reused) {
        auto stream = co_await connect(pool->executor, pool->endpoint, *tls, pool->timeouts.connect);
        if (!stream) co_return stream.error();
        connection = std::make_unique<Connection>(pool->executor, std::move(*stream), pool->timeouts.idle);
      }
      Exchange exchange(*connection, *pool, request);
      const auto done = co_await exchange.run();
      if (done) co_return std::make_unique<Response>(pool, std::move(connection));
      const auto code = done.error().code;
      const bool lost = code == ErrorCode::unavailable || code == ErrorCode::io;
      if (!(lost && reused && exchange.repeatable())) co_return send_error(*pool, done.error());
    }
  }

 private:
  static Result<std::shared_ptr<TlsContext>> make_context(const HttpEndpoint& endpoint) {
    if (!endpoint.tls) return std::shared_ptr<TlsContext>();
    return make_client_context(*endpoint.tls);
  }

  static Error send_error(const Pool& pool, const Error& error) {
    if (error.code != ErrorCode::io) return error;
    return Error(ErrorCode::unavailable, "the connection to " + describe(pool.endpoint) + " broke: " + error.detail);
  }

  std::shared_ptr<Pool> pool_;
  Result<std::shared_ptr<TlsContext>> tls_;
};

}  // namespace

HttpEndpoint HttpEndpoint::https(std::string host, std::uint16_t port, ClientTls tls) {
  HttpEndpoint endpoint;
  endpoint.host = std::move(host);
  endpoint.port = port;
  endpoint.tls = std::move(tls);
  return endpoint;
}

HttpEndpoint HttpEndpoint::http(std::string host, std::uint16_t port) {
  HttpEndpoint endpoint;
  endpoint.host = std::move(host);
  endpoint.port = port;
  return endpoint;
}

HttpEndpoint HttpEndpoint::unix_socket(std::filesystem::path path) {
  HttpEndpoint endpoint;
  endpoint.unix_path = std::move(path);
  return endpoint;
}

std::unique_ptr<HttpClient> make_http_client(asio::any_io_executor executor, HttpEndpoint endpoint,
                                             HttpClientTimeouts timeouts) {
  return std::make_unique<Client>(std::move(executor), std::move(endpoint), timeouts);
}

}  // namespace gogrid::net
