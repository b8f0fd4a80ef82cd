// FullScreenWayland: hears from Wayland compositors whether the active window fills the screen, by
// wlr-foreign-toplevel-management-unstable-v1, which sway, Hyprland and others have. Part of FullScreenWatch; event
// loop thread.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "worker/activity/full_screen_report.hpp"
#include "worker/activity/wayland_displays.hpp"

namespace gogrid::worker {

class FullScreenWayland {
 public:
  FullScreenWayland(boost::asio::any_io_executor executor, WaylandOptions options, std::function<void()> on_change);

  void start() { displays_.start(); }
  void stop() { displays_.stop(); }
  boost::asio::awaitable<void> stopped() { return displays_.stopped(); }
  FullScreenReport report() const;

 private:
  class Toplevels;

  WaylandDisplays::User user();
  boost::asio::awaitable<Error> follow(std::string name, WaylandConnection& connection);
  void set(const std::string& name, FullScreenReport part);

  std::function<void()> on_change_;
  std::map<std::string, FullScreenReport> parts_;
  WaylandDisplays displays_;
};

}  // namespace gogrid::worker
