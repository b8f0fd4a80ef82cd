#include "worker/work.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <memory>
#include <span>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/task_group.hpp"
#include "base/utf8.hpp"
#include "net/http_client.hpp"
#include "wire/frame.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"
#include "worker/event_pace.hpp"
#include "worker/notifier.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

// The engine holds a body in memory, and refuses larger ones itself.
constexpr std::uint64_t max_body_bytes = 128ull << 20;
// How much of a body may wait for the engine to take it.
constexpr std::size_t max_waiting_bytes = 256 * 1024;
constexpr std::size_t max_detail_bytes = 8 * 1024;
constexpr std::size_t max_content_type_bytes = 1024;
// The coordinator ends its side when it has the whole answer.
constexpr std::chrono::seconds end_timeout{10};
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

// One work stream. Its two tasks share it: one reads the stream until it ends, the other talks to the engine.
class Work {
 public:
  Work(asio::any_io_executor executor, std::shared_ptr<net::ByteStream> stream, FindReplica find_replica)
      : stream_(std::move(stream)), find_replica_(std::move(find_replica)), tasks_(executor), changed_(executor) {}

  asio::awaitable<void> run(std::shared_ptr<Work> self) {
    tasks_.spawn("work stream", read_stream(self));
    tasks_.spawn("work", answer(self));
    co_await tasks_.wait();
  }

 private:
  asio::awaitable<void> read_stream(std::shared_ptr<Work> self);
  Result<void> take_frames();
  asio::awaitable<void> answer(std::shared_ptr<Work> self);
  asio::awaitable<Error> exchange();
  asio::awaitable<Result<std::string>> whole_body();
  asio::awaitable<Result<std::size_t>> next_body_part(std::span<std::byte> buffer);
  asio::awaitable<Error> pass_response(net::HttpResponse& response);
  asio::awaitable<Result<void>> send(const wire::WorkerWorkFrame& frame);

  std::shared_ptr<net::ByteStream> stream_;
  FindReplica find_replica_;
  TaskGroup tasks_;
  Notifier changed_;
  wire::FrameReader reader_{wire::max_work_frame_bytes};
  std::optional<wire::WorkRequest> request_;
  std::deque<std::string> body_;
  std::size_t waiting_bytes_ = 0;
  std::uint64_t received_bytes_ = 0;
  bool stream_ended_ = false;
  // All is said: what still comes is not wanted.
  bool answered_ = false;
};

