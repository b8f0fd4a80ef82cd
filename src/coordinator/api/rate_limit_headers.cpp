#include "coordinator/api/rate_limit_headers.hpp"

#include <algorithm>
#include <cstdint>

namespace gogrid::coordinator {
namespace {

void add(net::Headers& headers, const std::string& what, const domain::Scheduler::RateView& rate) {
  if (rate.limit == 0) return;
  headers.set("x-ratelimit-limit-" + what, std::to_string(rate.limit));
  headers.set("x-ratelimit-remaining-" + what, std::to_string(std::max<std::int64_t>(rate.remaining, 0)));
  headers.set("x-ratelimit-reset-" + what, to_reset_text(rate.reset));
}

}  // namespace

void add_rate_limit_headers(net::Headers& headers, const domain::Scheduler::RateView& requests,
                            const domain::Scheduler::RateView& tokens) {
  add(headers, "requests", requests);
  add(headers, "tokens", tokens);
}

std::string to_reset_text(std::chrono::milliseconds duration) {
  using std::chrono::seconds;
  duration = std::max(duration, std::chrono::milliseconds(0));
  if (duration < seconds(1)) return std::to_string(duration.count()) + "ms";
  const auto whole = std::chrono::ceil<seconds>(duration).count();
  std::string text;
  if (whole >= 3600) text += std::to_string(whole / 3600) + "h";
  if (whole >= 60) text += std::to_string(whole / 60 % 60) + "m";
  return text + std::to_string(whole % 60) + "s";
}

}  // namespace gogrid::coordinator
