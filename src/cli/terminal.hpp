// Where a command's text goes and comes from: an interface, so that commands can be tested. One owner, one thread;
// reads block.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace gogrid::cli {

class Terminal {
 public:
  struct Line {
    enum class Kind { text, end, interrupted };
    Kind kind = Kind::end;
    std::string text;
  };

  virtual ~Terminal() = default;

  // Standard output, for what was asked for. Written at once.
  virtual void out(std::string_view text) = 0;
  // Standard error, for everything else.
  virtual void error(std::string_view text) = 0;

  virtual bool input_is_terminal() const = 0;
  virtual bool output_is_terminal() const = 0;
  virtual bool error_is_terminal() const = 0;
  // Columns and rows of the terminal.
  virtual std::size_t width() const = 0;
  virtual std::size_t height() const = 0;

  // Keys as they are pressed, unseen, until the end of its life; Ctrl-C still is a signal, and Ctrl-Z nothing.
  class Keys {
   public:
    virtual ~Keys() = default;
    // To wait for and read from; left in its blocking mode.
    virtual int descriptor() const = 0;
  };
  // Where input is a terminal.
  virtual std::unique_ptr<Keys> keys() = 0;

  // A line without its end, edited by the person where input is a terminal; `remember` puts it in the history of this
  // run.
  virtual Line read_line(const std::string& prompt, bool remember) = 0;
  // A line that is not shown as it is typed. Where input is no terminal: its next line, without a prompt. `cancelled`
  // on Ctrl-C.
  virtual Result<std::string> read_secret(const std::string& prompt) = 0;
  // All of standard input; more than `limit_bytes` is too_large.
  virtual Result<std::string> read_input(std::size_t limit_bytes) = 0;
  // What comes next of it, a buffer full or what there is; 0 at its end.
  virtual Result<std::size_t> read_input_some(std::span<std::byte> buffer) = 0;
};

// The process's own standard streams.
std::unique_ptr<Terminal> make_terminal();

// Asks; only "y" or "yes" is yes. Where input is no terminal nobody can be asked, and it is yes: scripts mean what they
// say.
bool confirm(Terminal& terminal, const std::string& question, bool assume_yes);

}  // namespace gogrid::cli
