// Deadline: one time limit that is moved often and reached seldom. Moving it later or clearing it costs no timer
// operation: the timer looks again when it fires. Owned by one connection, used on its executor's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>

namespace gogrid::net {

class Deadline {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `on_expired` runs on the executor, never from within these functions, and not after destruction.
  Deadline(boost::asio::any_io_executor executor, std::function<void()> on_expired);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void set(TimePoint when);
  // Zero: no limit.
  void set_after(std::chrono::milliseconds duration);
  void clear();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace gogrid::net
