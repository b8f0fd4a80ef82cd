#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "worker/file_watch.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::size_t buffer_bytes = 4 * 1024;

}  // namespace

FileWatch::FileWatch(asio::any_io_executor executor) : descriptor_(executor) {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd >= 0) descriptor_.assign(fd);
}

Result<int> FileWatch::add(const std::filesystem::path& path, std::uint32_t mask) {
  if (!descriptor_.is_open()) return Error(ErrorCode::resource_exhausted, "no more inotify instances for this user");
  const int watch = ::inotify_add_watch(descriptor_.native_handle(), path.c_str(), mask);
  if (watch < 0) return system_error(path.string(), errno);
  return watch;
}

void FileWatch::remove(int watch) {
  if (descriptor_.is_open()) ::inotify_rm_watch(descriptor_.native_handle(), watch);
}

std::vector<FileWatch::Event> FileWatch::take() {
  std::vector<Event> events;
  if (!descriptor_.is_open()) return events;
  std::array<char, buffer_bytes> buffer;
  for (;;) {
    const auto count = ::read(descriptor_.native_handle(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return events;
    const auto end = static_cast<std::size_t>(count);
    for (std::size_t at = 0; at + sizeof(inotify_event) <= end;) {
      inotify_event head;
      std::memcpy(&head, buffer.data() + at, sizeof head);
      const char* name = buffer.data() + at + sizeof head;
      Event event;
      event.watch = head.wd;
      event.mask = head.mask;
      event.name.assign(name, ::strnlen(name, head.len));
      events.push_back(std::move(event));
      at += sizeof head + head.len;
    }
  }
}

asio::awaitable<Result<std::vector<FileWatch::Event>>> FileWatch::next() {
  for (;;) {
    if (stopped_) co_return Error(ErrorCode::cancelled, "stopped");
    if (!descriptor_.is_open()) co_return Error(ErrorCode::resource_exhausted, "no inotify instance");
    auto events = take();
    if (!events.empty()) co_return std::move(events);
    const auto [failure] =
        co_await descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
    if (failure) co_return Error(ErrorCode::cancelled, "stopped");
  }
}

void FileWatch::stop() {
  stopped_ = true;
  boost::system::error_code ignored;
  descriptor_.close(ignored);
}

}  // namespace gogrid::worker
