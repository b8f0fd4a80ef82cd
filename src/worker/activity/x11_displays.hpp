// X11Displays: finds the X displays of this user's sessions and keeps a connection to each, as they come and go; what
// is done with one is its user's matter (X11Idle, FullScreenX11). Event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task_group.hpp"
#include "worker/activity/x11_connection.hpp"
#include "worker/file_watch.hpp"

namespace gogrid::worker {

struct X11Options {
  // DISPLAY. Empty, or of another machine (`ssh -X`): every display whose socket is root's or this user's.
  std::string display;
  std::filesystem::path sockets = "/tmp/.X11-unix";
  // Where cookies are looked for, at each attempt.
  std::function<std::vector<std::filesystem::path>()> authority_files;
  // Whether a Wayland session is there. Its X server (Xwayland) sees only what goes to its own windows, and connecting
  // may start it: it is left alone.
  std::function<bool()> belongs_to_wayland;
  // A change in it may mean that a display's cookie is there now.
  std::filesystem::path sessions = "/run/systemd/sessions";
};

// What this process's environment says.
X11Options x11_options();

class X11Displays {
 public:
  struct User {
    // Works with a connection until it ends or is closed, and says why: not_found for a display that is none to watch,
    // unsupported for one that cannot be watched.
    std::function<boost::asio::awaitable<Result<void>>(int number, X11Connection& connection)> follow;
    // Why a display is not followed now: not_found when there is none; forgotten: and it is listed no more.
    std::function<void(int number, const Error& why, bool forgotten)> ended;
  };

  X11Displays(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, X11Options options,
              std::vector<xcb_extension_t*> extensions, User user);
  ~X11Displays();

  void start();
  // Has each connection's next_event() return.
  void wake();
  void stop();
  boost::asio::awaitable<void> stopped();
  // While no display is known: why, for the owner.
  std::string nothing() const;

 private:
  struct Display;

  boost::asio::awaitable<void> watch_sockets();
  void look_for_displays();
  void add_display(int number);
  boost::asio::awaitable<void> watch_display(std::shared_ptr<Display> display);
  boost::asio::awaitable<Result<void>> attempt(std::shared_ptr<Display> display);

  boost::asio::any_io_executor executor_;
  boost::asio::thread_pool& pool_;
  X11Options options_;
  // The only one to watch.
  std::optional<int> named_;
  std::vector<xcb_extension_t*> extensions_;
  User user_;
  FileWatch files_;
  std::map<int, std::shared_ptr<Display>> displays_;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace gogrid::worker
