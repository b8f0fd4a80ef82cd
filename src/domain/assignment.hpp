// Assignment: what a worker should have ready. A value, any thread.
#pragma once

#include <optional>
#include <vector>

#include "domain/model.hpp"
#include "domain/replica.hpp"

namespace gogrid::domain {

struct AssignedReplica {
  // Its context may be less than the model's own, where memory was short.
  Model model;
  // Nullopt where there is no choice: the worker's engine has no devices.
  std::optional<Placement> placement = {};
  // See ReplicaKey.
  std::uint32_t copy = 0;

  friend bool operator==(const AssignedReplica&, const AssignedReplica&) = default;
};

struct Assignment {
  // Empty for a worker with an engine of its own.
  std::optional<EngineBundle> engine;
  std::vector<AssignedReplica> replicas;

  friend bool operator==(const Assignment&, const Assignment&) = default;
};

}  // namespace gogrid::domain
