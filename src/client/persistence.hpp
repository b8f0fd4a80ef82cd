// How long to go on when a connection breaks or a coordinator restarts. Values, any thread.
#pragma once

#include <chrono>
#include <optional>

#include "base/result.hpp"

namespace gogrid::client {

// What a broken connection, a proxy or a restarting coordinator looks like; everything else is an answer.
bool may_pass(const Error& error);

// Pauses between tries: each is twice as long as the one before, until something succeeds.
class Persistence {
 public:
  struct Limits {
    std::chrono::milliseconds first_pause{1000};
    std::chrono::milliseconds longest_pause{15'000};
    // Gives up after this many failures in a row: about ten minutes.
    int max_failures = 42;
  };

  Persistence() = default;
  explicit Persistence(Limits limits) : limits_(limits) {}

  // The pause to make before the next try; nullopt: give up.
  std::optional<std::chrono::milliseconds> after_failure();
  void succeeded() { failures_ = 0; }

 private:
  Limits limits_;
  int failures_ = 0;
};

}  // namespace gogrid::client
