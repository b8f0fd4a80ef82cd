#include "worker/leases.hpp"

#include <utility>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "wire/frame.hpp"
#include "wire/worker_messages.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;

// ---- LeasedWork ----

LeasedWork::LeasedWork(asio::any_io_executor executor, std::uint64_t lease, std::shared_ptr<EngineExchange> exchange,
                       std::shared_ptr<SpoolRoom> room)
    : lease_(lease),
      exchange_(std::move(exchange)),
      tasks_(executor),
      changed_(executor),
      spool_(std::move(room)),
      grace_(executor) {}

unsigned LeasedWork::attach() {
  attached_ = true;
  grace_.cancel();
  changed_.notify();
  return ++attachment_;
}

void LeasedWork::stop() {
  stopped_ = true;
  grace_.cancel();
  tasks_.cancel();
  changed_.notify();
}

asio::awaitable<void> LeasedWork::ask_engine([[maybe_unused]] std::shared_ptr<LeasedWork> self) {
  EngineExchange::Pass pass = [this](EngineAnswer& answer) { return take_answer(answer); };
  outcome_ = co_await exchange_->run(std::move(pass));
  changed_.notify();
}

asio::awaitable<Result<void>> LeasedWork::take_answer(EngineAnswer& answer) {
  head_ = answer.head();
  changed_.notify();
  bool has_room = true;
  for (;;) {
    const auto part = co_await answer.next();
    if (!part) co_return part.error();
    if (part->empty()) co_return Result<void>();
    if (has_room) {
      const auto spooled = co_await spool_.append(*part);
      has_room = spooled.has_value();
      if (!spooled) log().warn("a long answer can be given only once: {}", spooled.error().detail);
    }
    if (!has_room) unspooled_ = *part;
    changed_.notify();
    // The engine waits for the stream, and while there is none for another one.
    while (!unspooled_.empty())
      co_await changed_.wait();
  }
}

asio::awaitable<Result<std::string>> LeasedWork::next_frame(std::uint64_t& position) {
  std::string frame;
  if (position < spool_.size()) {
    const auto part = co_await spool_.read(position, wire::max_data_bytes);
    if (!part) co_return part.error();
    position += part->size();
    wire::append_data_frame(frame, *part);
  } else if (!unspooled_.empty()) {
    passed_unspooled_ = true;
    spool_.clear();
    wire::append_data_frame(frame, unspooled_);
  }
  co_return frame;
}

asio::awaitable<Result<void>> LeasedWork::deliver(std::shared_ptr<net::ByteStream> stream, unsigned attachment) {
  bool begun = false;
  std::uint64_t position = 0;
  for (;;) {
    if (stopped_) co_return Error(ErrorCode::cancelled, "the work was given up");
    if (attachment != attachment_) co_return Error(ErrorCode::conflict, "the answer was asked for on another stream");
    Result<std::string> frame = std::string();
    if (begun) {
      frame = co_await next_frame(position);
      if (!frame) co_return frame.error();
    } else if (head_) {
      begun = true;
      wire::WorkerWorkFrame message;
      *message.mutable_response() = *head_;
      frame = wire::encode_frame(message);
    }
    if (!frame->empty()) {
      const auto written = co_await stream->write(as_bytes(*frame));
      if (!written) co_return written.error();
      if (!passed_unspooled_ || unspooled_.empty()) continue;
      unspooled_ = {};
      changed_.notify();
    } else if (outcome_) {
      co_return *outcome_;
    } else {
      co_await changed_.wait();
    }
  }
}

// ---- Leases ----

Leases::Leases(asio::any_io_executor executor, Options options, std::shared_ptr<SpoolRoom> room)
    : executor_(executor), options_(std::move(options)), room_(std::move(room)), tasks_(executor) {}

bool Leases::can_begin() const { return !stopping_ && options_.grace.count() > 0 && works_.size() < wire::max_leases; }

Result<std::shared_ptr<LeasedWork>> Leases::begin(std::uint64_t lease, std::shared_ptr<EngineExchange> exchange) {
  if (works_.count(lease) > 0) return Error(ErrorCode::conflict, "there is work under this lease already");
  auto work = std::make_shared<LeasedWork>(executor_, lease, std::move(exchange), room_);
  works_.emplace(lease, work);
  tasks_.spawn("leased work", watch(work));
  return work;
}

Result<std::shared_ptr<LeasedWork>> Leases::find(std::uint64_t lease) const {
  const auto found = works_.find(lease);
  if (found == works_.end() || !found->second->complete())
    return Error(ErrorCode::not_found, "nothing is kept under this lease");
  return found->second;
}

asio::awaitable<void> Leases::watch(std::shared_ptr<LeasedWork> work) {
  work->tasks_.spawn("leased request", work->ask_engine(work));
  co_await work->tasks_.wait();
  options_.on_ended();
}

void Leases::stream_ended(std::shared_ptr<LeasedWork> work, unsigned attachment, StreamEnd how) {
  if (attachment != work->attachment_ || work->stopped_) return;
  work->attached_ = false;
  if (how == StreamEnd::lost && !stopping_ && work->complete() && (work->ended() || options_.may_go_on()))
    return keep(*work);
  forget(std::move(work));
}

void Leases::keep(LeasedWork& work) {
  work.grace_.expires_after(options_.grace);
  work.grace_.async_wait([this, lease = work.lease()](boost::system::error_code failure) {
    if (failure) return;
    const auto found = works_.find(lease);
    if (found == works_.end() || found->second->attached_) return;
    // It may have been put off after it was due.
    if (found->second->grace_.expiry() > std::chrono::steady_clock::now()) return;
    log().info("the work under lease {} is given up: the coordinator did not ask for it in time", lease);
    release(lease);
  });
}

void Leases::forget(std::shared_ptr<LeasedWork> work) {
  works_.erase(work->lease());
  work->stop();
}

std::vector<std::uint64_t> Leases::kept() const {
  std::vector<std::uint64_t> leases;
  for (const auto& [lease, work] : works_) {
    if (!work->attached_) leases.push_back(lease);
  }
  return leases;
}

void Leases::offered() {
  for (const auto& [lease, work] : works_) {
    if (!work->attached_) keep(*work);
  }
}

void Leases::release(std::uint64_t lease) {
  const auto found = works_.find(lease);
  if (found != works_.end()) forget(found->second);
}

void Leases::stop_unwatched() {
  for (const std::uint64_t lease : kept()) {
    const auto found = works_.find(lease);
    if (!found->second->ended()) forget(found->second);
  }
}

void Leases::stop() {
  stopping_ = true;
  for (const auto& [lease, work] : std::exchange(works_, {}))
    work->stop();
}

asio::awaitable<void> Leases::stopped() { co_await tasks_.wait(); }

}  // namespace gogrid::worker
