// IdleWatch: tells whether the owner uses this machine, from every source that it offers: displays, desktops,
// terminals. Each source tells of changes by itself; nothing is asked again and again. Owned by the worker; event loop
// thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "worker/activity/idle_source.hpp"

namespace gogrid::worker {

class Bus;

enum class Presence {
  unknown,  // no source can tell
  active,
  idle,
};

struct IdleState {
  Presence presence = Presence::unknown;
  // When it became so; idle: the last input that any source knows of.
  SteadyTime since{};
  // Which sources say so, or why none does; for the owner.
  std::string detail;
};

// What sources say together: active when one is; unknown when a screen is there that none of them sees; else idle.
IdleState combine(const std::vector<SourceReport>& reports);

using IdleSources = std::vector<std::unique_ptr<IdleSource>>;
// The sources of this system, by this process's environment. `pool` runs what can block for a while, a display's
// handshake. Pool and buses outlive them. Each calls `on_change` when its report has changed.
IdleSources make_idle_sources(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, Bus& system_bus,
                              Bus& session_bus, std::chrono::milliseconds idle_after, std::function<void()> on_change);

class IdleWatch {
 public:
  using MakeSources = std::function<IdleSources(std::chrono::milliseconds idle_after, std::function<void()> on_change)>;
  // `on_change` is called when presence or detail changed.
  IdleWatch(MakeSources make_sources, std::chrono::milliseconds idle_after, std::function<void()> on_change);

  void start();
  // Without input for that long is idle.
  void set_idle_after(std::chrono::milliseconds idle_after);
  void stop();
  boost::asio::awaitable<void> stopped();

  const IdleState& state() const { return state_; }
  std::vector<SourceReport> sources() const;

 private:
  void update();

  MakeSources make_sources_;
  std::chrono::milliseconds idle_after_;
  std::function<void()> on_change_;
  IdleSources sources_;
  IdleState state_;
  bool stopping_ = false;
};

}  // namespace gogrid::worker
