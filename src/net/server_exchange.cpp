#include "net/server_exchange.hpp"

#include <algorithm>
#include <ctime>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "base/log.hpp"

namespace gogrid::net {
namespace asio = boost::asio;
namespace {

// A body that the handler did not want is read and thrown away up to here; past it the connection is closed instead.
constexpr std::size_t max_drained_bytes = 256 * 1024;
// Slower than this for longer than the body timeout is as good as not at all.
constexpr std::int64_t min_body_rate_bytes = 8 * 1024;

// RFC 9110 §5.6.7. Made once a second.
const std::string& http_date() {
  thread_local std::time_t made_at = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != made_at) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    char buffer[40];
    // The C locale's names: the programs never set another.
    text.assign(buffer, std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts));
    made_at = now;
  }
  return text;
}

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

std::string error_body(int status, std::string_view message) {
  const std::string_view type = status == 500 || status == 503 ? "server_error" : "invalid_request_error";
  return "{\"error\":{\"message\":\"" + escape_json(message) + "\",\"type\":\"" + std::string(type) +
         "\",\"param\":null,\"code\":null}}";
}

ResponseHead error_head(int status, const std::string& remote) {
  const std::string id = random_id("req");
  log_event(spdlog::level::info, "refused", {{"status", status}, {"request", id}, {"remote", remote}});
  ResponseHead head;
  head.status = status;
  head.headers.add("Content-Type", "application/json");
  head.headers.add("x-request-id", id);
  return head;
}

ServerExchange::ServerExchange(Context context, RequestParser& parser)
    : context_(std::move(context)),
      parser_(parser),
      request_(std::move(parser.head())),
      patience_(context_.limits.body_timeout) {
  continue_pending_ = !parser_.done() && !parser_.http_1_0() && request_.headers.get("Expect").has_value();
}

ServerExchange::~ServerExchange() { context_.input.unwatch(); }

asio::awaitable<Result<std::size_t>> ServerExchange::read_in_time(std::span<std::byte> buffer) {
  const std::chrono::nanoseconds most = context_.limits.body_timeout;
  if (most.count() == 0) co_return co_await context_.input.read_body(parser_, buffer, std::chrono::milliseconds(0));
  const auto before = std::chrono::steady_clock::now();
  auto count =
      co_await context_.input.read_body(parser_, buffer, std::chrono::ceil<std::chrono::milliseconds>(patience_));
  // Time in which nobody reads costs nothing.
  patience_ -= std::chrono::steady_clock::now() - before;
  if (!count) co_return count;
  const std::chrono::nanoseconds earned =
      std::chrono::nanoseconds(std::chrono::seconds(1)) * static_cast<std::int64_t>(*count) / min_body_rate_bytes;
  patience_ = std::min(most, patience_ + earned);
  if (patience_.count() <= 0) co_return Error(ErrorCode::timeout, "it comes too slowly");
  co_return count;
}

asio::awaitable<Result<std::size_t>> ServerExchange::read_body_some(std::span<std::byte> buffer) {
  if (std::exchange(continue_pending_, false) && context_.input.bytes().empty()) {
    const auto written = co_await context_.output.write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!written) co_return written.error();
  }
  auto count = co_await read_in_time(buffer);
  if (count) co_return count;
  broken_ = true;
  switch (count.error().code) {
    case ErrorCode::timeout:
      co_return Error(ErrorCode::timeout, "the request's body did not arrive in time");
    case ErrorCode::protocol:
      co_return Error(ErrorCode::invalid_argument, "the request's body: " + count.error().detail);
    default:
      co_return Error(ErrorCode::cancelled, "the client closed the connection: " + count.error().detail);
  }
}

asio::awaitable<Result<std::string>> ServerExchange::read_body(std::size_t limit_bytes) {
  const Error too_large(ErrorCode::too_large,
                        "the request's body is larger than " + std::to_string(limit_bytes) + " bytes");
  const auto length = parser_.content_length();
  if (length && *length > limit_bytes) co_return too_large;
  std::string body;
  std::size_t used = 0;
  for (;;) {
    // One byte past the limit tells a body that ends there from one that goes on.
    const std::size_t room = length ? static_cast<std::size_t>(*length)
                                    : std::min(limit_bytes + 1, std::max<std::size_t>(16 * 1024, used * 2));
    if (body.size() < room) body.resize(room);
    if (used == body.size() && parser_.done()) break;
    const auto count = co_await read_body_some(std::as_writable_bytes(std::span(body).subspan(used)));
    if (!count) co_return count.error();
    if (*count == 0) break;
    used += *count;
    if (used > limit_bytes) co_return too_large;
  }
  body.resize(used);
  co_return body;
}

