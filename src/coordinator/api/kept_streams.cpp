#include "coordinator/api/kept_streams.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/number.hpp"
#include "coordinator/api/error_response.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds max_keep{300};
constexpr std::size_t max_streams = 256;
// Of one stream: what is older is forgotten once a client was sent it, and nothing new is taken from the engine while
// there is so much that no client was sent.
constexpr std::size_t max_kept_bytes = 1024 * 1024;
constexpr std::string_view end_of_event = "\n\n";

ErrorResponse no_such_stream() {
  return ErrorResponse(404, "there is no such stream, or it is not kept any more", "stream_not_found");
}

ErrorResponse events_are_gone() {
  return ErrorResponse(410, "some of the events that are missing are not kept any more", "stream_gone");
}

}  // namespace

// One answer: what writes it sees an exchange, what reads it is the client that is there, if there is one.
class KeptStream final : public net::HttpExchange {
 public:
  KeptStream(asio::any_io_executor executor, const ApiRequest& request, std::chrono::seconds time)
      : key_id_(request.key ? request.key->id : ""),
        head_(request.head()),
        remote_(request.exchange.remote()),
        time_(time),
        executor_(std::move(executor)),
        request_(*this, request.id, request.parameters) {
    request_.key = request.key;
  }

  ApiRequest& request() { return request_; }
  const net::RequestHead& request() const override { return head_; }
  const std::string& key_id() const { return key_id_; }
  const std::string& remote() const override { return remote_; }

  // ---- the writing side ----

  asio::awaitable<Result<std::string>> read_body(std::size_t) override { co_return body_was_read(); }
  asio::awaitable<Result<std::size_t>> read_body_some(std::span<std::byte>) override { co_return body_was_read(); }
  std::optional<std::uint64_t> body_length() const override { return std::nullopt; }

  asio::awaitable<Result<void>> respond(net::ResponseHead head, std::string body) override {
    response_ = std::move(head);
    whole_ = std::move(body);
    ended_ = true;
    notify();
    co_return Result<void>();
  }
  asio::awaitable<Result<void>> start(net::ResponseHead head) override {
    response_ = std::move(head);
    notify();
    co_return Result<void>();
  }
  asio::awaitable<Result<void>> write(std::string_view bytes) override {
    rest_ += bytes;
    for (std::size_t end = rest_.find(end_of_event); end != rest_.npos; end = rest_.find(end_of_event)) {
      const std::size_t size = end + end_of_event.size();
      add_event("id: " + std::to_string(first_ + events_.size()) + "\n" + rest_.substr(0, size));
      rest_.erase(0, size);
    }
    notify();
    while (kept_bytes_ > max_kept_bytes && !cut_off_)
      co_await wait(SteadyTime::max());
    if (cut_off_) co_return Error(ErrorCode::cancelled, "nobody came back for the answer");
    co_return Result<void>();
  }
  asio::awaitable<Result<void>> finish() override {
    // Half an event is of no use to anybody.
    ended_ = true;
    notify();
    co_return Result<void>();
  }
  bool started() const override { return response_.has_value(); }
  void watch_disconnect(std::function<void()> on_disconnect) override {
    on_disconnect_ = std::move(on_disconnect);
    if (cut_off_) cut_off();
  }

  // The answer will get no longer.
  void end() {
    ended_ = true;
    notify();
  }
  // Nobody wants it any more.
  void cut_off() {
    cut_off_ = true;
    const auto on_disconnect = std::exchange(on_disconnect_, nullptr);
    if (on_disconnect) on_disconnect();
    notify();
  }
  // Completes when no client has been there for as long as the answer is kept.
  asio::awaitable<void> abandoned() {
    while (!cut_off_) {
      if (reader_ != 0 || !gone_at_) {
        co_await wait(SteadyTime::max());
      } else if (const SteadyTime until = *gone_at_ + time_; std::chrono::steady_clock::now() < until) {
        co_await wait(until);
      } else {
        co_return;
      }
    }
  }

  // ---- the reading side ----

  bool has(std::uint64_t event) const { return event >= first_; }

  // Sends the client what comes after that event, until the end; another client that comes for it ends this one's.
  asio::awaitable<void> serve(net::HttpExchange& client, std::uint64_t after) {
    const unsigned me = reader_ = ++readers_;
    bool gone = false;
    client.watch_disconnect([this, &gone] {
      gone = true;
      notify();
    });
    notify();
    std::uint64_t next = after + 1;
    bool has_all = false;
    Result<void> sent;
    while (reader_ == me && !gone && sent) {
      if (!response_) {
        if (ended_) break;
        co_await wait(SteadyTime::max());
      } else if (!client.started()) {
        net::ResponseHead head = *response_;
        std::string body = whole_;
        if (ended_ && events_.empty()) {
          sent = co_await client.respond(std::move(head), std::move(body));
          break;
        }
        head.headers.add("x-gogrid-stream", request_.id);
        sent = co_await client.start(std::move(head));
      } else if (next < first_ + events_.size()) {
        const std::string event = events_[next - first_];
        sent = co_await client.write(event);
        if (sent) note_sent(next++);
      } else if (ended_) {
        sent = co_await client.finish();
        has_all = sent.has_value();
        break;
      } else {
        co_await wait(SteadyTime::max());
      }
    }
    client.watch_disconnect({});
    if (reader_ != me) co_return;
    reader_ = 0;
    // Once a client has all of it, it is kept no longer for being asked for again.
    if (!was_delivered_) gone_at_ = std::chrono::steady_clock::now();
    was_delivered_ = was_delivered_ || has_all;
    notify();
  }

