#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utmp.h>

#include <algorithm>
#include <cstring>

#include "base/file.hpp"
#include "worker/activity/terminal_idle.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_utmp_bytes = 1024 * 1024;
constexpr std::size_t max_terminals = 64;
// The kernel moves a terminal's access time only when its last one lies in an earlier period of that length.
constexpr std::chrono::seconds access_time_step{8};
// For terminals of others, which this user may not watch.
constexpr std::chrono::seconds look_interval{5};
const std::filesystem::path devices = "/dev";

// A pseudo-terminal or a console: nothing that could lead out of /dev.
bool is_terminal_name(std::string_view name) {
  const bool pseudo = name.starts_with("pts/");
  if (!pseudo && !name.starts_with("tty")) return false;
  name.remove_prefix(pseudo ? 4 : 3);
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

void add_name(std::vector<std::string>& names, std::string name) {
  if (names.size() < max_terminals && std::find(names.begin(), names.end(), name) == names.end())
    names.push_back(std::move(name));
}

std::string list(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 3;
  std::string text = names.size() == 1 ? "terminal " : "terminals ";
  for (std::size_t i = 0; i < std::min(names.size(), shown); ++i)
    text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > shown) text += " and " + std::to_string(names.size() - shown) + " more";
  return text;
}

}  // namespace

std::vector<std::string> parse_utmp(std::string_view bytes) {
  std::vector<std::string> names;
  for (; bytes.size() >= sizeof(utmp); bytes.remove_prefix(sizeof(utmp))) {
    utmp entry;
    std::memcpy(&entry, bytes.data(), sizeof entry);
    if (entry.ut_type != USER_PROCESS) continue;
    std::string name(entry.ut_line, ::strnlen(entry.ut_line, sizeof entry.ut_line));
    if (is_terminal_name(name)) add_name(names, std::move(name));
  }
  return names;
}

TerminalIdle::TerminalIdle(asio::any_io_executor executor, TerminalOptions options,
                           std::chrono::milliseconds idle_after, std::function<void()> on_change)
    : options_(std::move(options)),
      idle_after_(idle_after),
      on_change_(std::move(on_change)),
      session_files_(executor),
      inputs_(executor),
      news_(executor),
      tasks_(executor) {
  report_.name = "terminals";
  report_.graphical = false;
  report_.detail = "no session on a terminal";
}

void TerminalIdle::start() {
  tasks_.spawn("terminal sessions", watch_sessions());
  tasks_.spawn("terminal input", watch_input());
  tasks_.spawn("terminals", run());
}

void TerminalIdle::set_idle_after(std::chrono::milliseconds idle_after) {
  idle_after_ = idle_after;
  news_.notify();
}

void TerminalIdle::stop() {
  stopping_ = true;
  session_files_.stop();
  inputs_.stop();
  news_.notify();
}

asio::awaitable<void> TerminalIdle::stopped() { co_await tasks_.wait(); }

asio::awaitable<void> TerminalIdle::watch_sessions() {
  if (!session_files_.add(options_.utmp, IN_MODIFY))
    (void)session_files_.add(devices / "pts", IN_CREATE | IN_DELETE | IN_ONLYDIR);
  for (;;) {
    const auto events = co_await session_files_.next();
    if (!events) co_return;
    news_.notify();
  }
}

asio::awaitable<void> TerminalIdle::watch_input() {
  for (;;) {
    const auto events = co_await inputs_.next();
    if (!events) co_return;
    for (const FileWatch::Event& event : *events) {
      if ((event.mask & IN_ACCESS) != 0) last_input_ = std::chrono::steady_clock::now();
      for (auto& [name, terminal] : terminals_) {
        if (terminal.watch != event.watch) continue;
        // It goes off once; and a terminal's watch ends with it.
        terminal.watch = -1;
        read_access_time(name, terminal);
      }
    }
    news_.notify();
  }
}