Result<std::string> ServerExchange::prepare_head(ResponseHead head, std::optional<std::size_t> length) {
  if (started_) return Error(ErrorCode::internal, "the response has been started already");
  const bool asked_close = [&] {
    const auto connection = head.headers.get("Connection");
    return connection && equal_ignoring_case(*connection, "close");
  }();
  close_ = asked_close || broken_ || continue_pending_ || context_.draining || !parser_.keep_alive();
  // Framing is ours, whatever an upstream's head that is passed on says of its own.
  for (const auto* name : {"Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Trailer"})
    head.headers.remove(name);

  const auto given = head.headers.get("Content-Length");
  if (!may_have_body(head.status)) {
    framing_ = Framing::none;
    if (head.status != 304) head.headers.remove("Content-Length");
  } else if (length || given) {
    framing_ = Framing::sized;
    if (length) head.headers.set("Content-Length", std::to_string(*length));
    const auto text = *head.headers.get("Content-Length");
    if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != text.npos) {
      return Error(ErrorCode::internal, "a Content-Length must be a number");
    }
    length_left_ = std::stoull(std::string(text));
  } else if (parser_.http_1_0()) {
    framing_ = Framing::until_close;
    close_ = true;
  } else {
    framing_ = Framing::chunked;
    head.headers.add("Transfer-Encoding", "chunked");
  }
  if (request_.method == "HEAD") framing_ = Framing::none;
  if (!head.headers.get("Date")) head.headers.add("Date", http_date());
  if (close_) {
    head.headers.add("Connection", "close");
  } else if (parser_.http_1_0()) {
    head.headers.add("Connection", "keep-alive");
  }
  auto text = format_response_head(head);
  if (text) started_ = true;
  return text;
}

asio::awaitable<Result<void>> ServerExchange::respond(ResponseHead head, std::string body) {
  const bool unread = !parser_.done() && (!parser_.remaining() || *parser_.remaining() > max_drained_bytes);
  if (unread) head.headers.set("Connection", "close");
  const std::size_t length = body.size();
  auto text = prepare_head(std::move(head), length);
  if (!text) co_return text.error();
  if (framing_ == Framing::none) body.clear();
  finished_ = true;
  context_.input.unwatch();
  auto written = co_await context_.output.write_with_head(std::move(*text), body);
  broken_ |= !written;
  co_return written;
}

asio::awaitable<Result<void>> ServerExchange::start(ResponseHead head) {
  auto text = prepare_head(std::move(head), std::nullopt);
  if (!text) co_return text.error();
  context_.output.hold(std::move(*text));
  co_return Result<void>();
}

asio::awaitable<Result<void>> ServerExchange::write(std::string_view bytes) {
  if (!started_ || finished_) co_return Error(ErrorCode::internal, "write() outside of start() and finish()");
  if (broken_) co_return Error(ErrorCode::cancelled, "the client is gone");
  if (framing_ == Framing::none) co_return Result<void>();
  if (framing_ == Framing::sized) {
    if (bytes.size() > length_left_) co_return Error(ErrorCode::internal, "more was written than Content-Length says");
    length_left_ -= bytes.size();
  }
  Result<void> written;
  if (bytes.empty()) {
    written = co_await context_.output.flush();
  } else if (framing_ == Framing::chunked) {
    written = co_await context_.output.write_chunks(bytes);
  } else {
    written = co_await context_.output.write(bytes);
  }
  broken_ |= !written;
  co_return written;
}

asio::awaitable<Result<void>> ServerExchange::finish() {
  if (!started_ || finished_) co_return Error(ErrorCode::internal, "finish() without start(), or twice");
  if (broken_) co_return Error(ErrorCode::cancelled, "the client is gone");
  if (framing_ == Framing::sized && length_left_ > 0) {
    co_return Error(ErrorCode::internal, "less was written than Content-Length says");
  }
  finished_ = true;
  context_.input.unwatch();
  Result<void> written;
  if (framing_ == Framing::chunked) {
    written = co_await context_.output.write_last_chunk();
  } else {
    written = co_await context_.output.flush();
  }
  broken_ |= !written;
  co_return written;
}

void ServerExchange::watch_disconnect(std::function<void()> on_disconnect) {
  if (finished_) return;
  context_.input.watch(context_.tasks, context_.owner, std::move(on_disconnect));
}

asio::awaitable<bool> ServerExchange::drain_body() {
  std::vector<std::byte> sink(8 * 1024);
  for (std::size_t drained = 0; !parser_.done();) {
    if (drained > max_drained_bytes) co_return false;
    const auto count = co_await read_in_time(sink);
    if (!count) co_return false;
    drained += *count;
  }
  co_return true;
}

asio::awaitable<ServerExchange::After> ServerExchange::conclude(bool failed) {
  if (!started_) {
    const std::string message = failed ? "an internal error; see the server's log" : "the request was not answered";
    ResponseHead head = error_head(500, context_.remote);
    (void)co_await respond(std::move(head), error_body(500, message));
  }
  // A response without its end is one that the client must see break off.
  if (!finished_) {
    (void)co_await context_.output.flush();
    co_return After::close;
  }
  if (parser_.done() && !broken_) {
    if (!close_) co_return After::next_request;
    co_return context_.input.bytes().empty() ? After::close : After::linger;
  }
  if (close_ || broken_ || continue_pending_) co_return After::linger;
  const bool drained = co_await drain_body();
  co_return drained ? After::next_request : After::linger;
}

}  // namespace gogrid::net