asio::awaitable<void> until(EventPace::TimePoint time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

Error body_cut_short() { return Error(ErrorCode::protocol, "the stream ended inside the request's body"); }

// And not of the request, or of whoever does not wait for its answer.
bool means_ill_health(ErrorCode code) {
  return code == ErrorCode::unavailable || code == ErrorCode::io || code == ErrorCode::timeout;
}

// What a finished exchange's Error says when there was none.
bool succeeded(const Error& error) { return error.detail.empty(); }
Error success() { return Error(ErrorCode::internal, ""); }

// Reads on after the body: only so is a reset seen while the engine thinks, and only so does the stream end in order.
asio::awaitable<void> Work::read_stream([[maybe_unused]] std::shared_ptr<Work> self) {
  for (;;) {
    while (waiting_bytes_ > max_waiting_bytes && !answered_)
      co_await changed_.wait();
    const auto space = reader_.prepare();
    const auto count = co_await stream_->read_some(space);
    if (!count) break;
    if (*count == 0) {
      stream_ended_ = true;
      changed_.notify();
      co_return;
    }
    reader_.commit(*count);
    const auto taken = take_frames();
    if (!taken) {
      log().warn("the coordinator broke the protocol on a work stream: {}", taken.error().detail);
      stream_->close();
      break;
    }
    changed_.notify();
  }
  // Nobody waits for the answer: this closes the engine's connection.
  tasks_.cancel();
}

Result<void> Work::take_frames() {
  for (;;) {
    const auto payload = reader_.next();
    if (!payload) return payload.error();
    if (!*payload) return {};
    auto frame = wire::decode_frame<wire::CoordinatorWorkFrame>(**payload);
    if (!frame) return frame.error();
    if (frame->has_request() && !request_) {
      request_ = std::move(*frame->mutable_request());
    } else if (frame->kind_case() == wire::CoordinatorWorkFrame::kData && request_) {
      received_bytes_ += frame->data().size();
      if (received_bytes_ > request_->body_bytes()) {
        return Error(ErrorCode::protocol, "more of the request's body came than was announced");
      }
      if (frame->data().empty() || answered_) continue;
      waiting_bytes_ += frame->data().size();
      body_.push_back(std::move(*frame->mutable_data()));
    } else if (frame->kind_case() != wire::CoordinatorWorkFrame::KIND_NOT_SET) {
      return Error(ErrorCode::protocol, "a frame out of order on a work stream");
    }
  }
}

asio::awaitable<Result<void>> Work::send(const wire::WorkerWorkFrame& frame) {
  const std::string bytes = wire::encode_frame(frame);
  co_return co_await stream_->write(as_bytes(bytes));
}

asio::awaitable<void> Work::answer([[maybe_unused]] std::shared_ptr<Work> self) {
  const Error failure = co_await exchange();
  wire::WorkerWorkFrame frame;
  auto& end = *frame.mutable_end();
  if (!succeeded(failure)) {
    end.set_error_code(std::string(to_string(failure.code)));
    end.set_detail(valid_utf8(failure.detail, max_detail_bytes));
  }
  const auto sent = co_await send(frame);
  if (sent) co_await stream_->finish();
  answered_ = true;
  changed_.notify();
  // Letting go of the stream before the coordinator's end would cost each side a packet.
  const auto until = std::chrono::steady_clock::now() + end_timeout;
  while (sent && !stream_ended_ && std::chrono::steady_clock::now() < until)
    co_await changed_.wait_until(until);
  tasks_.cancel();
}

asio::awaitable<Error> Work::exchange() {
  while (!request_ && !stream_ended_)
    co_await changed_.wait();
  if (!request_) co_return Error(ErrorCode::protocol, "the stream ended before the request");
  if (!is_engine_path(request_->method(), request_->path())) {
    co_return Error(ErrorCode::invalid_argument, "the engine is not asked for " + request_->path().substr(0, 100));
  }
  if (request_->body_bytes() > max_body_bytes)
    co_return Error(ErrorCode::too_large, "the request's body is too large for the engine");
  auto found = find_replica_(request_->model_id());
  if (!found) co_return found.error();
  const std::shared_ptr<Replica> replica = *found;
  const auto client = replica->client();
  if (!client) co_return Error(ErrorCode::unavailable, "the engine is not ready");
  const Replica::Use use(replica);

  net::HttpClientRequest request;
  request.method = request_->method();
  request.target = request_->path();
  if (!request_->content_type().empty()) request.headers.add("Content-Type", request_->content_type());
  if (request_->body_bytes() <= max_waiting_bytes) {
    // Most bodies come at once. A whole one is one write, and is sent again if the connection turns out to be dead.
    auto body = co_await whole_body();
    if (!body) co_return body.error();
    request.body = std::move(*body);
  } else {
    request.body_source = [this](std::span<std::byte> buffer) { return next_body_part(buffer); };
    request.body_length_bytes = request_->body_bytes();
  }
  auto response = co_await client->send(std::move(request));
  if (!response && response.error().code == ErrorCode::cancelled) co_return response.error();
  if (!response) {
    if (means_ill_health(response.error().code)) replica->suspect();
    co_return Error(ErrorCode::unavailable, "the engine did not answer: " + response.error().detail);
  }
  co_return co_await pass_response(**response);
}

asio::awaitable<Result<std::string>> Work::whole_body() {
  while (received_bytes_ < request_->body_bytes() && !stream_ended_)
    co_await changed_.wait();
  if (received_bytes_ < request_->body_bytes()) co_return body_cut_short();
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

asio::awaitable<Result<std::size_t>> Work::next_body_part(std::span<std::byte> buffer) {
  while (body_.empty()) {
    if (received_bytes_ == request_->body_bytes()) co_return std::size_t{0};
    if (stream_ended_) co_return body_cut_short();
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

asio::awaitable<Error> Work::pass_response(net::HttpResponse& response) {
  {
    wire::WorkerWorkFrame frame;
    auto& head = *frame.mutable_response();
    head.set_status(static_cast<std::uint32_t>(response.head().status));
    head.set_content_type(valid_utf8(response.head().headers.get("Content-Type").value_or(""), max_content_type_bytes));
    const auto sent = co_await send(frame);
    if (!sent) co_return sent.error();
  }
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(answer_part_bytes);
  const std::span buffer(memory.get(), answer_part_bytes);
  const bool events = response.head().headers.get("Content-Type").value_or("").starts_with("text/event-stream");
  std::string out;
  EventPace pace(EventPace::TimePoint::clock::now());
  for (;;) {
    const auto began = EventPace::TimePoint::clock::now();
    const auto count = co_await response.read_some(buffer);
    const auto arrived = EventPace::TimePoint::clock::now();
    if (!count)
      co_return Error(ErrorCode::unavailable, "the engine stopped while it answered: " + count.error().detail);
    if (*count == 0) co_return success();
    out.clear();
    wire::append_data_frame(out, as_text(buffer.first(*count)));
    const auto written = co_await stream_->write(as_bytes(out));
    if (!written) co_return written.error();
    if (!events || response.done()) continue;
    pace.passed(*count, began, arrived);
    if (const auto next = pace.next(EventPace::TimePoint::clock::now())) {
      response.pause();
      co_await until(*next);
    }
  }
}

}  // namespace

bool is_engine_path(std::string_view method, std::string_view path) {
  return method == "POST" && std::find(engine_paths.begin(), engine_paths.end(), path) != engine_paths.end();
}

asio::awaitable<void> serve_work(asio::any_io_executor executor, std::shared_ptr<net::ByteStream> stream,
                                 FindReplica find_replica) {
  // What it started must have ended before it does: its stream tells it when to stop.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto work = std::make_shared<Work>(executor, std::move(stream), std::move(find_replica));
  co_await work->run(work);
}

}  // namespace gogrid::worker
