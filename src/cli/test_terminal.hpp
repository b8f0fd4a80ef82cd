// A terminal that a test types on and reads. For tests only.
#pragma once

#include <deque>
#include <functional>

#include "cli/terminal.hpp"

namespace gogrid::cli {

class TestTerminal : public Terminal {
 public:
  void out(std::string_view text) override {
    out_text += text;
    if (on_out) on_out(text);
  }
  void error(std::string_view text) override { error_text += text; }

  bool input_is_terminal() const override { return input_terminal; }
  bool output_is_terminal() const override { return output_terminal; }
  bool error_is_terminal() const override { return error_terminal; }
  std::size_t width() const override { return columns; }

  Line read_line(const std::string& prompt, bool) override {
    error_text += prompt;
    if (lines.empty()) return {};
    Line line = lines.front();
    lines.pop_front();
    return line;
  }
  Result<std::string> read_secret(const std::string&) override {
    if (secret.empty()) return Error(ErrorCode::invalid_argument, "standard input is empty");
    return secret;
  }
  Result<std::string> read_input(std::size_t) override { return input; }

  void type(std::string text) { lines.push_back({Line::Kind::text, std::move(text)}); }
  void type_ctrl_c() { lines.push_back({Line::Kind::interrupted, ""}); }

  std::string out_text;
  std::string error_text;
  std::function<void(std::string_view)> on_out;
  bool input_terminal = false;
  bool output_terminal = false;
  bool error_terminal = false;
  std::size_t columns = 80;
  std::deque<Line> lines;
  std::string secret;
  std::string input;
};

}  // namespace gogrid::cli