 private:
  static Error body_was_read() { return Error(ErrorCode::invalid_argument, "the request's body was read before"); }

  void add_event(std::string event) {
    kept_bytes_ += event.size();
    events_.push_back(std::move(event));
    forget();
  }
  void note_sent(std::uint64_t event) {
    sent_ = std::max(sent_, event);
    if (forget()) notify();
  }
  bool forget() {
    bool forgot = false;
    while (kept_bytes_ > max_kept_bytes && !events_.empty() && first_ <= sent_) {
      kept_bytes_ -= events_.front().size();
      events_.pop_front();
      ++first_;
      forgot = true;
    }
    return forgot;
  }

  void notify() {
    for (asio::steady_timer* const alarm : waiting_)
      alarm->cancel();
  }
  // Until something changes, or then.
  asio::awaitable<void> wait(SteadyTime until) {
    asio::steady_timer alarm(executor_, until);
    waiting_.push_back(&alarm);
    co_await alarm.async_wait(asio::as_tuple(asio::use_awaitable));
    std::erase(waiting_, &alarm);
  }

  const std::string key_id_;
  const net::RequestHead head_;
  const std::string remote_;
  const std::chrono::seconds time_;
  asio::any_io_executor executor_;
  std::vector<asio::steady_timer*> waiting_;
  ApiRequest request_;
  std::function<void()> on_disconnect_;

  std::optional<net::ResponseHead> response_;
  std::string whole_;
  // An event whose end has not come.
  std::string rest_;
  // Numbered from first_.
  std::deque<std::string> events_;
  std::uint64_t first_ = 1;
  std::uint64_t sent_ = 0;
  std::size_t kept_bytes_ = 0;
  bool ended_ = false;
  bool cut_off_ = false;

  unsigned readers_ = 0;
  // The client that is there; 0: none.
  unsigned reader_ = 0;
  std::optional<SteadyTime> gone_at_;
  // Whole, to a client.
  bool was_delivered_ = false;
};

KeptStreams::KeptStreams(asio::any_io_executor executor) : executor_(executor), tasks_(executor) {}
KeptStreams::~KeptStreams() = default;

void KeptStreams::mount(Router& router) {
  router.add("GET", "/v1/streams/{id}", Scope::inference, [this](ApiRequest& request) { return resume(request); });
}

std::optional<std::chrono::seconds> KeptStreams::wanted(const ApiRequest& request) const {
  const auto seconds = parse_number(request.head().headers.get("x-gogrid-resume").value_or(""));
  if (!seconds || *seconds == 0 || streams_.size() >= max_streams) return std::nullopt;
  return std::min<std::chrono::seconds>(std::chrono::seconds(std::min<std::uint64_t>(*seconds, 3600)), max_keep);
}

asio::awaitable<void> KeptStreams::keep(ApiRequest& request, std::chrono::seconds time, Answer answer) {
  const auto stream = std::make_shared<KeptStream>(executor_, request, time);
  streams_.emplace(request.id, stream);
  tasks_.spawn("kept stream", run(stream, std::move(answer)));
  request.on_revoke = [stream] { stream->request().revoke(); };
  co_await stream->serve(request.exchange, 0);
  request.on_revoke = nullptr;
}

asio::awaitable<void> KeptStreams::run(std::shared_ptr<KeptStream> stream, Answer answer) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  TaskGroup answering(executor_);
  const auto answer_it = [](std::shared_ptr<KeptStream> its_stream, Answer its_answer) -> asio::awaitable<void> {
    co_await its_answer(its_stream->request());
    its_stream->end();
  };
  answering.spawn("kept answer", answer_it(stream, std::move(answer)));
  co_await stream->abandoned();
  stream->cut_off();
  co_await answering.wait();
  streams_.erase(stream->request().id);
}

asio::awaitable<void> KeptStreams::resume(ApiRequest& request) {
  const auto found = streams_.find(request.parameters.front());
  const std::string key = request.key ? request.key->id : "";
  if (found == streams_.end() || found->second->key_id() != key) {
    ErrorResponse error = no_such_stream();
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  const std::shared_ptr<KeptStream> stream = found->second;
  const auto last = request.head().headers.get("Last-Event-ID");
  const auto after = parse_number(last.value_or("0"));
  if (!after) {
    ErrorResponse error(400, "Last-Event-ID must be the id of an event of this stream", "invalid_value");
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  if (!stream->has(*after + 1)) {
    ErrorResponse error = events_are_gone();
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  request.on_revoke = [stream] { stream->request().revoke(); };
  co_await stream->serve(request.exchange, *after);
  request.on_revoke = nullptr;
}

void KeptStreams::end_requests_of(const std::string& key_id) {
  for (const auto& [id, stream] : streams_) {
    if (stream->key_id() == key_id) stream->request().revoke();
  }
}

void KeptStreams::stop() {
  for (const auto& [id, stream] : streams_)
    stream->cut_off();
}

asio::awaitable<void> KeptStreams::stopped() { co_await tasks_.wait(); }

}  // namespace gogrid::coordinator
