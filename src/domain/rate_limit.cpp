#include "domain/rate_limit.hpp"

#include <algorithm>
#include <chrono>

namespace gogrid::domain {
namespace {
using Minutes = std::chrono::duration<double, std::ratio<60>>;
}

void RateLimit::set(std::int64_t per_minute, SteadyTime now) {
  const double missing = limited() ? static_cast<double>(per_minute_) - left(now) : 0;
  per_minute_ = per_minute;
  left_ = static_cast<double>(per_minute) - missing;
  at_ = now;
}

double RateLimit::left(SteadyTime now) const {
  const double limit = static_cast<double>(per_minute_);
  return std::min(limit, left_ + limit * Minutes(now - at_).count());
}

void RateLimit::take(double amount, SteadyTime now) {
  if (!limited()) return;
  left_ = std::min(static_cast<double>(per_minute_), left(now) - amount);
  at_ = now;
}

SteadyTime RateLimit::available_at(double amount, SteadyTime now) const {
  if (!limited()) return now;
  const double missing = std::min(amount, static_cast<double>(per_minute_)) - left(now);
  if (missing <= 0) return now;
  const Minutes wait(missing / static_cast<double>(per_minute_));
  // Rounded up, so that it is really there then.
  return now + std::chrono::ceil<std::chrono::milliseconds>(wait);
}

}  // namespace gogrid::domain
