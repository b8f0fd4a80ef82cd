// A request for inference as the scheduler sees it, what it cost, and what it is told when it cannot run. Values, any
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/key.hpp"
#include "domain/model.hpp"

namespace gogrid::domain {

using RequestId = Id<struct RequestTag>;

// A hash of the beginning of a prompt: requests that share one find their KV cache on the same replica.
using PrefixHash = std::uint64_t;

struct Request {
  RequestId id;
  ModelId model;
  // How long it may wait for a slot.
  Deadline deadline = Deadline::never();
  // Whose it is; an empty one has no limits.
  KeyId key = {};
  // A guess, until it is known: for limits of tokens.
  std::uint32_t prompt_tokens = 0;
  // Of ever longer beginnings of its prompt, the longest last.
  std::vector<PrefixHash> prefixes = {};
};

// What an answer took, as the engine counted it.
struct Usage {
  std::uint64_t prompt_tokens = 0;
  std::uint64_t completion_tokens = 0;

  friend bool operator==(const Usage&, const Usage&) = default;
};

// What keys share is counted in: a token of a prompt costs a fraction of one that is generated.
double cost_of(const Usage& usage);

enum class RejectCode {
  model_not_found,
  no_worker,        // nobody can serve the model now
  model_not_ready,  // it waited to its deadline, or its engine keeps failing
  queue_full,       // too many requests or jobs wait
  worker_lost,      // it was tried on several workers and each was lost
  rate_limited,     // its key has used up its requests or tokens of this minute
  key_busy,         // it waited to its deadline because its key runs as much as it may
  store_unavailable,
};

std::string_view to_string(RejectCode code);

enum class WaitReason {
  slots_busy,         // every replica that could take it is busy
  slots_reserved,     // what is free is kept for interactive requests
  workers_loading,    // or connecting
  memory_occupied,    // other models have the memory
  workers_failing,    // engines do not start, or workers are in quarantine
  workers_paused,     // or draining, or refusing
  no_worker,          // none can hold the model, or none is connected
  model_missing,      // removed since it was submitted
  not_before,         // its time has not come
  retry,              // it waits after a failed attempt
  key_concurrency,    // its key runs as much as it may
  key_rate,           // its key has used up its requests or tokens of this minute
  worker_returning,   // its worker has lost its connection and may come back with its answer
  store_unavailable,  // nothing can be stored now
};

std::string_view to_string(WaitReason reason);

// Why a request or a job waits or is rejected.
struct Explanation {
  WaitReason reason = WaitReason::slots_busy;
  // One line for a person: "2 workers have this model: 1 paused by its owner, 1 loading (41 %)".
  std::string text;
  // What is served before it, as things stand; 0 is the next.
  std::size_t position = 0;
  // Until it runs, by what was measured; nullopt when nobody can know.
  std::optional<std::chrono::seconds> estimate;
  std::chrono::steady_clock::duration waited{};
};

}  // namespace gogrid::domain
