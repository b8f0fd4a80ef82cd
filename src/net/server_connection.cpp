#include "net/server_connection.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <exception>

#include "base/log.hpp"

namespace gogrid::net {
namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
namespace {

constexpr std::chrono::seconds linger_time{5};
constexpr std::size_t linger_bytes = 16 * 1024 * 1024;

}  // namespace

ServerConnection::ServerConnection(std::shared_ptr<ServerState> server, std::unique_ptr<SocketStream> stream,
                                   TlsStream* tls, std::string remote, std::uint64_t source)
    : server_(std::move(server)),
      stream_(std::move(stream)),
      tls_(tls),
      remote_(std::move(remote)),
      source_(source),
      input_(server_->tasks.executor(), *stream_),
      output_(server_->tasks.executor(), *stream_, server_->limits.write_timeout) {
  server_->waiting.push_back(*this);
  ++server_->count;
}

ServerConnection::~ServerConnection() {
  // While there still is a list.
  unlink();
  --server_->count;
}

void ServerConnection::move_to(ConnectionList& list) {
  unlink();
  list.push_back(*this);
}

void ServerConnection::close() noexcept { stream_->close(); }

void ServerConnection::drain() {
  if (idle_) close();
}

asio::awaitable<void> ServerConnection::serve(std::shared_ptr<ServerConnection> self) {
  auto after = ServerExchange::After::close;
  if (co_await self->shake_hands()) {
    for (;;) {
      const auto parser = co_await self->next_request();
      if (!parser) break;
      self->move_to(self->server_->busy);
      after = co_await self->answer(*parser);
      self->move_to(self->server_->waiting);
      if (after != ServerExchange::After::next_request) break;
    }
  }
  if (after == ServerExchange::After::linger) co_await self->linger();
  self->close();
}

asio::awaitable<bool> ServerConnection::shake_hands() {
  if (!tls_) co_return true;
  Deadline deadline(server_->tasks.executor(), [this] { close(); });
  deadline.set_after(server_->limits.header_timeout);
  const auto done = co_await tls_->handshake();
  if (!done) log().debug("{}: {}", remote_, done.error().detail);
  co_return done.has_value();
}

asio::awaitable<std::unique_ptr<RequestParser>> ServerConnection::next_request() {
  const auto& limits = server_->limits;
  auto parser = RequestParser::create(limits.max_header_bytes);
  input_.shrink();
  const auto limit = first_ ? limits.header_timeout : limits.idle_timeout;
  first_ = false;
  auto until = Clock::now() + limit;
  bool begun = !input_.bytes().empty();
  if (begun) until = Clock::now() + limits.header_timeout;
  for (;;) {
    const auto size = parser->read_head(input_.bytes());
    if (!size) {
      co_await refuse(parser->refusal_status(), size.error().detail);
      co_return nullptr;
    }
    if (*size > 0) {
      input_.consume(*size);
      co_return parser;
    }
    if (!begun && server_->draining) co_return nullptr;
    idle_ = !begun;
    const auto count = co_await input_.fill(until);
    idle_ = false;
    if (!count && count.error().code == ErrorCode::timeout && begun) {
      co_await refuse(408, "the request's head did not arrive in time");
    }
    if (!count || *count == 0) co_return nullptr;
    if (!begun) until = std::min(until, Clock::now() + limits.header_timeout);
    begun = true;
  }
}

asio::awaitable<ServerExchange::After> ServerConnection::answer(RequestParser& parser) {
  ServerExchange::Context context{input_,  output_,           server_->tasks,    server_->limits,
                                  remote_, server_->draining, shared_from_this()};
  ServerExchange exchange(std::move(context), parser);
  const auto expect = exchange.request().headers.get("Expect");
  if (expect && !equal_ignoring_case(*expect, "100-continue")) {
    ResponseHead head = error_head(417, remote_);
    (void)co_await exchange.respond(std::move(head), error_body(417, "only \"Expect: 100-continue\" is known here"));
    co_return co_await exchange.conclude(false);
  }
  bool failed = false;
  try {
    co_await server_->handler(exchange);
  } catch (const boost::system::system_error& error) {
    // The server's grace is over.
    if (error.code() == asio::error::operation_aborted) throw;
    failed = true;
    log().error("{} {}: the handler failed: {}", exchange.request().method, exchange.request().path(), error.what());
  } catch (const std::exception& error) {
    failed = true;
    log().error("{} {}: the handler failed: {}", exchange.request().method, exchange.request().path(), error.what());
  }
  co_return co_await exchange.conclude(failed);
}

asio::awaitable<void> ServerConnection::refuse(int status, std::string message) {
  const std::string body = error_body(status, message);
  ResponseHead head = error_head(status, remote_);
  head.headers.add("Content-Length", std::to_string(body.size()));
  head.headers.add("Connection", "close");
  auto text = format_response_head(head);
  if (!text) co_return;
  const auto written = co_await output_.write_with_head(std::move(*text), body);
  if (written) co_await linger();
}

asio::awaitable<void> ServerConnection::linger() {
  const auto finished = co_await stream_->finish();
  if (!finished) co_return;
  const auto until = Clock::now() + linger_time;
  for (std::size_t discarded = 0; discarded < linger_bytes;) {
    input_.consume(input_.bytes().size());
    const auto count = co_await input_.fill(until);
    if (!count || *count == 0) co_return;
    discarded += *count;
  }
}

}  // namespace gogrid::net
