// FullScreenReport: what is known of programs that fill the screen, on one display or on several. Values, any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace gogrid::worker {

struct FullScreen {
  // The program's own name for itself, or its process's; may be empty.
  std::string program;

  friend bool operator==(const FullScreen&, const FullScreen&) = default;
};

struct FullScreenReport {
  enum class Sight {
    absent,  // no display to watch is there
    blind,   // it is there and does not tell
    watched,
  };

  // Nothing: no program does, or no display tells.
  std::optional<FullScreen> full_screen;
  Sight sight = Sight::absent;
  // What is watched, or why nothing is; for the owner.
  std::string detail;

  friend bool operator==(const FullScreenReport&, const FullScreenReport&) = default;
  // What they say together: displays that are absent are not mentioned where others are there.
  static FullScreenReport combine(const std::vector<FullScreenReport>& reports);
};

}  // namespace gogrid::worker
