// For tests of what hears from Wayland compositors: a real one, and what a test puts in one's place.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <wayland-server.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "worker/activity/activity_test_support.hpp"
#include "worker/activity/wayland_displays.hpp"

namespace gogrid::worker::test {

// The real compositor of Debian 12, which speaks the older protocol. It runs as another user where the test is root.
class Sway {
 public:
  explicit Sway(Loop& loop) : loop_(loop) {
    std::ofstream(directory.path / "config") << "xwayland disable\nseat * fallback true\n";
    const std::vector<std::string> command = as_user({"/usr/bin/sway", "-c", directory.path / "config"});
    if (::getuid() == 0) std::filesystem::permissions(directory.path, std::filesystem::perms::all);
    server_ = start_program(loop.io, command,
                            {"HOME=" + directory.path.string(), "XDG_RUNTIME_DIR=" + directory.path.string(),
                             "WLR_BACKENDS=headless", "WLR_LIBINPUT_NO_DEVICES=1", "WLR_RENDERER=pixman"});
  }
  // From a keyboard of its own.
  void type() {
    run(start_program(loop_.io, as_user({"/usr/bin/wtype", "a"}),
                      {"XDG_RUNTIME_DIR=" + directory.path.string(), "WAYLAND_DISPLAY=" + name()}));
  }
  void close() {
    server_->kill();
    loop_.finish([](Process* server) -> asio::awaitable<void> { co_await server->exited(); }(server_.get()));
  }
  // For commands, as "workspace 2".
  void tell(const std::string& command) {
    std::filesystem::path socket;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path)) {
      if (entry.path().filename().string().starts_with("sway-ipc.")) socket = entry.path();
    }
    run(start_program(loop_.io, {"/usr/bin/swaymsg", "-s", socket, command}));
  }
  std::string name() const {
    for (const auto& entry : std::filesystem::directory_iterator(directory.path)) {
      if (is_wayland_socket_name(entry.path().filename().string())) return entry.path().filename();
    }
    return "";
  }

  TemporaryDirectory directory;

 private:
  static std::vector<std::string> as_user(std::vector<std::string> command) {
    if (::getuid() != 0) return command;
    std::vector<std::string> other{"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
    other.insert(other.end(), command.begin(), command.end());
    return other;
  }

  void run(const std::unique_ptr<Process>& program) {
    loop_.finish([](Process* process) -> asio::awaitable<void> {
      const ExitStatus status = co_await process->exited();
      EXPECT_TRUE(status.success()) << status.text();
    }(program.get()));
  }

  Loop& loop_;
  std::unique_ptr<Process> server_;
};

// A socket with what a test puts there by libwayland's server side, served by the test's loop.
class StandInDisplay {
 public:
  StandInDisplay(Loop& loop, const std::filesystem::path& socket)
      : display_(wl_display_create()), descriptor_(loop.io) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.string().copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd, 8), 0);
    EXPECT_EQ(wl_display_add_socket_fd(display_, fd), 0);
    descriptor_.assign(::dup(wl_event_loop_get_fd(wl_display_get_event_loop(display_))));
    pump();
  }
  ~StandInDisplay() {
    *alive_ = false;
    descriptor_.close();
    wl_display_destroy_clients(display_);
    wl_display_destroy(display_);
  }
  StandInDisplay(const StandInDisplay&) = delete;
  StandInDisplay& operator=(const StandInDisplay&) = delete;

  wl_display* get() { return display_; }
  void flush() { wl_display_flush_clients(display_); }

 private:
  void pump() {
    wl_event_loop_dispatch(wl_display_get_event_loop(display_), 0);
    flush();
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [this, alive = alive_](boost::system::error_code failure) {
                             if (!failure && *alive) pump();
                           });
  }

  wl_display* display_;
  asio::posix::stream_descriptor descriptor_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace gogrid::worker::test
