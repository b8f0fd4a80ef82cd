// MutterIdle: hears from GNOME's window manager on the session bus when its user stops and starts to type and click,
// under Wayland as under X11. Owned by IdleWatch; event loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "worker/activity/bus.hpp"
#include "worker/activity/idle_source.hpp"

namespace gogrid::worker {

class MutterIdle final : public IdleSource {
 public:
  MutterIdle(Bus& session_bus, std::chrono::milliseconds idle_after, std::function<void()> on_change);

  void start() override { client_.start(); }
  void set_idle_after(std::chrono::milliseconds idle_after) override;
  void stop() override { stopping_ = true; }
  boost::asio::awaitable<void> stopped() override { co_return; }
  SourceReport report() const override { return report_; }

 private:
  void begin();
  void look();
  void add_idle_watch();
  void add_active_watch();
  void fired(std::uint32_t watch);
  void set(SourceState state, SteadyTime since, std::string detail);
  void fail(const Error& error);

  std::chrono::milliseconds idle_after_;
  std::function<void()> on_change_;
  SourceReport report_;
  // Goes off each time the user has been idle for that long.
  std::optional<std::uint32_t> idle_watch_;
  // Goes off once.
  std::optional<std::uint32_t> active_watch_;
  // Answers to what was asked before are of no interest.
  std::uint32_t round_ = 0;
  bool stopping_ = false;
  BusClient client_;
};

}  // namespace gogrid::worker
