// Availability: whether this worker takes work, and why not: what its owner asked for, whether it is stopping, and
// whether it has a sandbox to run work in. A pause is kept in a file, so that it outlives the daemon. Event loop
// thread.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace gogrid::worker {

enum class Availability { available, paused, draining, refusing };
std::string_view to_string(Availability availability);

class AvailabilityPolicy {
 public:
  // Reads the pause that an earlier run left.
  explicit AvailabilityPolicy(std::filesystem::path pause_file);

  // Durable when they return. `reason` is for people and may be empty.
  Result<void> pause(std::string reason);
  Result<void> resume();
  void drain() { draining_ = true; }
  // Empty: work can be run.
  void set_obstacle(std::string obstacle) { obstacle_ = std::move(obstacle); }

  Availability current() const;
  // Empty when available.
  std::string reason() const;

 private:
  std::filesystem::path pause_file_;
  bool paused_ = false;
  bool draining_ = false;
  std::string pause_reason_;
  std::string obstacle_;
};

}  // namespace gogrid::worker
