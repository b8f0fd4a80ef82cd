#include "worker/engine_exchange.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "base/encoding.hpp"
#include "base/utf8.hpp"
#include "wire/frame.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

// The engine holds a body in memory, and refuses larger ones itself.
constexpr std::uint64_t max_body_bytes = 128ull << 20;
// How much of a body may wait for the engine to take it.
constexpr std::size_t max_waiting_bytes = 256 * 1024;
constexpr std::size_t max_content_type_bytes = 1024;
constexpr std::size_t answer_part_bytes = 16 * 1024;
static_assert(answer_part_bytes <= wire::max_data_bytes);

constexpr std::array<std::string_view, 14> engine_paths = {"/v1/chat/completions",
                                                           "/v1/completions",
                                                           "/v1/embeddings",
                                                           "/v1/rerank",
                                                           "/v1/responses",
                                                           "/v1/messages",
                                                           "/v1/messages/count_tokens",
                                                           "/rerank",
                                                           "/completion",
                                                           "/embedding",
                                                           "/tokenize",
                                                           "/detokenize",
                                                           "/apply-template",
                                                           "/v1/chat/completions/input_tokens"};

asio::awaitable<void> until(EventPace::TimePoint time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

Error body_cut_short() { return Error(ErrorCode::protocol, "the stream ended inside the request's body"); }

// And not of the request, or of whoever does not wait for its answer.
bool means_ill_health(ErrorCode code) {
  return code == ErrorCode::unavailable || code == ErrorCode::io || code == ErrorCode::timeout;
}

std::string_view content_type(const net::HttpResponse& response) {
  return response.head().headers.get("Content-Type").value_or("");
}

}  // namespace

bool is_engine_path(std::string_view method, std::string_view path) {
  return method == "POST" && std::find(engine_paths.begin(), engine_paths.end(), path) != engine_paths.end();
}

// ---- EngineAnswer ----

EngineAnswer::EngineAnswer(net::HttpResponse& response)
    : response_(response),
      events_(content_type(response).starts_with("text/event-stream")),
      memory_(std::make_unique_for_overwrite<std::byte[]>(answer_part_bytes)),
      pace_(EventPace::TimePoint::clock::now()) {}

wire::WorkResponse EngineAnswer::head() const {
  wire::WorkResponse head;
  head.set_status(static_cast<std::uint32_t>(response_.head().status));
  head.set_content_type(valid_utf8(content_type(response_), max_content_type_bytes));
  return head;
}

bool EngineAnswer::succeeded() const { return response_.head().status / 100 == 2; }

asio::awaitable<Result<std::string_view>> EngineAnswer::next() {
  if (events_ && count_ > 0 && !response_.done()) {
    pace_.passed(count_, began_, arrived_);
    if (const auto next = pace_.next(EventPace::TimePoint::clock::now())) {
      response_.pause();
      co_await until(*next);
    }
  }
  const std::span buffer(memory_.get(), answer_part_bytes);
  began_ = EventPace::TimePoint::clock::now();
  const auto count = co_await response_.read_some(buffer);
  arrived_ = EventPace::TimePoint::clock::now();
  if (!count) co_return Error(ErrorCode::unavailable, "the engine stopped while it answered: " + count.error().detail);
  count_ = *count;
  const std::string_view part = as_text(buffer.first(*count));
  usage_.feed(part);
  co_return part;
}

// ---- EngineExchange ----

EngineExchange::EngineExchange(asio::any_io_executor executor, wire::WorkRequest request, FindEngine find_engine)
    : request_(std::move(request)), find_engine_(std::move(find_engine)), changed_(std::move(executor)) {}

Result<void> EngineExchange::add_body(std::string part) {
  received_bytes_ += part.size();
  if (received_bytes_ > request_.body_bytes()) {
    return Error(ErrorCode::protocol, "more of the request's body came than was announced");
  }
  if (part.empty() || discarded_) return {};
  waiting_bytes_ += part.size();
  body_.push_back(std::move(part));
  changed_.notify();
  return {};
}

void EngineExchange::end_body() {
  ended_ = true;
  changed_.notify();
}

void EngineExchange::discard_body() {
  discarded_ = true;
  changed_.notify();
}

asio::awaitable<void> EngineExchange::room() {
  while (waiting_bytes_ > max_waiting_bytes && !discarded_)
    co_await changed_.wait();
}

asio::awaitable<Result<void>> EngineExchange::run(Pass pass) {
  if (!is_engine_path(request_.method(), request_.path())) {
    co_return Error(ErrorCode::invalid_argument, "the engine is not asked for " + request_.path().substr(0, 100));
  }
  if (request_.body_bytes() > max_body_bytes)
    co_return Error(ErrorCode::too_large, "the request's body is too large for the engine");
  const auto engine = find_engine_({request_.model_id(), request_.copy()});
  if (!engine) co_return engine.error();

  net::HttpClientRequest request;
  request.method = request_.method();
  request.target = request_.path();
  if (!request_.content_type().empty()) request.headers.add("Content-Type", request_.content_type());
  if (request_.body_bytes() <= max_waiting_bytes) {
    // Most bodies come at once. A whole one is one write, and is sent again if the connection turns out to be dead.
    auto body = co_await whole_body();
    if (!body) co_return body.error();
    request.body = std::move(*body);
  } else {
    request.body_source = [this](std::span<std::byte> buffer) { return next_body_part(buffer); };
    request.body_length_bytes = request_.body_bytes();
  }
  auto response = co_await engine->client->send(std::move(request));
  if (!response && response.error().code == ErrorCode::cancelled) co_return response.error();
  if (!response) {
    if (means_ill_health(response.error().code)) engine->suspect();
    co_return Error(ErrorCode::unavailable, "the engine did not answer: " + response.error().detail);
  }
  EngineAnswer answer(**response);
  Result<void> passed;
  try {
    passed = co_await pass(answer);
  } catch (const boost::system::system_error& error) {
    // Cancelled between two waits: what was answered until then counts all the same.
    if (error.code() != asio::error::operation_aborted) throw;
    passed = Error(ErrorCode::cancelled, "nobody waits for the answer any more");
  }
  if (const auto usage = answer.usage(); usage && engine->answered)
    engine->answered(usage->prompt_tokens + usage->completion_tokens, passed && answer.succeeded());
  if (passed || passed.error().code == ErrorCode::cancelled) co_return passed;
  if (auto reason = engine->given_up()) co_return *std::move(reason);
  co_return passed;
}

asio::awaitable<Result<std::string>> EngineExchange::whole_body() {
  while (!has_body() && !ended_)
    co_await changed_.wait();
  if (!has_body()) co_return body_cut_short();
  std::string body;
  if (body_.size() == 1) {
    body = std::move(body_.front());
  } else {
    body.reserve(received_bytes_);
    for (const std::string& part : body_)
      body += part;
  }
  body_.clear();
  waiting_bytes_ = 0;
  co_return body;
}

asio::awaitable<Result<std::size_t>> EngineExchange::next_body_part(std::span<std::byte> buffer) {
  while (body_.empty()) {
    if (has_body()) co_return std::size_t{0};
    if (ended_) co_return body_cut_short();
    co_await changed_.wait();
  }
  std::string& front = body_.front();
  const std::size_t count = std::min(buffer.size(), front.size());
  std::copy_n(as_bytes(front).begin(), count, buffer.begin());
  waiting_bytes_ -= count;
  if (count == front.size()) {
    body_.pop_front();
  } else {
    front.erase(0, count);
  }
  changed_.notify();
  co_return count;
}

}  // namespace gogrid::worker
