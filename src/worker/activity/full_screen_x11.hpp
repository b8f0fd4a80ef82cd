// FullScreenX11: hears from the window managers of X displays (EWMH) whether the active window fills the screen. Part
// of FullScreenWatch; event loop thread.
#pragma once

#include <functional>
#include <map>

#include "worker/activity/full_screen_report.hpp"
#include "worker/activity/x11_displays.hpp"

namespace gogrid::worker {

class FullScreenX11 {
 public:
  FullScreenX11(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, X11Options options,
                std::function<void()> on_change);

  void start() { displays_.start(); }
  void stop() { displays_.stop(); }
  boost::asio::awaitable<void> stopped() { return displays_.stopped(); }
  FullScreenReport report() const;

 private:
  struct Atoms;

  X11Displays::User user();
  boost::asio::awaitable<Result<void>> follow(int number, X11Connection& connection);
  void set(int number, FullScreenReport part);

  std::function<void()> on_change_;
  std::map<int, FullScreenReport> parts_;
  X11Displays displays_;
};

}  // namespace gogrid::worker
