#include "client/persistence.hpp"

#include <algorithm>

namespace gogrid::client {

bool may_pass(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout || error.code == ErrorCode::protocol;
}

std::optional<std::chrono::milliseconds> Persistence::after_failure() {
  constexpr int most_doublings = 10;
  if (++failures_ > limits_.max_failures) return std::nullopt;
  return std::min(limits_.longest_pause, limits_.first_pause * (1 << std::min(failures_ - 1, most_doublings)));
}

}  // namespace gogrid::client
