// Random: the only source of chance in a simulation. The same seed gives the same numbers with every compiler and
// library, which the standard's distributions do not promise. One thread.
#pragma once

#include <chrono>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <vector>

namespace gogrid::simulation {

using Duration = std::chrono::steady_clock::duration;

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // SplitMix64.
  std::uint64_t next() {
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }
  // `limit` is not 0. What the division favours is far below what a simulation could show.
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
  // Both ends counted.
  template <std::integral Low, std::integral High>
  std::int64_t between(Low low, High high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  Duration between(Duration low, Duration high) { return Duration(between(low.count(), high.count())); }
  // In [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double between(double low, double high) { return low + (high - low) * unit(); }
  bool chance(double probability) { return unit() < probability; }
  Duration exponential(Duration mean) {
    return Duration(static_cast<std::int64_t>(-std::log(1 - unit()) * static_cast<double>(mean.count())));
  }
  template <class Value>
  const Value& pick(const std::vector<Value>& values) {
    return values[below(values.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace gogrid::simulation
