// For tests of what senses activity: an event loop that waits for a fact, programs that run while they are needed, and
// an X server of their own.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <xcb/xcb.h>
#include <xcb/xtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "net/net_test_support.hpp"
#include "worker/activity/x11_connection.hpp"
#include "worker/sandbox/process.hpp"

namespace gogrid::worker::test {

namespace asio = boost::asio;
using net::test::TemporaryDirectory;

struct Loop {
  asio::io_context io{1};
  asio::thread_pool pool{1};

  ~Loop() { pool.join(); }
  // Runs the loop until `fact` holds; false when it does not within `limit`.
  bool until(const std::function<bool()>& fact, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    io.restart();
    while (!fact()) {
      const auto left = end - std::chrono::steady_clock::now();
      if (left.count() <= 0) return false;
      // With nothing to do it would return at once.
      const auto work = asio::make_work_guard(io);
      io.run_one_for(left);
    }
    return true;
  }
  // Runs what is ready, without waiting.
  void settle() {
    io.restart();
    io.poll();
  }
  void finish(asio::awaitable<void> task) { net::test::run(io, std::move(task)); }
};

// A program of the system with its output thrown away, until it goes out of scope. `descriptors` become 3, 4, …
inline std::unique_ptr<Process> start_program(asio::io_context& io, std::vector<std::string> arguments,
                                              std::vector<std::string> environment = {},
                                              std::vector<FileDescriptor> descriptors = {}) {
  ProcessOptions options;
  options.arguments = std::move(arguments);
  options.environment = std::move(environment);
  options.environment.emplace_back("PATH=/usr/bin:/bin");
  options.descriptors = std::move(descriptors);
  auto process = Process::start(io.get_executor(), std::move(options));
  EXPECT_TRUE(process) << (process ? "" : process.error().detail);
  return process ? std::move(*process) : nullptr;
}

// What the other end of a pipe writes first, up to the line's end.
inline std::string read_line(int fd) {
  std::string line;
  for (char c = 0; ::read(fd, &c, 1) == 1 && c != '\n';)
    line += c;
  return line;
}

inline std::pair<FileDescriptor, FileDescriptor> make_pipe() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// Xvfb on a display that it chooses.
class TestDisplay {
 public:
  explicit TestDisplay(Loop& loop, std::vector<std::string> more = {}) : loop_(loop) {
    auto [reading, writing] = make_pipe();
    std::vector<std::string> arguments{"/usr/bin/Xvfb", "-displayfd", "3", "-nolisten",
                                       "tcp",           "-screen",    "0", "640x480x24"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<FileDescriptor> descriptors;
    descriptors.push_back(std::move(writing));
    server_ = start_program(loop.io, std::move(arguments), {}, std::move(descriptors));
    number = read_line(reading.get());
    EXPECT_FALSE(number.empty()) << "Xvfb does not start";
  }

  std::string name() const { return ":" + number; }
  std::filesystem::path socket() const { return "/tmp/.X11-unix/X" + number; }
  // Through XTest, as from a keyboard; the server has it when this returns.
  void press_key() const;
  // Ends it.
  void close() {
    server_->kill();
    loop_.finish([](Process* server) -> asio::awaitable<void> { co_await server->exited(); }(server_.get()));
  }

  std::string number;

 private:
  Loop& loop_;
  std::unique_ptr<Process> server_;
};

inline void TestDisplay::press_key() const {
  constexpr std::uint8_t some_key = 38;
  xcb_connection_t* x = xcb_connect(name().c_str(), nullptr);
  for (const std::uint8_t type : {XCB_KEY_PRESS, XCB_KEY_RELEASE})
    xcb_test_fake_input(x, type, some_key, XCB_CURRENT_TIME, XCB_NONE, 0, 0, 0);
  std::free(xcb_get_input_focus_reply(x, xcb_get_input_focus(x), nullptr));
  EXPECT_EQ(xcb_connection_has_error(x), 0);
  xcb_disconnect(x);
}

}  // namespace gogrid::worker::test
