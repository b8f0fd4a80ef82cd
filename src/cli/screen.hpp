// A terminal taken over as a whole: pages are drawn in place on the alternate screen (xterm's 1049), and what was there
// before comes back at the end. One owner, one thread.
#pragma once

#include <string>
#include <vector>

#include "cli/terminal.hpp"

namespace gogrid::cli {

class Screen {
 public:
  explicit Screen(Terminal& terminal);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // Lines may be coloured; what does not fit the screen is cut.
  void draw(const std::vector<std::string>& lines);

 private:
  Terminal& terminal_;
};

}  // namespace gogrid::cli
