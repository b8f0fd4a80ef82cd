// RateLimit: so much a minute, as a bucket that fills evenly: a burst may take all of it, and what was taken beyond it
// (an answer that was longer than guessed) is waited off. Pure, one thread.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace gogrid::domain {

class RateLimit {
 public:
  // 0 is no limit. A new limit begins with a full bucket; a changed one keeps what is missing.
  void set(std::int64_t per_minute, SteadyTime now);
  std::int64_t per_minute() const { return per_minute_; }
  bool limited() const { return per_minute_ > 0; }

  // What is left; below zero while it is waited off. Without a limit there is always room.
  double left(SteadyTime now) const;
  bool has(double amount, SteadyTime now) const { return !limited() || left(now) >= amount; }
  // A negative amount gives back.
  void take(double amount, SteadyTime now);
  // When has(amount) becomes true; `now` when it is.
  SteadyTime available_at(double amount, SteadyTime now) const;

 private:
  std::int64_t per_minute_ = 0;
  double left_ = 0;
  SteadyTime at_{};
};

}  // namespace gogrid::domain
