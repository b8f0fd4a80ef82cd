#include "domain/assignment.hpp"

#include <algorithm>

namespace gogrid::domain {

std::uint64_t memory_budget_bytes(const WorkerFacts& facts) {
  constexpr std::uint64_t percent = 60;
  return facts.hardware.memory_bytes / 100 * percent;
}

namespace {

// The worker has all labels that the model asks for.
bool has_labels(const WorkerFacts& facts, const Model& model) {
  return std::all_of(model.worker_labels.begin(), model.worker_labels.end(), [&](const auto& wanted) {
    const auto found = facts.labels.find(wanted.first);
    return found != facts.labels.end() && found->second == wanted.second;
  });
}

}  // namespace

Placement plan_assignment(const WorkerFacts& facts, const std::vector<const Model*>& models,
                          const std::optional<EngineBundle>& engine) {
  Placement placement;
  const bool has_engine = engine || facts.has_local_engine;
  if (!facts.has_local_engine) placement.assignment.engine = engine;
  std::uint64_t left_bytes = memory_budget_bytes(facts);
  for (const Model* model : models) {
    const std::uint64_t needed_bytes = estimate_memory_bytes(*model);
    if (!has_labels(facts, *model)) {
      placement.misfits.emplace(model->id, Misfit::other_labels);
    } else if (!has_engine) {
      placement.misfits.emplace(model->id, Misfit::no_engine);
    } else if (needed_bytes > left_bytes) {
      placement.misfits.emplace(model->id, Misfit::too_little_memory);
    } else {
      left_bytes -= needed_bytes;
      placement.assignment.models.push_back(*model);
    }
  }
  return placement;
}

}  // namespace gogrid::domain
