// A request for inference as the scheduler sees it, and what it is told when it cannot run. Values, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/model.hpp"

namespace gogrid::domain {

using RequestId = Id<struct RequestTag>;

struct Request {
  RequestId id;
  ModelId model;
  // How long it may wait for a slot.
  Deadline deadline = Deadline::never();
};

enum class RejectCode {
  model_not_found,
  no_worker,        // nobody can serve the model now
  model_not_ready,  // it waited to its deadline, or its engine keeps failing
  queue_full,       // too many requests wait
  worker_lost,      // it was tried on several workers and each was lost
};

std::string_view to_string(RejectCode code);

// Why a request waits or is rejected.
struct Explanation {
  // One line for a person: "2 workers have this model: 1 paused by its owner, 1 loading (41 %)".
  std::string text;
  // Requests for the same model before it; 0 is the next.
  std::size_t position = 0;
  std::chrono::steady_clock::duration waited{};
};

}  // namespace gogrid::domain
