#include "client/file_bytes.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/blocking.hpp"

namespace gogrid::client {
namespace asio = boost::asio;

Result<std::size_t> read_at(int fd, std::span<std::byte> buffer, std::uint64_t offset) {
  for (;;) {
    const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return system_error("reading the file", errno);
  }
}

Error file_shrank() {
  return Error(ErrorCode::conflict, "the file became shorter while it was read; run the command again");
}

asio::awaitable<Result<std::size_t>> next_bytes(asio::thread_pool& pool, int fd, std::uint64_t& position,
                                                std::uint64_t end, std::span<std::byte> buffer,
                                                std::function<void(std::uint64_t)> on_progress) {
  if (position == end) co_return std::size_t{0};
  const std::span<std::byte> room =
      buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - position)));
  auto work = [fd, room, at = position] { return read_at(fd, room, at); };
  const auto count = co_await run_blocking(pool, std::move(work));
  if (!count) co_return count.error();
  if (*count == 0) co_return file_shrank();
  position += *count;
  if (on_progress) on_progress(position);
  co_return *count;
}

}  // namespace gogrid::client
