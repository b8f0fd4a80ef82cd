// MeteredNetwork: hears from NetworkManager on the system bus whether the network in use costs by the byte. Owned by
// the worker; event loop thread.
#pragma once

#include <functional>

#include "worker/activity/bus.hpp"

namespace gogrid::worker {

enum class Metered { unknown, yes, no };

class MeteredNetwork {
 public:
  // Once the bus is connected. Unknown where NetworkManager does not run.
  MeteredNetwork(Bus& system_bus, std::function<void()> on_change);

  Metered state() const { return state_; }

 private:
  void ask();
  void set(Metered state);

  std::function<void()> on_change_;
  Metered state_ = Metered::unknown;
  BusClient client_;
};

}  // namespace gogrid::worker
