#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <optional>

#include "net/socket_stream.hpp"

namespace gogrid::net {
namespace asio = boost::asio;
namespace {

constexpr auto token = asio::as_tuple(asio::use_awaitable);

class PlainStream final : public SocketStream {
 public:
  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}
  ~PlainStream() override { resume(); }

  asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> buffer) override {
    resume();
    if (!socket_.is_open()) co_return Error(ErrorCode::cancelled, "the connection was closed");
    const auto [failure, count] = co_await socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()), token);
    if (failure == asio::error::eof) co_return std::size_t{0};
    if (failure) co_return socket_error("read", failure);
    co_return count;
  }

  // Most writes fit the socket's buffer: those take one system call and no turn of the event loop.
  asio::awaitable<Result<void>> write(std::span<const std::byte> bytes) override {
    resume();
    while (!bytes.empty()) {
      if (!socket_.is_open()) co_return Error(ErrorCode::cancelled, "the connection was closed");
      const auto count = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count >= 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        written_ += static_cast<std::uint64_t>(count);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        if (!co_await wait_writable(socket_)) co_return Error(ErrorCode::cancelled, "the write was cancelled");
      } else if (errno != EINTR) {
        co_return system_error("write", errno);
      }
    }
    co_return Result<void>();
  }

  asio::awaitable<Result<void>> finish() override {
    resume();
    boost::system::error_code failure;
    socket_.shutdown(Socket::shutdown_send, failure);
    if (failure) co_return socket_error("shut down", failure);
    co_return Result<void>();
  }

  void close() noexcept override {
    resume();
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  void cancel() noexcept override {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
  }

  Arrived poll() noexcept override {
    resume();
    if (!socket_.is_open()) return Arrived::end;
    char byte;
    const auto count = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (count > 0) return Arrived::bytes;
    return count < 0 && (errno == EAGAIN || errno == EINTR) ? Arrived::nothing : Arrived::end;
  }

  void pause() noexcept override {
    if (!socket_.is_open()) return;
    boost::system::error_code failure;
    const auto protocol = socket_.local_endpoint(failure).protocol();
    if (failure) return;
    const int descriptor = socket_.release(failure);
    if (failure) return;
    paused_ = Paused{protocol, descriptor};
  }

  std::uint64_t bytes_written() const override { return written_; }

 private:
  struct Paused {
    asio::generic::stream_protocol protocol;
    int descriptor;
  };

  // The reactor hears of every arrival for as long as it knows the socket.
  void resume() noexcept {
    if (!paused_) return;
    boost::system::error_code failure;
    socket_.assign(paused_->protocol, paused_->descriptor, failure);
    if (failure) ::close(paused_->descriptor);
    paused_.reset();
  }

  Socket socket_;
  std::optional<Paused> paused_;
  std::uint64_t written_ = 0;
};

}  // namespace

std::unique_ptr<SocketStream> make_plain_stream(Socket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

asio::awaitable<bool> wait_writable(Socket& socket) {
  const auto [failure] = co_await socket.async_wait(Socket::wait_write, token);
  co_return !failure;
}

asio::awaitable<bool> wait_readable(Socket& socket) {
  const auto [failure] = co_await socket.async_wait(Socket::wait_read, token);
  co_return !failure;
}

Error socket_error(std::string_view what, const boost::system::error_code& failure) {
  if (failure == asio::error::operation_aborted || failure == asio::error::bad_descriptor) {
    return Error(ErrorCode::cancelled, std::string(what) + " was cancelled");
  }
  if (failure.category() == boost::system::system_category()) return system_error(what, failure.value());
  return Error(ErrorCode::io, std::string(what) + ": " + failure.message());
}

}  // namespace gogrid::net
