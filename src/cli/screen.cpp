#include "cli/screen.hpp"

#include <algorithm>

#include "cli/formatter/text.hpp"

namespace gogrid::cli {
namespace {

// DEC private modes 1049 (alternate screen) and 25 (cursor); ECMA-48 CUP, EL and ED.
constexpr const char* enter = "\x1b[?1049h\x1b[?25l";
constexpr const char* leave = "\x1b[?25h\x1b[?1049l";
constexpr const char* home = "\x1b[H";
constexpr const char* clear_line = "\x1b[K";
constexpr const char* clear_below = "\x1b[J";

}  // namespace

Screen::Screen(Terminal& terminal) : terminal_(terminal) { terminal_.out(enter); }

Screen::~Screen() { terminal_.out(leave); }

void Screen::draw(const std::vector<std::string>& lines) {
  const std::size_t rows = std::max<std::size_t>(terminal_.height(), 1);
  const std::size_t columns = std::max<std::size_t>(terminal_.width(), 1);
  // In one write, and without clearing first: nothing flickers.
  std::string page = home;
  for (std::size_t i = 0; i < std::min(lines.size(), rows); ++i) {
    if (i > 0) page += "\r\n";
    page += shorten_styled(lines[i], columns) + clear_line;
  }
  terminal_.out(page + clear_below);
}

}  // namespace gogrid::cli
