#include "worker/work.hpp"

#include <boost/asio/this_coro.hpp>
#include <string>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/task_group.hpp"
#include "base/utf8.hpp"
#include "wire/frame.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"
#include "worker/notifier.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_detail_bytes = 8 * 1024;
// The coordinator ends its side when it has the whole answer.
constexpr std::chrono::seconds end_timeout{10};

// One work stream. Its two tasks share it: one reads the stream until it ends, the other talks to the engine, or waits
// for what the leased work that does has to say.
class Work {
 public:
  Work(asio::any_io_executor executor, std::shared_ptr<net::quic::Stream> stream, FindEngine find_engine,
       Leases& leases)
      : executor_(executor),
        stream_(std::move(stream)),
        find_engine_(std::move(find_engine)),
        leases_(leases),
        tasks_(executor),
        changed_(executor) {}

  asio::awaitable<void> run(std::shared_ptr<Work> self) {
    tasks_.spawn("work stream", read_stream(self));
    tasks_.spawn("work", answer(self));
    co_await tasks_.wait();
    if (leased_) leases_.stream_ended(leased_, attachment_, stream_end());
  }

 private:
  asio::awaitable<void> read_stream(std::shared_ptr<Work> self);
  Result<void> take_frames();
  asio::awaitable<void> answer(std::shared_ptr<Work> self);
  asio::awaitable<Result<void>> give_answer();
  Result<void> take_lease();
  asio::awaitable<Result<void>> pass(EngineAnswer& answer);
  Leases::StreamEnd stream_end() const;

  asio::any_io_executor executor_;
  std::shared_ptr<net::quic::Stream> stream_;
  FindEngine find_engine_;
  Leases& leases_;
  TaskGroup tasks_;
  Notifier changed_;
  wire::FrameReader reader_{wire::max_work_frame_bytes};
  // Once there is a request.
  std::shared_ptr<EngineExchange> exchange_;
  // With a lease.
  std::shared_ptr<LeasedWork> leased_;
  unsigned attachment_ = 0;
  bool stream_ended_ = false;
  // The coordinator has ended its side after all was said.
  bool confirmed_ = false;
};

// Reads on after the body: only so is a reset seen while the engine thinks, and only so does the stream end in order.
asio::awaitable<void> Work::read_stream([[maybe_unused]] std::shared_ptr<Work> self) {
  for (;;) {
    if (exchange_) co_await exchange_->room();
    const auto space = reader_.prepare();
    const auto count = co_await stream_->read_some(space);
    if (!count) break;
    if (*count == 0) {
      stream_ended_ = true;
      if (exchange_) exchange_->end_body();
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
    if (frame->has_request() && !exchange_) {
      exchange_ = std::make_shared<EngineExchange>(executor_, std::move(*frame->mutable_request()), find_engine_);
    } else if (frame->kind_case() == wire::CoordinatorWorkFrame::kData && exchange_) {
      auto added = exchange_->add_body(std::move(*frame->mutable_data()));
      if (!added) return added;
    } else if (frame->kind_case() != wire::CoordinatorWorkFrame::KIND_NOT_SET) {
      return Error(ErrorCode::protocol, "a frame out of order on a work stream");
    }
  }
}

asio::awaitable<void> Work::answer([[maybe_unused]] std::shared_ptr<Work> self) {
  while (!exchange_ && !stream_ended_)
    co_await changed_.wait();
  const Result<void> given = co_await give_answer();
  wire::WorkerWorkFrame frame;
  auto& end = *frame.mutable_end();
  if (!given) {
    end.set_error_code(std::string(to_string(given.error().code)));
    end.set_detail(valid_utf8(given.error().detail, max_detail_bytes));
  }
  const std::string bytes = wire::encode_frame(frame);
  const auto sent = co_await stream_->write(as_bytes(bytes));
  if (sent) co_await stream_->finish();
  // All is said: what still comes is not wanted.
  if (exchange_) exchange_->discard_body();
  // Letting go of the stream before the coordinator's end would cost each side a packet; and what has a lease must not
  // be forgotten before.
  const auto until =
      leased_ ? std::chrono::steady_clock::time_point::max() : std::chrono::steady_clock::now() + end_timeout;
  while (sent && !stream_ended_ && std::chrono::steady_clock::now() < until)
    co_await changed_.wait_until(until);
  confirmed_ = sent && stream_ended_;
  tasks_.cancel();
}

asio::awaitable<Result<void>> Work::give_answer() {
  if (!exchange_) co_return Error(ErrorCode::protocol, "the stream ended before the request");
  const Result<void> taken = take_lease();
  if (!taken) co_return taken;
  if (leased_) co_return co_await leased_->deliver(stream_, attachment_);
  EngineExchange::Pass pass_on = [this](EngineAnswer& answer) { return pass(answer); };
  co_return co_await exchange_->run(std::move(pass_on));
}

// If it has one, and there is room to keep it.
Result<void> Work::take_lease() {
  const wire::WorkRequest& request = exchange_->request();
  if (!request.resume() && (request.lease() == 0 || !leases_.can_begin())) return {};
  auto work = request.resume() ? leases_.find(request.lease()) : leases_.begin(request.lease(), exchange_);
  if (!work) return work.error();
  leased_ = std::move(*work);
  attachment_ = leased_->attach();
  return {};
}

asio::awaitable<Result<void>> Work::pass(EngineAnswer& answer) {
  {
    wire::WorkerWorkFrame frame;
    *frame.mutable_response() = answer.head();
    const std::string bytes = wire::encode_frame(frame);
    auto sent = co_await stream_->write(as_bytes(bytes));
    if (!sent) co_return sent;
  }
  std::string out;
  for (;;) {
    const auto part = co_await answer.next();
    if (!part) co_return part.error();
    if (part->empty()) co_return Result<void>();
    out.clear();
    wire::append_data_frame(out, *part);
    auto written = co_await stream_->write(as_bytes(out));
    if (!written) co_return written;
  }
}

Leases::StreamEnd Work::stream_end() const {
  if (confirmed_) return Leases::StreamEnd::confirmed;
  return stream_->lost() ? Leases::StreamEnd::lost : Leases::StreamEnd::cancelled;
}

}  // namespace

asio::awaitable<void> serve_work(asio::any_io_executor executor, std::shared_ptr<net::quic::Stream> stream,
                                 FindEngine find_engine, Leases& leases) {
  // What it started must have ended before it does: its stream tells it when to stop.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto work = std::make_shared<Work>(executor, std::move(stream), std::move(find_engine), leases);
  co_await work->run(work);
}

}  // namespace gogrid::worker
