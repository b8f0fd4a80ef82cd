#include <sys/inotify.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

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

SettingsWatch::SettingsWatch(asio::any_io_executor executor, std::filesystem::path path)
    : path_(std::move(path)), files_(executor), settle_(executor) {
  arm();
}

void SettingsWatch::stop() {
  stopped_ = true;
  files_.stop();
  settle_.cancel();
}

void SettingsWatch::arm() {
  for (const auto& [watch, names] : names_)
    files_.remove(watch);
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
    auto watch = files_.add(name.parent_path(), event_mask);
    while (!watch && name.parent_path().has_relative_path()) {
      name = name.parent_path();
      watch = files_.add(name.parent_path(), event_mask);
    }
    if (!watch) {
      failure_ = watch.error().detail;
      return;
    }
    names_[*watch].insert(name.filename().string());
    std::error_code failure;
    if (name == path || !std::filesystem::is_directory(name, failure)) return;
  }
}

bool SettingsWatch::concern(const std::vector<FileWatch::Event>& events) const {
  return std::any_of(events.begin(), events.end(), [this](const FileWatch::Event& event) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) return true;
    const auto found = names_.find(event.watch);
    return found != names_.end() && ((event.mask & lost_mask) != 0 || found->second.contains(event.name));
  });
}

asio::awaitable<Result<void>> SettingsWatch::changed() {
  using Clock = std::chrono::steady_clock;
  std::vector<FileWatch::Event> events;
  while (!concern(events)) {
    if (names_.empty())
      co_return Error(ErrorCode::unavailable, "cannot watch the directory of " + path_.string() + ": " + failure_);
    auto heard = co_await files_.next();
    if (!heard) co_return heard.error();
    events = std::move(*heard);
  }
  const auto end = Clock::now() + longest_settle;
  while (concern(events) && Clock::now() < end) {
    arm();
    settle_.expires_at(std::min(Clock::now() + settle_time, end));
    co_await settle_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (stopped_) co_return Error(ErrorCode::cancelled, "stopped");
    events = files_.take();
  }
  co_return Result<void>();
}

}  // namespace gogrid::worker