std::vector<std::string> TerminalIdle::sessions() const {
  if (const auto text = read_file(options_.utmp, max_utmp_bytes)) return parse_utmp(*text);
  std::vector<std::string> names;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(devices / "pts", failure)) {
    const std::string name = "pts/" + entry.path().filename().string();
    struct stat status {};
    if (name == "pts/ptmx" || ::stat(entry.path().c_str(), &status) != 0) continue;
    if (status.st_uid == ::getuid() && is_terminal_name(name)) add_name(names, name);
  }
  return names;
}

void TerminalIdle::arm(const std::string& name, Terminal& terminal) {
  if (terminal.watch >= 0) return;
  auto added = inputs_.add(devices / name, IN_ACCESS | IN_ONESHOT);
  terminal.may_watch = added.has_value();
  if (added) terminal.watch = *added;
}

void TerminalIdle::read_access_time(const std::string& name, Terminal& terminal) {
  struct stat status {};
  if (::stat((devices / name).c_str(), &status) != 0) return;
  constexpr std::int64_t ns_of_second = 1'000'000'000;
  const std::int64_t accessed_ns = status.st_atim.tv_sec * ns_of_second + status.st_atim.tv_nsec;
  if (accessed_ns == terminal.accessed_ns) return;
  const bool first = terminal.accessed_ns == 0;
  terminal.accessed_ns = accessed_ns;
  const auto now_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  // At the latest; and when it came, which is input too, it is exact.
  const std::int64_t latest_ns = first ? accessed_ns : accessed_ns + access_time_step.count() * ns_of_second;
  const std::chrono::nanoseconds ago(std::max<std::int64_t>(0, now_ns - latest_ns));
  last_input_ = std::max(last_input_, std::chrono::steady_clock::now() - ago);
}

void TerminalIdle::look() {
  const auto names = sessions();
  for (auto terminal = terminals_.begin(); terminal != terminals_.end();) {
    if (std::find(names.begin(), names.end(), terminal->first) != names.end()) {
      ++terminal;
      continue;
    }
    if (terminal->second.watch >= 0) inputs_.remove(terminal->second.watch);
    terminal = terminals_.erase(terminal);
  }
  std::error_code failure;
  for (const std::string& name : names) {
    // An entry may outlive its terminal.
    if (std::filesystem::exists(devices / name, failure)) terminals_.try_emplace(name);
  }
  const bool due = std::chrono::steady_clock::now() - last_input_ >= idle_after_;
  for (auto& [name, terminal] : terminals_) {
    if (!due && terminal.accessed_ns != 0) continue;
    arm(name, terminal);
    read_access_time(name, terminal);
  }
}

bool TerminalIdle::all_watched() const {
  return std::all_of(terminals_.begin(), terminals_.end(), [](const auto& entry) { return entry.second.may_watch; });
}

asio::awaitable<void> TerminalIdle::run() {
  while (!stopping_) {
    look();
    std::vector<std::string> names;
    for (const auto& [name, terminal] : terminals_)
      names.push_back(name);
    const auto now = std::chrono::steady_clock::now();
    if (names.empty()) {
      set(SourceState::idle, now, "no session on a terminal");
      co_await news_.wait();
      continue;
    }
    const bool idle = now - last_input_ >= idle_after_;
    set(idle ? SourceState::idle : SourceState::active, last_input_, list(names));
    if (!idle) {
      co_await news_.wait_until(last_input_ + idle_after_);
    } else if (all_watched()) {
      co_await news_.wait();
    } else {
      co_await news_.wait_for(look_interval);
    }
  }
}

void TerminalIdle::set(SourceState state, SteadyTime since, std::string detail) {
  const bool same = report_.state == state && report_.detail == detail;
  if (!same || state == SourceState::idle) report_.since = since;
  if (same) return;
  report_.state = state;
  report_.detail = std::move(detail);
  on_change_();
}

}  // namespace gogrid::worker
