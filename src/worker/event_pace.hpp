// EventPace: when the next part of an engine's event stream should be read. Events that follow each other fast are
// passed on together, at moments that all streams share: to a reader 250 times a second looks the same, and each
// passing on wakes three processes. An answer's first events, and those that come slower than that, are never held
// back, and none for longer than a quarter of the time that the answer has taken so far. A pure decision: times come
// in, times go out.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

namespace gogrid::worker {

class EventPace {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // What is held back is held back for no longer.
  static constexpr std::chrono::milliseconds interval{4};
  // A part this long need not wait for more.
  static constexpr std::size_t long_part_bytes = 4 * 1024;

  explicit EventPace(TimePoint start) : start_(start) {}

  // A part of `bytes` was passed on; its read took from `began` to `arrived`.
  void passed(std::size_t bytes, TimePoint began, TimePoint arrived) {
    fast_parts_ = bytes < long_part_bytes && arrived - began < interval ? fast_parts_ + 1 : 0;
  }

  // When to read next; nothing: at once. One fast part is none: a stream's opening event and its first token.
  std::optional<TimePoint> next(TimePoint now) const {
    if (fast_parts_ < 2) return std::nullopt;
    const auto wait = interval - now.time_since_epoch() % interval;
    if (wait > (now - start_) / 4) return std::nullopt;
    return now + wait;
  }

 private:
  TimePoint start_;
  int fast_parts_ = 0;
};

}  // namespace gogrid::worker
