// OwnerWatch: what keeps this machine from working, as it is now: what its owner asked for, which a file keeps over
// restarts, and what the policy makes of the rules and the clock. Owned by the worker; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <functional>
#include <vector>

#include "base/result.hpp"
#include "base/task_group.hpp"
#include "worker/policy/owner_policy.hpp"
#include "worker/wall_timer.hpp"

namespace gogrid::worker {

class OwnerWatch {
 public:
  // Reads the pause that an earlier run left in `pause_file`. `on_change` is called when pauses() are others than
  // before.
  OwnerWatch(boost::asio::any_io_executor executor, std::filesystem::path pause_file, OwnerRules rules,
             std::function<void()> on_change);

  void start();
  void stop();
  boost::asio::awaitable<void> stopped();

  // In order; empty: it may work.
  const std::vector<Pause>& pauses() const { return pauses_; }
  const OwnerRules& rules() const { return policy_.rules(); }
  void set_rules(OwnerRules rules);
  // What is sensed from now on.
  void sense(OwnerSenses senses);

  // By hand; durable when they return. An error leaves all as it was.
  Result<void> pause(OwnerPause pause);
  Result<void> resume();

 private:
  boost::asio::awaitable<void> run();
  void refresh();
  void changed();

  std::filesystem::path pause_file_;
  std::function<void()> on_change_;
  OwnerPolicy policy_;
  std::vector<Pause> pauses_;
  WallTimer timer_;
  TaskGroup tasks_;
};

// The next morning, by this machine's time zone: 8:00, at least three hours from `now`.
SystemTime next_morning(SystemTime now);

}  // namespace gogrid::worker
