// BackOff: how long to wait before the next try. Pure; time and chance come in.
#pragma once

#include <algorithm>
#include <chrono>

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

}  // namespace gogrid::worker
