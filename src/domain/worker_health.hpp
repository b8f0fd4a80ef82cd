// WorkerHealth: whether a worker can be trusted with work, from what became of the work it was given. One that fails
// with everything is left alone for a while, then tried with one piece of work; one whose connection comes and goes is
// used last. Pure, one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include "base/clock.hpp"
#include "domain/job.hpp"

namespace gogrid::domain {

class WorkerHealth {
 public:
  void succeeded();
  // `work` tells pieces of work apart: one that fails again and again says nothing of the worker. Of the reason only
  // the outcome is kept: describe() is read by others than whose work it was.
  void failed(std::size_t work, AttemptOutcome outcome, SteadyTime now);
  void disconnected(SteadyTime now);

  bool quarantined(SteadyTime now) const { return now < quarantined_until_; }
  SteadyTime quarantined_until() const { return quarantined_until_; }
  // It was in quarantine and has not succeeded since: one piece of work at a time.
  bool on_probation() const { return quarantines_ > 0; }
  bool unstable(SteadyTime now) const;
  // "in quarantine: 5 requests in a row failed; it is tried again in 30 s"; empty when it is not.
  std::string describe(SteadyTime now) const;

 private:
  unsigned failures_ = 0;
  unsigned quarantines_ = 0;
  std::size_t last_work_ = 0;
  AttemptOutcome last_outcome_ = AttemptOutcome::failed;
  SteadyTime quarantined_until_{};
  // The newest ones.
  std::deque<SteadyTime> disconnections_;
};

}  // namespace gogrid::domain
