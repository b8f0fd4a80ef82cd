// The records of the scheduler: what it knows of workers, replicas, models and requests. Included by its own sources
// only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "domain/scheduler.hpp"

namespace gogrid::domain {

struct Scheduler::Replica {
  Worker* worker = nullptr;
  ModelEntry* model = nullptr;  // nullptr once the model is removed
  ReplicaReport report;
  // False until the worker has reported it since it was assigned.
  bool reported = false;
  bool assigned = true;
  // Requests that run on it, by our own count.
  std::uint32_t slots_busy = 0;
  SteadyTime idle_since{};
  // It gave a request back: nothing new until then.
  SteadyTime held_until{};
};

struct Scheduler::Worker {
  WorkerId id;
  WorkerFacts facts;
  // False while it is only expected: then it may turn out to have any model.
  bool facts_known = false;
  bool connected = true;
  // Of a worker that is not connected: when it is no longer expected back.
  SteadyTime expected_until{};
  std::optional<WorkerReport> report;
  Placement placement;
  std::map<ModelId, std::unique_ptr<Replica>> replicas;
};

struct Scheduler::ModelEntry {
  Model model;
  // Assigned ones, by worker.
  std::map<WorkerId, Replica*> replicas;
  // By sequence number: first come, first served, and a returned request has its old place.
  std::map<std::uint64_t, RequestEntry*> waiting;
  // Since when no replica is ready and all that could be are failing.
  std::optional<SteadyTime> failing_since;
};

struct Scheduler::RequestEntry {
  enum class State { waiting, running, lost };

  Request request;
  std::uint64_t sequence = 0;
  State state = State::lost;
  SteadyTime queued_at{};
  std::chrono::steady_clock::duration allowance{};
  unsigned attempts = 0;
  ModelEntry* model = nullptr;  // nullptr once the model is removed
  Replica* replica = nullptr;   // while it runs
};

}  // namespace gogrid::domain
