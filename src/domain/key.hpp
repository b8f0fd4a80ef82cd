// API keys as the scheduler sees them: whose work it is, and what its owner may use. Values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/id.hpp"

namespace gogrid::domain {

using KeyId = Id<struct KeyTag>;

// What a key may do beyond its scopes; 0 is no limit, an empty list is every model.
struct KeyPolicy {
  // Names.
  std::vector<std::string> models;
  // Its share of the workers when several keys want them, relative to the others'.
  double weight = 1;
  std::int64_t requests_per_minute = 0;
  std::int64_t tokens_per_minute = 0;
  // Requests and jobs that run at once.
  std::int64_t max_concurrent = 0;
  // Jobs that have not ended.
  std::int64_t max_queued = 0;

  friend bool operator==(const KeyPolicy&, const KeyPolicy&) = default;
};

inline constexpr double min_key_weight = 0.01;
inline constexpr double max_key_weight = 1000;

}  // namespace gogrid::domain
