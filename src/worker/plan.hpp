// What to do about a new assignment: pure.
#pragma once

#include <string>
#include <vector>

#include "worker/engine/engine_command.hpp"

namespace gogrid::worker {

struct ReplicaPlan {
  // To let go: not assigned any more, or assigned differently.
  std::vector<ReplicaKey> stop;
  std::vector<ReplicaSpec> start;
};

// One that is assigned twice is served once: the first counts.
ReplicaPlan plan_replicas(const std::vector<ReplicaSpec>& running, const std::vector<ReplicaSpec>& assigned);

}  // namespace gogrid::worker
