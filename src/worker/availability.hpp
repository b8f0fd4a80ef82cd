// Availability: whether this worker takes work, and why not: whether it is stopping, what its owner's rules say, and
// whether it has a sandbox to run work in. Event loop thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "worker/policy/pause.hpp"

namespace gogrid::worker {

enum class Availability { available, paused, draining, refusing };
std::string_view to_string(Availability availability);

class AvailabilityPolicy {
 public:
  // `pauses` are those that hold now (OwnerWatch), and outlive this.
  explicit AvailabilityPolicy(const std::vector<Pause>& pauses) : pauses_(pauses) {}

  void drain() { draining_ = true; }
  // Empty: work can be run.
  void set_obstacle(std::string obstacle) { obstacle_ = std::move(obstacle); }

  Availability current() const;
  // For the owner; empty when available.
  std::string reason() const;
  // For those who run the network.
  std::string reason_for_others() const;

 private:
  std::string reason(std::string Pause::*text) const;

  const std::vector<Pause>& pauses_;
  bool draining_ = false;
  std::string obstacle_;
};

}  // namespace gogrid::worker
