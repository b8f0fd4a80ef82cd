// Time as something that is passed in, so that logic can be tested in virtual time. Deadline is a point in it, or
// never.
#pragma once

#include <algorithm>
#include <chrono>

namespace gogrid {

using SteadyTime = std::chrono::steady_clock::time_point;
using SystemTime = std::chrono::system_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime steady_now() const = 0;
  virtual SystemTime system_now() const = 0;
};

class RealClock : public Clock {
 public:
  SteadyTime steady_now() const override { return std::chrono::steady_clock::now(); }
  SystemTime system_now() const override { return std::chrono::system_clock::now(); }
};

class Deadline {
 public:
  static Deadline never() { return Deadline(SteadyTime::max()); }
  static Deadline at(SteadyTime time) { return Deadline(time); }

  bool passed(SteadyTime now) const { return now >= time_; }
  SteadyTime time() const { return time_; }
  // Zero once it has passed.
  std::chrono::steady_clock::duration left(SteadyTime now) const { return std::max(time_ - now, {}); }

  friend auto operator<=>(const Deadline&, const Deadline&) = default;

 private:
  explicit Deadline(SteadyTime time) : time_(time) {}
  SteadyTime time_;
};

// Seconds since 1970 (UTC), as the API shows times.
inline std::int64_t to_unix_seconds(SystemTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}
inline SystemTime from_unix_seconds(std::int64_t seconds) { return SystemTime(std::chrono::seconds(seconds)); }

}  // namespace gogrid
