#include "net/connection_io.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/encoding.hpp"

namespace gogrid::net {
namespace asio = boost::asio;
namespace {

constexpr std::size_t small_buffer_bytes = 4 * 1024;
constexpr std::size_t large_buffer_bytes = 64 * 1024;
// A chunk with its framing is one TLS record.
constexpr std::size_t max_record_bytes = 16 * 1024;
constexpr std::size_t chunk_framing_bytes = 8;
// A peer that takes less than this of what waits for it is as good as gone.
constexpr std::uint64_t min_write_rate_bytes = 256;

}  // namespace

ConnectionInput::ConnectionInput(asio::any_io_executor executor, SocketStream& stream)
    : executor_(executor), stream_(stream), deadline_(executor, [this] {
        timed_out_ = true;
        stream_.cancel();
      }) {}

std::string_view ConnectionInput::bytes() const { return as_text(std::span(buffer_).subspan(begin_, end_ - begin_)); }

void ConnectionInput::consume(std::size_t count) {
  begin_ += count;
  // A pending read has its place in the buffer.
  if (begin_ == end_ && !watching_) begin_ = end_ = 0;
}

void ConnectionInput::shrink() {
  if (end_ == 0 && buffer_.size() > small_buffer_bytes && !watching_) std::vector<std::byte>().swap(buffer_);
}

void ConnectionInput::make_room() {
  // A read that filled the buffer: more is coming.
  if (std::exchange(filled_, false) && buffer_.size() < large_buffer_bytes) buffer_.resize(buffer_.size() * 2);
  if (end_ < buffer_.size()) return;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ * 2 >= buffer_.size()) buffer_.resize(std::max(small_buffer_bytes, buffer_.size() * 2));
}

asio::awaitable<Result<std::size_t>> ConnectionInput::read_more() {
  make_room();
  const auto count = co_await stream_.read_some(std::span(buffer_).subspan(end_));
  if (count) end_ += *count;
  filled_ = end_ == buffer_.size();
  // A cancelled read took nothing from the stream, which lives on.
  if ((count && *count == 0) || (!count && count.error().code != ErrorCode::cancelled)) ended_ = count;
  co_return count;
}

asio::awaitable<Result<std::size_t>> ConnectionInput::fill(Deadline::TimePoint until) {
  if (!watching_ && ended_) co_return *ended_;
  timed_out_ = false;
  deadline_.set(until);
  // Two statements, not `?:`: gcc 12 destroys the temporary of the branch that was not taken.
  Result<std::size_t> count = std::size_t{0};
  if (watching_) {
    count = co_await wait_for_watcher();
  } else {
    count = co_await read_more();
  }
  deadline_.clear();
  if (timed_out_) co_return Error(ErrorCode::timeout, "nothing arrived in time");
  co_return count;
}

asio::awaitable<Result<std::size_t>> ConnectionInput::read_body(MessageParser& parser, std::span<std::byte> out,
                                                                std::chrono::milliseconds timeout) {
  for (;;) {
    auto taken = take_body(parser, out);
    if (!taken || *taken > 0 || parser.done() || out.empty()) co_return taken;
    const auto remaining = parser.remaining();
    if (remaining && bytes().empty() && !watching_ && !ended_) co_return co_await read_directly(parser, out, timeout);
    const auto until = timeout.count() == 0 ? Deadline::TimePoint::max() : std::chrono::steady_clock::now() + timeout;
    const auto count = co_await fill(until);
    if (!count) co_return count.error();
    if (*count == 0) {
      const auto ended = parser.end_of_input();
      if (!ended) co_return ended.error();
    }
  }
}

// A body of known size is read to where it shall go, without a copy.
asio::awaitable<Result<std::size_t>> ConnectionInput::read_directly(MessageParser& parser, std::span<std::byte> out,
                                                                    std::chrono::milliseconds timeout) {
  timed_out_ = false;
  deadline_.set_after(timeout);
  out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), *parser.remaining())));
  const auto count = co_await stream_.read_some(out);
  deadline_.clear();
  if (timed_out_) co_return Error(ErrorCode::timeout, "nothing arrived in time");
  if (!count) co_return count.error();
  if (*count == 0) {
    ended_ = count;
    co_return parser.end_of_input().error();
  }
  const auto piece = parser.read_body(as_text(out.first(*count)), *count);
  if (!piece) co_return piece.error();
  co_return *count;
}

