// X11Idle: hears from X servers when their users stop and start to type and click, by the IDLETIME counter of the SYNC
// extension. Owned by IdleWatch; event loop thread.
#pragma once

#include <map>
#include <string>

#include "worker/activity/idle_source.hpp"
#include "worker/activity/x11_displays.hpp"

namespace gogrid::worker {

class X11Idle final : public IdleSource {
 public:
  X11Idle(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, X11Options options,
          std::chrono::milliseconds idle_after, std::function<void()> on_change);

  void start() override { displays_.start(); }
  void set_idle_after(std::chrono::milliseconds idle_after) override;
  void stop() override { displays_.stop(); }
  boost::asio::awaitable<void> stopped() override { return displays_.stopped(); }
  SourceReport report() const override;

 private:
  struct Part {
    SourceState state = SourceState::absent;
    SteadyTime since{};
    std::string detail;
  };

  X11Displays::User user();
  boost::asio::awaitable<Result<void>> follow(int number, X11Connection& connection);
  void set(int number, SourceState state, SteadyTime since, std::string detail);

  std::chrono::milliseconds idle_after_;
  std::function<void()> on_change_;
  std::map<int, Part> parts_;
  X11Displays displays_;
};

}  // namespace gogrid::worker
