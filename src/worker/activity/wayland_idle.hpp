// WaylandIdle: hears from Wayland compositors when their users stop and start to type and click, by ext-idle-notify-v1
// or the older protocol that KDE made (sway 1.7 has only that). Owned by IdleWatch; event loop thread.
#pragma once

#include <map>
#include <string>

#include "worker/activity/idle_source.hpp"
#include "worker/activity/wayland_displays.hpp"

namespace gogrid::worker {

class WaylandIdle final : public IdleSource {
 public:
  WaylandIdle(boost::asio::any_io_executor executor, WaylandOptions options, std::chrono::milliseconds idle_after,
              std::function<void()> on_change);

  void start() override { displays_.start(); }
  void set_idle_after(std::chrono::milliseconds idle_after) override;
  void stop() override { displays_.stop(); }
  boost::asio::awaitable<void> stopped() override { return displays_.stopped(); }
  SourceReport report() const override;

 private:
  class Seats;
  struct Part {
    SourceState state = SourceState::absent;
    SteadyTime since{};
    std::string detail;
    // While it is followed.
    Seats* seats = nullptr;
  };

  WaylandDisplays::User user();
  boost::asio::awaitable<Error> follow(std::string name, WaylandConnection& connection);
  void seats_changed(const std::string& name);
  void set(const std::string& name, SourceState state, std::string detail);

  std::chrono::milliseconds idle_after_;
  std::function<void()> on_change_;
  std::map<std::string, Part> parts_;
  WaylandDisplays displays_;
};

}  // namespace gogrid::worker
