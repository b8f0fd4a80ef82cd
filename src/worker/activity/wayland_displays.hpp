// WaylandDisplays: finds the Wayland compositors of this user and keeps a connection to each, as they come and go; what
// is done with one is its user's matter (WaylandIdle, FullScreenWayland). Event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/task_group.hpp"
#include "worker/activity/wayland_connection.hpp"
#include "worker/file_watch.hpp"

namespace gogrid::worker {

struct WaylandOptions {
  // WAYLAND_DISPLAY: a name in the runtime directory, or a path. Empty: every wayland-0, wayland-1, … there.
  std::string display;
  // XDG_RUNTIME_DIR
  std::filesystem::path runtime_directory;
};

// What this process's environment says.
WaylandOptions wayland_options();

// "wayland-0", but not "wayland-0.lock".
bool is_wayland_socket_name(std::string_view name);

class WaylandDisplays {
 public:
  struct User {
    // Works with a connection until it ends or is closed, and says why: unsupported for a compositor that lacks what is
    // needed, which is left alone until its socket is another.
    std::function<boost::asio::awaitable<Error>(std::string name, WaylandConnection& connection)> follow;
    // Why a display is not followed now: not_found when there is none; forgotten: and it is listed no more.
    std::function<void(const std::string& name, const Error& why, bool forgotten)> ended;
  };

  WaylandDisplays(boost::asio::any_io_executor executor, WaylandOptions options, User user);
  ~WaylandDisplays();

  void start();
  void stop();
  boost::asio::awaitable<void> stopped();
  // While no display is known: why, for the owner.
  static std::string nothing() { return "no Wayland compositor"; }

 private:
  struct Display;

  boost::asio::awaitable<void> watch_sockets();
  void look_for_displays();
  void add_display(const std::filesystem::path& socket);
  boost::asio::awaitable<void> watch_display(std::shared_ptr<Display> display);
  boost::asio::awaitable<Error> attempt(std::shared_ptr<Display> display);

  boost::asio::any_io_executor executor_;
  WaylandOptions options_;
  User user_;
  FileWatch files_;
  std::map<std::filesystem::path, std::shared_ptr<Display>> displays_;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace gogrid::worker