// Fills `out` from what is buffered; consecutive chunks make one part.
Result<std::size_t> ConnectionInput::take_body(MessageParser& parser, std::span<std::byte> out) {
  std::size_t taken = 0;
  while (!parser.done() && !bytes().empty()) {
    const auto piece = parser.read_body(bytes(), out.size() - taken);
    // What was good before it is worth nothing: the message is refused.
    if (!piece) return piece.error();
    if (!piece->body.empty()) std::memcpy(out.data() + taken, piece->body.data(), piece->body.size());
    taken += piece->body.size();
    if (piece->used == 0) break;
    consume(piece->used);
  }
  return taken;
}

struct ConnectionInput::Watching {
  Watching(ConnectionInput& its_input, std::shared_ptr<void> its_owner)
      : input(its_input), owner(std::move(its_owner)) {
    input.watching_ = true;
  }
  // However the task ends: started or not, cancelled or not.
  ~Watching() { stop(); }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

  void stop() {
    if (!std::exchange(input.watching_, false)) return;
    if (input.arrived_) input.arrived_->cancel();
  }

  ConnectionInput& input;
  std::shared_ptr<void> owner;
};

void ConnectionInput::watch(TaskGroup& tasks, std::shared_ptr<void> owner, std::function<void()> on_end) {
  on_end_ = std::move(on_end);
  if (!watching_ && on_end_) tasks.spawn("http watch", watch_task(std::make_unique<Watching>(*this, std::move(owner))));
}

void ConnectionInput::unwatch() { on_end_ = nullptr; }

asio::awaitable<void> ConnectionInput::watch_task(std::unique_ptr<Watching> watching) {
  ConnectionInput& input = watching->input;
  bool broken = input.ended_.has_value();
  while (!broken && input.on_end_ && input.end_ - input.begin_ < large_buffer_bytes) {
    const auto count = co_await input.read_more();
    if (!count && count.error().code == ErrorCode::cancelled && input.timed_out_) break;
    broken = !count || *count == 0;
    ++input.arrivals_;
    if (input.arrived_) input.arrived_->cancel();
  }
  watching->stop();
  const auto on_end = std::exchange(input.on_end_, nullptr);
  if (broken && on_end) on_end();
}

asio::awaitable<Result<std::size_t>> ConnectionInput::wait_for_watcher() {
  const auto before = arrivals_;
  const auto had = bytes().size();
  if (!arrived_) arrived_.emplace(executor_, asio::steady_timer::time_point::max());
  while (watching_ && arrivals_ == before) {
    co_await arrived_->async_wait(asio::as_tuple(asio::use_awaitable));
  }
  if (bytes().size() > had) co_return bytes().size() - had;
  if (ended_) co_return *ended_;
  co_return Error(ErrorCode::cancelled, "the read was cancelled");
}

ConnectionOutput::ConnectionOutput(asio::any_io_executor executor, SocketStream& stream,
                                   std::chrono::milliseconds timeout)
    : stream_(stream), timeout_(timeout), deadline_(std::move(executor), [this] { check_progress(); }) {}

void ConnectionOutput::check_progress() {
  const auto written = stream_.bytes_written();
  const auto wanted = min_write_rate_bytes * static_cast<std::uint64_t>(timeout_.count()) / 1000;
  if (written - std::exchange(progress_, written) < std::max<std::uint64_t>(wanted, 1)) return stream_.close();
  deadline_.set_after(timeout_);
}

asio::awaitable<Result<void>> ConnectionOutput::flush() { return write({}); }

asio::awaitable<Result<void>> ConnectionOutput::write(std::string_view bytes) {
  if (!held_.empty()) {
    std::string head = std::exchange(held_, std::string());
    co_return co_await write_with_head(std::move(head), bytes);
  }
  if (bytes.empty()) co_return Result<void>();
  progress_ = stream_.bytes_written();
  deadline_.set_after(timeout_);
  auto written = co_await stream_.write(as_bytes(bytes));
  deadline_.clear();
  co_return written;
}

asio::awaitable<Result<void>> ConnectionOutput::write_with_head(std::string head, std::string_view body) {
  if (head.size() + body.size() <= max_record_bytes) {
    head += body;
    co_return co_await write(head);
  }
  auto written = co_await write(head);
  if (!written) co_return written;
  co_return co_await write(body);
}

asio::awaitable<Result<void>> ConnectionOutput::write_chunks(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, max_record_bytes - chunk_framing_bytes);
    char size[2 * sizeof(std::size_t) + 3];
    const int length = std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    scratch_.assign(size, static_cast<std::size_t>(length));
    scratch_ += part;
    scratch_ += "\r\n";
    auto written = co_await write(scratch_);
    if (!written) co_return written;
    bytes.remove_prefix(part.size());
  }
  co_return Result<void>();
}

asio::awaitable<Result<void>> ConnectionOutput::write_last_chunk() { return write("0\r\n\r\n"); }

}  // namespace gogrid::net
