// One line on standard error that is drawn in place again and again, where that is a terminal; elsewhere it is not
// shown. One owner, one thread.
#pragma once

#include <string>

#include "cli/terminal.hpp"

namespace gogrid::cli {

class StatusLine {
 public:
  explicit StatusLine(Terminal& terminal) : terminal_(terminal) {}
  // Takes the line away.
  ~StatusLine() { clear(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  // What a line may be wide; a line that fills the last column would wrap on some terminals.
  std::size_t width() const;
  // Cut where the terminal is too narrow.
  void show(const std::string& text);
  // A line that stays, above this one.
  void note(const std::string& line);
  void clear();

 private:
  Terminal& terminal_;
  bool drawn_ = false;
};

}  // namespace gogrid::cli
