// BackOff: how long to wait before the next try. Pure; time and chance come in.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace gogrid::worker {

class BackOff {
 public:
  using Duration = std::chrono::milliseconds;

  BackOff(Duration first, Duration longest) : first_(first), longest_(longest), next_(first) {}

  // The next wait, twice the one before up to the longest. `chance` in [0, 1) spreads it over its upper half, so that
  // many who failed together do not come back together.
  Duration next(double chance) {
    const Duration whole = next_;
    next_ = std::min(longest_, next_ * 2);
    return std::chrono::duration_cast<Duration>(whole * (0.5 + 0.5 * chance));
  }

  void reset() { next_ = first_; }

 private:
  Duration first_;
  Duration longest_;
  Duration next_;
};

// The same for something that is started again when it ends: it starts over only after it was up for `stable`. How long
// it took to come up, or failed to, does not count.
class RestartBackOff {
 public:
  using Time = std::chrono::steady_clock::time_point;

  RestartBackOff(BackOff back_off, std::chrono::seconds stable) : back_off_(back_off), stable_(stable) {}

  void is_up(Time now) { up_since_ = now; }
  // It ended, or did not come up.
  BackOff::Duration next(Time now, double chance) {
    if (up_since_ && now - *up_since_ > stable_) back_off_.reset();
    up_since_.reset();
    return back_off_.next(chance);
  }
  void reset() { back_off_.reset(); }

 private:
  BackOff back_off_;
  std::chrono::seconds stable_;
  std::optional<Time> up_since_;
};

}  // namespace gogrid::worker
