// Edits one line on a terminal, with history (arrow keys, Ctrl-R). Used from one thread; reading blocks it.
#pragma once

#include <memory>
#include <string>

#include "cli/terminal.hpp"

namespace gogrid::cli {

class LineEditor {
 public:
  virtual ~LineEditor() = default;
  // On standard input, shown on standard error. Ctrl-C is `interrupted`, Ctrl-D on an empty line `end`.
  virtual Terminal::Line read_line(const std::string& prompt, bool remember) = 0;
};

// With libedit.
std::unique_ptr<LineEditor> make_line_editor();

}  // namespace gogrid::cli
