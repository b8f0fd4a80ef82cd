#include "worker/plan.hpp"

#include <algorithm>

namespace gogrid::worker {
namespace {

const ReplicaSpec* find(const std::vector<ReplicaSpec>& specs, const ReplicaKey& key) {
  const auto found = std::find_if(specs.begin(), specs.end(), [&](const ReplicaSpec& spec) { return spec.key == key; });
  return found == specs.end() ? nullptr : &*found;
}

}  // namespace

ReplicaPlan plan_replicas(const std::vector<ReplicaSpec>& running, const std::vector<ReplicaSpec>& assigned) {
  ReplicaPlan plan;
  for (const ReplicaSpec& spec : running) {
    const ReplicaSpec* wanted = find(assigned, spec.key);
    if (!wanted || *wanted != spec) plan.stop.push_back(spec.key);
  }
  for (const ReplicaSpec& spec : assigned) {
    if (find(assigned, spec.key) != &spec) continue;
    const ReplicaSpec* there = find(running, spec.key);
    if (!there || *there != spec) plan.start.push_back(spec);
  }
  return plan;
}

}  // namespace gogrid::worker
