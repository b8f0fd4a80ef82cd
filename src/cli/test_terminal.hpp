// A terminal that a test types on and reads. For tests only.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <functional>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "cli/terminal.hpp"

namespace gogrid::cli {

class TestTerminal : public Terminal {
 public:
  TestTerminal() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    keys_read = FileDescriptor(ends[0]);
    keys_write = FileDescriptor(ends[1]);
  }

  void out(std::string_view text) override {
    out_text += text;
    if (on_out) on_out(text);
  }
  void error(std::string_view text) override {
    error_text += text;
    if (on_error) on_error(text);
  }

  bool input_is_terminal() const override { return input_terminal; }
  bool output_is_terminal() const override { return output_terminal; }
  bool error_is_terminal() const override { return error_terminal; }
  std::size_t width() const override { return columns; }
  std::size_t height() const override { return rows; }
  std::unique_ptr<Keys> keys() override {
    class TestKeys final : public Keys {
     public:
      explicit TestKeys(int fd) : fd_(fd) {}
      int descriptor() const override { return fd_; }

     private:
      int fd_;
    };
    return std::make_unique<TestKeys>(keys_read.get());
  }

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
  Result<std::size_t> read_input_some(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), input.size());
    std::ranges::copy(as_bytes(std::string_view(input).substr(0, count)), buffer.begin());
    input.erase(0, count);
    return count;
  }

  void type(std::string text) { lines.push_back({Line::Kind::text, std::move(text)}); }
  // For what reads keys one by one.
  void press(std::string_view keys) { EXPECT_TRUE(write_fully(keys_write.get(), as_bytes(keys))); }
  void type_ctrl_c() { lines.push_back({Line::Kind::interrupted, ""}); }

  std::string out_text;
  std::string error_text;
  std::function<void(std::string_view)> on_out;
  std::function<void(std::string_view)> on_error;
  bool input_terminal = false;
  bool output_terminal = false;
  bool error_terminal = false;
  std::size_t columns = 80;
  std::size_t rows = 24;
  std::deque<Line> lines;
  std::string secret;
  std::string input;
  FileDescriptor keys_read;
  FileDescriptor keys_write;
};

}  // namespace gogrid::cli
