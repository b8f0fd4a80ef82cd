#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "worker/settings_watch.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

// Quiet for so long, but told after `longest_settle` at the latest.
constexpr std::chrono::milliseconds settle_time{100};
constexpr std::chrono::milliseconds longest_settle{1000};
constexpr int max_looks = 4;
constexpr std::uint32_t event_mask = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
                                     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
// The directory itself is another one now, or events were lost.
constexpr std::uint32_t lost_mask = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW;

}  // namespace

Result<FileDescriptor> open_file_events() {
  FileDescriptor events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!events) return system_error("inotify", errno);
  return events;
}

SettingsWatch::SettingsWatch(asio::any_io_executor executor, FileDescriptor events, std::filesystem::path path)
    : path_(std::move(path)), events_(executor, events.release()), settle_(executor) {
  arm();
}

void SettingsWatch::stop() {
  boost::system::error_code ignored;
  events_.close(ignored);
  settle_.cancel();
}

void SettingsWatch::arm() {
  for (const auto& [watch, names] : names_)
    ::inotify_rm_watch(events_.native_handle(), watch);
  names_.clear();
  watch_way_to(path_);
  // What a link names may be written without the link.
  std::error_code failure;
  const auto target = std::filesystem::canonical(path_, failure);
  if (!failure && target != path_) watch_way_to(target);
}

// Its directory, or as much of the way there as there is.
void SettingsWatch::watch_way_to(const std::filesystem::path& path) {
  // What is made while this looks is found by the next look; one that cannot be watched stays so.
  for (int look = 0; look < max_looks; ++look) {
    auto name = path;
    int watch = -1;
    while (watch < 0 && name.has_relative_path()) {
      watch = ::inotify_add_watch(events_.native_handle(), name.parent_path().c_str(), event_mask);
      if (watch < 0) name = name.parent_path();
    }
    if (watch < 0) return;
    names_[watch].insert(name.filename().string());
    std::error_code failure;
    if (name == path || !std::filesystem::is_directory(name, failure)) return;
  }
}

Result<bool> SettingsWatch::take_events() {
  alignas(inotify_event) std::array<char, 4096> buffer;
  bool concerned = false;
  for (;;) {
    const auto count = ::read(events_.native_handle(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return concerned;
    if (count <= 0) return system_error("inotify", errno);
    for (std::size_t at = 0; at < static_cast<std::size_t>(count);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const std::string name(event.len > 0 ? buffer.data() + at + sizeof event : "");
      at += sizeof event + event.len;
      const auto found = names_.find(event.wd);
      const bool overflow = (event.mask & IN_Q_OVERFLOW) != 0;
      if (found == names_.end() && !overflow) continue;
      concerned = concerned || (event.mask & lost_mask) != 0 || found->second.contains(name);
    }
  }
}

asio::awaitable<Result<void>> SettingsWatch::changed() {
  using Clock = std::chrono::steady_clock;
  Clock::time_point first_heard{};
  for (;;) {
    if (!events_.is_open()) co_return Error(ErrorCode::cancelled, "stopped");
    const auto concerned = take_events();
    if (!concerned) co_return concerned.error();
    if (names_.empty()) co_return Error(ErrorCode::unavailable, "cannot watch the directory of " + path_.string());
    if (*concerned) {
      arm();
      if (first_heard == Clock::time_point()) first_heard = Clock::now();
      settle_.expires_at(std::min(Clock::now() + settle_time, first_heard + longest_settle));
      co_await settle_.async_wait(asio::as_tuple(asio::use_awaitable));
      if (Clock::now() >= first_heard + longest_settle) co_return Result<void>();
      continue;
    }
    if (first_heard != Clock::time_point()) co_return Result<void>();
    const auto [failure] =
        co_await events_.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
    if (failure) co_return Error(ErrorCode::cancelled, "stopped");
  }
}

}  // namespace gogrid::worker
