// AuditLog: who did what to keys, tokens, workers, models and engines, written down for good. An act is written down
// before it is done, so that none is missing; what only closes doors (revoking) is done first. Owned by the
// Coordinator, used on the io thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "store/store.hpp"

namespace gogrid::coordinator {

// Actors that are no keys.
inline constexpr std::string_view local_actor = "local";
inline constexpr std::string_view worker_actor = "worker";

class AuditLog {
 public:
  AuditLog(store::AuditStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  struct Act {
    // Id of a key, or one of the above.
    std::string actor;
    // "key.create"
    std::string action;
    // Id of what it is done to.
    std::string subject;
    // A JSON object; never with a secret.
    std::string detail = "{}";
  };
  store::Pending<> record(Act act);
  // That what was recorded as `act` could not be done after all.
  boost::asio::awaitable<void> record_failure(Act act, Error reason);

  // Records it and does it: not at all when it cannot be recorded.
  template <class T>
  store::Pending<T> perform(Act act, std::function<store::Pending<T>()> what) {
    Act kept = act;
    auto recorded = co_await record(std::move(act));
    if (!recorded) co_return recorded.error();
    auto done = co_await what();
    if (!done) {
      Error reason = done.error();
      co_await record_failure(std::move(kept), std::move(reason));
    }
    co_return done;
  }

 private:
  store::AuditStore& store_;
  const Clock& clock_;
};

}  // namespace gogrid::coordinator
