// A worker: what it says of itself when it connects, and its state while it is connected. Values, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "domain/hardware.hpp"
#include "domain/replica.hpp"

namespace gogrid::domain {

using WorkerId = Id<struct WorkerTag>;

// A model that a worker has or is fetching, as it was assigned before this connection.
struct HeldReplica {
  ModelId model;
  // Of each slot.
  std::uint32_t context_tokens = 0;
  // Nullopt: its engine decided.
  std::optional<Placement> placement = {};
  std::uint32_t copy = 0;
};

struct WorkerFacts {
  std::string version;
  // What its owner calls it, else its host's name.
  std::string host_name;
  // "linux-x86_64"
  std::string target;
  Hardware hardware;
  // It brings its own engine and needs no bundle.
  bool has_local_engine = false;
  // It goes on with jobs for a while when its connection breaks, and keeps their answers.
  bool keeps_leases = false;
  // It tells what its engine computes on, once that is ready: before, nothing is placed there.
  bool tells_devices = false;
  // It can have several replicas of a model.
  bool runs_copies = false;
  // It tells live figures of its hardware when it is asked to.
  bool reads_hardware = false;
  // host_name is its owner's choice.
  bool named_by_owner = false;
  // Of the jobs that it has kept like that.
  std::vector<std::uint64_t> leases = {};
  std::vector<HeldReplica> held = {};
  // What its administrator calls it, "site" -> "attic". Not from the worker itself.
  std::map<std::string, std::string> labels = {};
};

enum class Availability {
  available,
  paused,    // by its owner
  draining,  // finishing what runs, then leaving
  refusing,  // cannot run work: see the reason
};

enum class Sandbox {
  unknown,
  bubblewrap,
  none_insecure,  // --insecure-no-sandbox
  unavailable,
};

std::string_view to_string(Availability availability);
std::string_view to_string(Sandbox sandbox);

// What the engine computes on beside the CPU.
struct EngineDevice {
  // The engine's name for it, "Vulkan0".
  std::string name;
  // "AMD Radeon RX 7900 XTX"
  std::string description;
  std::uint64_t total_bytes = 0;
  // What the worker's owner lets engines have of it.
  std::uint64_t limit_bytes = 0;
  // Used by others than our engines, as last seen.
  std::uint64_t foreign_bytes = 0;
  // The GPU of the worker's hardware that it is; empty: not known.
  std::string gpu_id = {};

  friend bool operator==(const EngineDevice&, const EngineDevice&) = default;
};

struct EngineReport {
  Progress progress;
  // "llama.cpp 0.7.0 (cpu)" or the path of a configured local engine.
  std::string description;
  // Once it is ready, in its order.
  std::vector<EngineDevice> devices = {};
};

struct WorkerReport {
  // Of the assignment that it has carried out, or begun to; nullopt: the newest.
  std::optional<std::uint64_t> revision = {};
  Availability availability = Availability::available;
  // Why it is not available, for a person.
  std::string reason;
  Sandbox sandbox = Sandbox::unknown;
  EngineReport engine;
  std::vector<ReplicaReport> replicas;
};

}  // namespace gogrid::domain
