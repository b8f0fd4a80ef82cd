// FullScreenWatch: tells whether a program fills the screen before the owner: a game, a film, a talk. By what the
// window manager says of the active window of an X display (EWMH). Owned by the worker; event loop thread.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "worker/activity/x11_displays.hpp"

namespace gogrid::worker {

struct FullScreen {
  // The program's own name for itself, or its process's; may be empty.
  std::string program;

  friend bool operator==(const FullScreen&, const FullScreen&) = default;
};

class FullScreenWatch {
 public:
  FullScreenWatch(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, X11Options options,
                  std::function<void()> on_change);

  void start() { displays_.start(); }
  void stop() { displays_.stop(); }
  boost::asio::awaitable<void> stopped() { return displays_.stopped(); }
  // Nothing: no program does, or no display tells.
  std::optional<FullScreen> state() const;
  // What is watched, or why nothing is; for the owner.
  std::string detail() const;

 private:
  struct Part {
    std::optional<FullScreen> full_screen;
    bool works = false;
    std::string detail;
  };
  struct Atoms;

  X11Displays::User user();
  boost::asio::awaitable<Result<void>> follow(int number, X11Connection& connection);
  void set(int number, Part part);

  std::function<void()> on_change_;
  std::map<int, Part> parts_;
  X11Displays displays_;
};

}  // namespace gogrid::worker
