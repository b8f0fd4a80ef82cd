#include "domain/worker.hpp"

namespace gogrid::domain {

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
  return "refusing";
}

std::string_view to_string(Sandbox sandbox) {
  switch (sandbox) {
    case Sandbox::unknown:
      return "unknown";
    case Sandbox::bubblewrap:
      return "bubblewrap";
    case Sandbox::none_insecure:
      return "none_insecure";
    case Sandbox::unavailable:
      return "unavailable";
  }
  return "unknown";
}

}  // namespace gogrid::domain
