#include "terminal.hpp"

#include <termios.h>
#include <unistd.h>

#include <cstdio>

namespace gogrid::worker_app {
namespace {

constexpr std::size_t max_line_bytes = 4096;

// Turns the echo off for as long as it lives.
class Hidden {
 public:
  explicit Hidden(bool hide) : hides_(hide && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!hides_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  ~Hidden() {
    if (!hides_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputc('\n', stderr);
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  termios before_{};
  bool hides_;
};

bool read_line(std::string& line) {
  line.clear();
  char c = 0;
  bool any = false;
  while (::read(STDIN_FILENO, &c, 1) == 1) {
    any = true;
    if (c == '\n') return true;
    if (line.size() < max_line_bytes) line += c;
  }
  return any;
}

}  // namespace

bool can_ask() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

std::optional<std::string> ask(const std::string& question, const std::string& fallback, bool secret) {
  // Before the question: what is typed once that is seen is neither shown nor thrown away.
  const Hidden hidden(secret);
  std::fprintf(stderr, "%s%s: ", question.c_str(), fallback.empty() ? "" : (" [" + fallback + "]").c_str());
  std::string line;
  if (!read_line(line)) return std::nullopt;
  return line.empty() ? fallback : line;
}

std::string read_line_from_input() {
  std::string line;
  read_line(line);
  return line;
}

}  // namespace gogrid::worker_app
