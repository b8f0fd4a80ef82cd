// ReplicaKey: which of a worker's replicas. A value, any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace gogrid::worker {

// Of one model there may be several, on a GPU each; their numbers are the coordinator's.
struct ReplicaKey {
  std::string model_id;
  std::uint32_t copy = 0;

  friend auto operator<=>(const ReplicaKey&, const ReplicaKey&) = default;
};

}  // namespace gogrid::worker
