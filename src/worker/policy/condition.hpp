// Condition: a yes or no that counts only after it has lasted: for `onset` until it holds, for `release` until it does
// not any more, so that what flickers changes nothing. Pure, any thread.
#pragma once

#include <optional>

#include "base/clock.hpp"

namespace gogrid::worker {

class Condition {
 public:
  using Duration = std::chrono::steady_clock::duration;

  Condition(Duration onset, Duration release) : onset_(onset), release_(release) {}

  // What is seen from now on, until it is said otherwise.
  void see(bool value, SteadyTime now) {
    settle(now);
    if (value == seen_) return;
    seen_ = value;
    since_ = now;
    settle(now);
  }
  // `now` must not go back.
  bool holds(SteadyTime now) {
    settle(now);
    return holds_;
  }
  // When it changes by itself if nothing else is seen; nullopt: never.
  std::optional<SteadyTime> changes_at() const {
    if (seen_ == holds_) return std::nullopt;
    return since_ + (seen_ ? onset_ : release_);
  }

 private:
  void settle(SteadyTime now) {
    if (const auto at = changes_at(); at && now >= *at) holds_ = seen_;
  }

  Duration onset_;
  Duration release_;
  bool seen_ = false;
  bool holds_ = false;
  SteadyTime since_{};
};

}  // namespace gogrid::worker
