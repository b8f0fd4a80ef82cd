// LogindIdle: what the system's login manager knows of the sessions on the machine's screens, everybody's, not only
// this user's. Desktops tell it that their user is idle, some of them and in their own time: what it says counts only
// where nothing better works. Owned by IdleWatch; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "worker/activity/bus.hpp"
#include "worker/activity/idle_source.hpp"

namespace gogrid::worker {

class LogindIdle final : public IdleSource {
 public:
  LogindIdle(boost::asio::any_io_executor executor, Bus& system_bus, std::chrono::milliseconds idle_after,
             std::function<void()> on_change);

  void start() override { client_.start(); }
  void set_idle_after(std::chrono::milliseconds idle_after) override;
  void stop() override;
  boost::asio::awaitable<void> stopped() override { co_return; }
  SourceReport report() const override { return report_; }

 private:
  struct Session {
    std::string id;
    bool on_screen = false;  // a user's, on a screen, in the foreground
    bool idle = false;
    SteadyTime idle_since{};
  };

  void list();
  void ask(const std::string& path, std::uint32_t round);
  static Session read(sd_bus_message* properties);
  void evaluate();
  void set(SourceState state, SteadyTime since, std::string detail);

  std::chrono::milliseconds idle_after_;
  std::function<void()> on_change_;
  SourceReport report_;
  std::vector<Session> sessions_;
  // Collected for the newest list.
  std::vector<Session> arriving_;
  std::size_t expected_ = 0;
  std::uint32_t round_ = 0;
  boost::asio::steady_timer due_;
  bool stopping_ = false;
  BusClient client_;
};

}  // namespace gogrid::worker
