#include "net/quic/stream.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "net/quic/connection.hpp"

namespace gogrid::net::quic {
namespace {

namespace asio = boost::asio;

// Bytes of one stream that are kept for (re)transmission; write() waits above it.
constexpr std::size_t max_send_buffer_bytes = 256 * 1024;

Error cancelled_wait() { return Error(ErrorCode::cancelled, "the operation was cancelled"); }

}  // namespace

Ngtcp2Stream::Ngtcp2Stream(Ngtcp2Connection& connection, asio::any_io_executor executor, std::int64_t id)
    : connection_(&connection), executor_(std::move(executor)), id_(id) {}

std::shared_ptr<Stream> Ngtcp2Stream::make_handle(std::shared_ptr<Ngtcp2Stream> stream) {
  Stream* const pointer = stream.get();
  return std::shared_ptr<Stream>(pointer, [owner = std::move(stream)](Stream*) { owner->abandon(); });
}

// --- reading

asio::awaitable<Result<std::size_t>> Ngtcp2Stream::read_some(std::span<std::byte> buffer) {
  const auto self = shared_from_this();
  if (buffer.empty()) co_return Error(ErrorCode::invalid_argument, "read_some: the buffer is empty");
  for (;;) {
    if (failure_) co_return *failure_;
    if (unread() > 0) co_return take(buffer);
    if (fin_received_) co_return std::size_t{0};
    const bool woken = co_await readable_.wait(executor_);
    if (!woken) co_return cancelled_wait();
  }
}

std::size_t Ngtcp2Stream::take(std::span<std::byte> buffer) {
  const std::size_t count = std::min(buffer.size(), unread());
  std::memcpy(buffer.data(), received_.data() + read_, count);
  read_ += count;
  if (unread() == 0) {
    read_ = 0;
    received_ = {};
  }
  if (connection_) connection_->on_read(id_, count);
  return count;
}

void Ngtcp2Stream::on_data(std::span<const std::uint8_t> data, bool fin) {
  // Bytes move to the front only when that frees half of the buffer, so that each is moved once on average.
  if (read_ > 0 && read_ >= received_.size() / 2 && received_.size() + data.size() > received_.capacity()) {
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(read_));
    read_ = 0;
  }
  received_.insert(received_.end(), data.begin(), data.end());
  if (fin) fin_received_ = true;
  readable_.notify();
}

void Ngtcp2Stream::discard_received() {
  const std::size_t count = unread();
  received_ = {};
  read_ = 0;
  if (connection_ && count > 0) connection_->on_discarded(count);
}

// --- writing

asio::awaitable<Result<void>> Ngtcp2Stream::write(std::span<const std::byte> bytes) {
  const auto self = shared_from_this();
  for (;;) {
    if (failure_) co_return *failure_;
    if (write_failure_) co_return *write_failure_;
    if (finish_requested_ || !connection_) co_return Error(ErrorCode::invalid_argument, "write after finish");
    const std::size_t room = max_send_buffer_bytes - std::min(buffer_.size(), max_send_buffer_bytes);
    const std::size_t count = std::min(room, bytes.size());
    if (count > 0) {
      buffer_.append(bytes.first(count));
      bytes = bytes.subspan(count);
      connection_->want_send(*this, true);
    }
    if (bytes.empty()) co_return Result<void>();
    const bool woken = co_await writable_.wait(executor_);
    if (!woken) co_return cancelled_wait();
  }
}

asio::awaitable<Result<void>> Ngtcp2Stream::finish() {
  if (failure_) co_return *failure_;
  if (write_failure_) co_return *write_failure_;
  if (!finish_requested_ && connection_) {
    finish_requested_ = true;
    // An end that follows its data goes with it; one that comes alone can wait for company.
    connection_->want_send(*this, false);
  }
  co_return Result<void>();
}

Ngtcp2Stream::Outgoing Ngtcp2Stream::outgoing(std::span<ngtcp2_vec> views) const {
  std::array<std::span<const std::uint8_t>, 16> spans;
  bool complete = false;
  Outgoing result;
  result.count = buffer_.unsent(std::span(spans).first(std::min(spans.size(), views.size())), complete);
  for (std::size_t i = 0; i < result.count; ++i) {
    views[i] = {const_cast<std::uint8_t*>(spans[i].data()), spans[i].size()};
    result.bytes += spans[i].size();
  }
  result.fin = complete && finish_requested_ && !fin_sent_;
  return result;
}

bool Ngtcp2Stream::has_outgoing() const {
  if (failure_ || write_failure_) return false;
  return buffer_.unsent_bytes() > 0 || (finish_requested_ && !fin_sent_);
}

void Ngtcp2Stream::on_sent(std::size_t bytes, bool fin) {
  buffer_.mark_sent(bytes);
  if (fin) fin_sent_ = true;
}

void Ngtcp2Stream::on_acked(std::size_t bytes) {
  buffer_.release(bytes);
  // Half of the buffer at a time: a writer that is woken for every packet costs more than it gains.
  if (buffer_.size() <= max_send_buffer_bytes / 2) writable_.notify();
}

void Ngtcp2Stream::on_write_refused() {
  unlink();
  if (write_failure_) return;
  write_failure_ = Error(ErrorCode::cancelled, "the peer stopped reading the stream");
  writable_.notify();
}

// --- ending

void Ngtcp2Stream::fail(Error error) {
  if (!failure_) failure_ = std::move(error);
  if (is_linked()) unlink();
  readable_.notify();
  writable_.notify();
}

void Ngtcp2Stream::reset(std::uint64_t code) noexcept {
  if (failure_) return;
  if (connection_) connection_->shut_stream(id_, code);
  discard_received();
  fail(Error(ErrorCode::cancelled, "the stream was closed"));
}

void Ngtcp2Stream::abandon() noexcept {
  if (failure_ || !connection_) return;
  if (!finish_requested_) return reset(0);
  // What was finished is still sent; nobody will read what comes.
  delivering_ = true;
  discard_received();
  if (!fin_received_) connection_->stop_reading(id_, 0);
}

bool Ngtcp2Stream::on_peer_reset(std::uint64_t code) {
  // The answer to our STOP_SENDING.
  if (delivering_) return false;
  discard_received();
  fail(Error(ErrorCode::cancelled, "the peer reset the stream (code " + std::to_string(code) + ")"));
  return true;
}

void Ngtcp2Stream::on_transport_closed(std::optional<std::uint64_t> code) {
  if (is_linked()) unlink();
  if (code && !failure_) {
    // Our writing was refused, or their sending was: what arrived in full can still be read.
    if (!fin_received_)
      fail(Error(ErrorCode::cancelled, "the peer reset the stream (code " + std::to_string(*code) + ")"));
    else if (!fin_sent_)
      on_write_refused();
  }
  // What is unread no longer counts against the connection's window: there are only as many such streams as we let run.
  if (connection_ && unread() > 0) connection_->on_discarded(unread());
  connection_ = nullptr;
  buffer_ = {};
  readable_.notify();
  writable_.notify();
}

void Ngtcp2Stream::on_connection_over(const Error& error, bool keep_complete) {
  connection_ = nullptr;
  buffer_ = {};
  if (is_linked()) unlink();
  if (!failure_) lost_ = true;
  if (keep_complete && fin_received_ && !failure_) {
    if (!write_failure_) write_failure_ = error;
    readable_.notify();
    writable_.notify();
    return;
  }
  received_ = {};
  read_ = 0;
  fail(error);
}

}  // namespace gogrid::net::quic
