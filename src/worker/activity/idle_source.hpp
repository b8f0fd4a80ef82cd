// IdleSource: one way to hear whether somebody uses this machine: a display, a desktop's bus, terminals. Owned by
// IdleWatch; event loop thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "base/clock.hpp"

namespace gogrid::worker {

enum class SourceState {
  // Nothing of its kind is on this machine now.
  absent,
  idle,
  // It is there and cannot be watched.
  blind,
  active,
};

struct SourceReport {
  std::string name;
  SourceState state = SourceState::absent;
  // When it became so; idle: the last input, as far as the source tells.
  SteadyTime since{};
  // What is watched, or why it is not; for the owner.
  std::string detail;
  // Sees what is typed and clicked on a screen, not only on terminals.
  bool graphical = true;
  // Counts only where no other source sees a screen.
  bool fallback = false;
};

class IdleSource {
 public:
  virtual ~IdleSource() = default;

  virtual void start() = 0;
  virtual void set_idle_after(std::chrono::milliseconds idle_after) = 0;
  virtual void stop() = 0;
  virtual boost::asio::awaitable<void> stopped() = 0;
  virtual SourceReport report() const = 0;
};

// For a source that watches several things of its kind: what one of them says goes into the report. In use is what
// counts most, then what cannot be seen.
void add_part(SourceReport& report, SourceState state, SteadyTime since, const std::string& detail);

}  // namespace gogrid::worker
