#include "cli/status_line.hpp"

#include "base/utf8.hpp"
#include "cli/formatter/text.hpp"

namespace gogrid::cli {

std::size_t StatusLine::width() const {
  const std::size_t width = terminal_.width();
  return width > 1 ? width - 1 : 1;
}

void StatusLine::show(const std::string& text) {
  if (!terminal_.error_is_terminal()) return;
  // CSI K clears what a longer line left.
  terminal_.error("\r" + shorten(printable(text), width()) + "\x1b[K");
  drawn_ = true;
}

void StatusLine::note(const std::string& line) {
  clear();
  terminal_.error(line + "\n");
}

void StatusLine::clear() {
  if (drawn_) terminal_.error("\r\x1b[K");
  drawn_ = false;
}

}  // namespace gogrid::cli
