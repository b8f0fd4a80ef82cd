// WallTimer: waits for a time of the wall clock, which goes on while the machine sleeps. Its executor's one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>

#include "base/clock.hpp"

namespace gogrid::worker {

class WallTimer {
 public:
  // Throws when the system gives none.
  explicit WallTimer(boost::asio::any_io_executor executor);
  ~WallTimer();
  WallTimer(const WallTimer&) = delete;
  WallTimer& operator=(const WallTimer&) = delete;

  // Completes at `time`, and before it when the clock was set or wake() is called; nullopt: only then. One at a time.
  boost::asio::awaitable<void> wait_until(std::optional<SystemTime> time);
  void wake();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gogrid::worker
