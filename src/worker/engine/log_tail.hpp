// LogTail: the last lines an engine wrote, bounded, as valid UTF-8 with control characters made harmless. Owned by one
// engine's supervisor.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace gogrid::worker {

class LogTail {
 public:
  static constexpr std::size_t max_lines = 40;
  static constexpr std::size_t max_line_bytes = 400;

  // Takes output as it comes; `on_line` hears each line that became complete.
  void feed(std::string_view text, const std::function<void(const std::string&)>& on_line);
  // The last `lines` lines, an unfinished one included.
  std::string text(std::size_t lines = max_lines) const;

 private:
  void end_line(const std::function<void(const std::string&)>& on_line);

  std::deque<std::string> lines_;
  std::string line_;
};

}  // namespace gogrid::worker
