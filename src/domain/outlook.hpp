// Outlook: what the workers can do for one model now, as numbers and as one line for a person. Values, any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "domain/model.hpp"

namespace gogrid::domain {

struct Outlook {
  std::size_t workers_connected = 0;
  // How the workers that have the model stand; each is counted once.
  std::size_t ready = 0;
  std::size_t loading = 0;      // connecting, fetching, unpacking, loading
  std::size_t failing = 0;      // the engine does not start
  std::size_t quarantined = 0;  // what it was given failed too often
  std::size_t paused = 0;
  std::size_t draining = 0;
  std::size_t refusing = 0;
  std::size_t lost = 0;  // it lost its connection, or the coordinator has just started; it is expected back
  // They could have it: there is room for it, or other models have their memory.
  std::size_t vacant = 0;
  std::size_t occupied = 0;
  // Connected workers that cannot have it.
  std::size_t without_engine = 0;
  std::size_t without_memory = 0;
  std::size_t without_labels = 0;
  std::size_t without_gpus = 0;

  // Of the ready ones.
  std::size_t slots = 0;
  std::size_t slots_busy = 0;
  // The furthest of the loading ones: "fetching (41 %)".
  std::string loading_detail;
  // Of one that fails or refuses, in its own words.
  std::string failing_detail;
  std::string refusing_detail;
  std::string quarantine_detail;
  // A worker of this target has no engine bundle.
  std::string target_without_engine;
  // On the CPU; and the most that a worker with too little has, and which one.
  std::uint64_t needed_bytes = 0;
  std::uint64_t most_bytes = 0;
  std::string most_bytes_on;
  // Until the first of the loading ones is ready, by what was measured.
  std::optional<std::chrono::seconds> ready_in;

  std::size_t workers_with_model() const {
    return ready + loading + failing + quarantined + paused + draining + refusing + lost;
  }
  std::size_t workers_that_can() const { return workers_with_model() + vacant + occupied; }
  // Waiting can help.
  bool hopeful() const { return ready + loading + lost + vacant + occupied > 0; }
};

// "2 workers have this model: 1 paused by its owner, 1 loading (41 %)".
std::string describe(const Outlook& outlook);

}  // namespace gogrid::domain
