// Planning of what a worker should have ready: which models fit its memory and which engine runs them. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "domain/model.hpp"
#include "domain/worker.hpp"

namespace gogrid::domain {

struct Assignment {
  // Empty for a worker with an engine of its own.
  std::optional<EngineBundle> engine;
  std::vector<Model> models;

  friend bool operator==(const Assignment&, const Assignment&) = default;
};

// Why a model is not on a worker.
enum class Misfit { none, no_engine, too_little_memory, other_labels };

struct Placement {
  Assignment assignment;
  // Of every model that is not assigned.
  std::map<ModelId, Misfit> misfits;
};

// What models may take of the memory a worker offers; the rest is for what the estimate does not know, and its owner.
std::uint64_t memory_budget_bytes(const WorkerFacts& facts);

// Each of `models`, in that order, that still fits the budget. A later model never displaces an earlier one.
Placement plan_assignment(const WorkerFacts& facts, const std::vector<const Model*>& models,
                          const std::optional<EngineBundle>& engine);

}  // namespace gogrid::domain
