// A number in [0, 1) to spread waits with: not for secrets. Event loop thread.
#pragma once

#include <random>

namespace gogrid::worker {

inline double random_chance() {
  thread_local std::minstd_rand generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace gogrid::worker
