#include "domain/replica.hpp"

#include <algorithm>

namespace gogrid::domain {

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::waiting:
      return "waiting";
    case Phase::fetching:
      return "fetching";
    case Phase::unpacking:
      return "unpacking";
    case Phase::loading:
      return "loading";
    case Phase::ready:
      return "ready";
    case Phase::failed:
      return "failed";
    case Phase::leaving:
      return "leaving";
  }
  return "waiting";
}

unsigned Progress::percent() const {
  if (total_bytes == 0) return 0;
  // In floating point: a hostile worker's byte counts must not overflow.
  const double part = static_cast<double>(done_bytes) / static_cast<double>(total_bytes);
  return static_cast<unsigned>(std::clamp(part, 0.0, 1.0) * 100.0);
}

}  // namespace gogrid::domain
