// TerminalIdle: hears input on the terminals of console and SSH sessions. The kernel tells of the first read after a
// while, so that typing costs nothing; how long ago the last one was, the terminal's access time tells. Owned by
// IdleWatch; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/task_group.hpp"
#include "worker/activity/idle_source.hpp"
#include "worker/file_watch.hpp"
#include "worker/notifier.hpp"

namespace gogrid::worker {

// The terminals ("pts/0", "tty1") of the sessions in a file as utmp(5) describes it, each once.
std::vector<std::string> parse_utmp(std::string_view bytes);

struct TerminalOptions {
  // The system's record of sessions. Where there is none, every pseudo-terminal of this user counts.
  std::filesystem::path utmp = "/run/utmp";
};

class TerminalIdle final : public IdleSource {
 public:
  TerminalIdle(boost::asio::any_io_executor executor, TerminalOptions options, std::chrono::milliseconds idle_after,
               std::function<void()> on_change);

  void start() override;
  void set_idle_after(std::chrono::milliseconds idle_after) override;
  void stop() override;
  boost::asio::awaitable<void> stopped() override;
  SourceReport report() const override { return report_; }

 private:
  struct Terminal {
    // As the system keeps it; 0: not known yet.
    std::int64_t accessed_ns = 0;
    int watch = -1;
    bool may_watch = true;
  };

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> watch_sessions();
  boost::asio::awaitable<void> watch_input();
  std::vector<std::string> sessions() const;
  void look();
  void arm(const std::string& name, Terminal& terminal);
  // Moves the last input on when it has changed.
  void read_access_time(const std::string& name, Terminal& terminal);
  bool all_watched() const;
  void set(SourceState state, SteadyTime since, std::string detail);

  TerminalOptions options_;
  std::chrono::milliseconds idle_after_;
  std::function<void()> on_change_;
  FileWatch session_files_;
  FileWatch inputs_;
  Notifier news_;
  std::map<std::string, Terminal> terminals_;
  SteadyTime last_input_{};
  SourceReport report_;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace gogrid::worker
