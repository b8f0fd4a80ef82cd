#include "cli/terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "cli/line_editor.hpp"

namespace gogrid::cli {
namespace {

constexpr std::size_t max_line_bytes = 1024 * 1024;
constexpr char ctrl_c = 3;
constexpr char ctrl_d = 4;
constexpr char ctrl_u = 21;
constexpr char backspace = 8;
constexpr char delete_key = 127;

// Characters come one by one, unseen, until the end of the scope. Ctrl-C is one of them, or a signal as ever.
class SilentInput {
 public:
  enum class CtrlC { character, signal };

  explicit SilentInput(CtrlC ctrl_c_is = CtrlC::character) {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    changed_ = true;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);
    if (ctrl_c_is == CtrlC::character) {
      silent.c_lflag &= ~static_cast<tcflag_t>(ISIG);
    } else {
      // A view that is suspended would leave its screen behind.
      silent.c_cc[VSUSP] = _POSIX_VDISABLE;
    }
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~SilentInput() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  SilentInput(const SilentInput&) = delete;
  SilentInput& operator=(const SilentInput&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

// One byte; 0 bytes at the end.
ssize_t read_byte(char& byte) {
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
    if (count >= 0 || errno != EINTR) return count;
  }
}

// Byte by byte, so that nothing behind the line is taken.
Terminal::Line read_plain_line() {
  Terminal::Line line;
  char byte = 0;
  while (line.text.size() < max_line_bytes) {
    if (read_byte(byte) <= 0) break;
    line.kind = Terminal::Line::Kind::text;
    if (byte == '\n') break;
    line.text += byte;
  }
  if (line.text.ends_with('\r')) line.text.pop_back();
  return line;
}

class RawKeys final : public Terminal::Keys {
 public:
  int descriptor() const override { return STDIN_FILENO; }

 private:
  SilentInput silent_{SilentInput::CtrlC::signal};
};

class ProcessTerminal final : public Terminal {
 public:
  void out(std::string_view text) override {
    if (write_fully(STDOUT_FILENO, as_bytes(text))) return;
    // The reader of the pipe has left (then SIGPIPE has ended us already), or the disk is full.
    error("gogrid: cannot write to standard output\n");
    std::_Exit(1);
  }
  void error(std::string_view text) override { (void)write_fully(STDERR_FILENO, as_bytes(text)); }

  bool input_is_terminal() const override { return ::isatty(STDIN_FILENO) == 1; }
  bool output_is_terminal() const override { return ::isatty(STDOUT_FILENO) == 1; }
  bool error_is_terminal() const override { return ::isatty(STDERR_FILENO) == 1; }

  std::size_t width() const override {
    constexpr std::size_t usual_width = 80;
    const std::size_t width = size().ws_col;
    return width > 0 ? width : usual_width;
  }
  std::size_t height() const override {
    constexpr std::size_t usual_height = 24;
    const std::size_t height = size().ws_row;
    return height > 0 ? height : usual_height;
  }

  std::unique_ptr<Keys> keys() override { return std::make_unique<RawKeys>(); }

  Line read_line(const std::string& prompt, bool remember) override {
    if (!input_is_terminal()) return read_plain_line();
    if (!editor_) editor_ = make_line_editor();
    return editor_->read_line(prompt, remember);
  }

  Result<std::string> read_secret(const std::string& prompt) override {
    if (!input_is_terminal()) {
      Line line = read_plain_line();
      if (line.kind != Line::Kind::text) return Error(ErrorCode::invalid_argument, "standard input is empty");
      return std::move(line.text);
    }
    error(prompt);
    auto secret = read_silently();
    error("\n");
    return secret;
  }

  Result<std::string> read_input(std::size_t limit_bytes) override {
    std::string text;
    std::array<std::byte, 16 * 1024> buffer;
    for (;;) {
      const auto count = read_fully(STDIN_FILENO, buffer);
      if (!count) return count.error();
      text += as_text(std::span(buffer).first(*count));
      if (text.size() > limit_bytes) {
        return Error(ErrorCode::too_large, "standard input is longer than " + std::to_string(limit_bytes) + " bytes");
      }
      if (*count < buffer.size()) return text;
    }
  }
  Result<std::size_t> read_input_some(std::span<std::byte> buffer) override { return read_fully(STDIN_FILENO, buffer); }

 private:
  static winsize size() {
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) (void)::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    return size;
  }

  static Result<std::string> read_silently() {
    const SilentInput silent;
    std::string secret;
    char byte = 0;
    while (read_byte(byte) == 1 && secret.size() < max_line_bytes) {
      switch (byte) {
        case '\r':
        case '\n':
          return secret;
        case ctrl_c:
          return Error(ErrorCode::cancelled, "interrupted");
        case ctrl_d:
          if (secret.empty()) return Error(ErrorCode::cancelled, "nothing was entered");
          return secret;
        case ctrl_u:
          secret.clear();
          break;
        case backspace:
        case delete_key:
          if (!secret.empty()) secret.pop_back();
          break;
        default:
          secret += byte;
      }
    }
    return secret;
  }

  std::unique_ptr<LineEditor> editor_;
};

}  // namespace

std::unique_ptr<Terminal> make_terminal() { return std::make_unique<ProcessTerminal>(); }

bool confirm(Terminal& terminal, const std::string& question, bool assume_yes) {
  if (assume_yes || !terminal.input_is_terminal()) return true;
  const Terminal::Line line = terminal.read_line(question + " [y/N] ", false);
  return line.kind == Terminal::Line::Kind::text && (line.text == "y" || line.text == "Y" || line.text == "yes");
}

}  // namespace gogrid::cli
