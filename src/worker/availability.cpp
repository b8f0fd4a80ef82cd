#include "worker/availability.hpp"

#include "worker/policy/owner_policy.hpp"

namespace gogrid::worker {

std::string_view to_string(Availability availability) {
  switch (availability) {
    case Availability::available:
      return "available";
    case Availability::paused:
      return "paused";
    case Availability::draining:
      return "draining";
    case Availability::refusing:
      return "refusing";
  }
  return "unknown";
}

Availability AvailabilityPolicy::current() const {
  if (draining_) return Availability::draining;
  if (machine_pause(pauses_) != nullptr) return Availability::paused;
  if (!obstacle_.empty()) return Availability::refusing;
  return Availability::available;
}

std::string AvailabilityPolicy::reason(std::string Pause::*text) const {
  switch (current()) {
    case Availability::available:
      return "";
    case Availability::paused:
      return machine_pause(pauses_)->*text;
    case Availability::draining:
      return "the worker is stopping";
    case Availability::refusing:
      return obstacle_;
  }
  return "";
}

std::string AvailabilityPolicy::reason() const { return reason(&Pause::text); }

std::string AvailabilityPolicy::reason_for_others() const { return reason(&Pause::text_for_others); }

}  // namespace gogrid::worker
