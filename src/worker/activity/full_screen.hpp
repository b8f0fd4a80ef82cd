// FullScreenWatch: tells whether a program fills the screen before the owner: a game, a film, a talk. By what X11's
// window managers and Wayland's compositors say of the active window. Owned by the worker; event loop thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "worker/activity/full_screen_report.hpp"
#include "worker/activity/full_screen_wayland.hpp"
#include "worker/activity/full_screen_x11.hpp"

namespace gogrid::worker {

class FullScreenWatch {
 public:
  FullScreenWatch(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, X11Options x11,
                  WaylandOptions wayland, std::function<void()> on_change);

  void start();
  void stop();
  boost::asio::awaitable<void> stopped();
  // Nothing: no program does, or no display tells.
  std::optional<FullScreen> state() const { return report().full_screen; }
  // Whether some display tells at all.
  bool watched() const { return report().sight == FullScreenReport::Sight::watched; }
  // What is watched, and what is not and why; for the owner.
  std::string detail() const { return report().detail; }

 private:
  FullScreenReport report() const { return FullScreenReport::combine({x11_.report(), wayland_.report()}); }

  FullScreenX11 x11_;
  FullScreenWayland wayland_;
};

}  // namespace gogrid::worker
