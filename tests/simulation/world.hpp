// World: one simulated grid from a seed, from its first moment through its troubles until all is well again and nothing
// is left to do. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "simulation/scenario.hpp"

namespace gogrid::simulation {

// What became of a world.
struct Report {
  std::optional<Verdict::Failure> failure;
  // Of all that happened, in order.
  std::uint64_t trace_hash = 0;
  Duration loaded_time{0};
  Duration all_time{0};
  std::size_t jobs = 0;
  std::size_t acknowledged = 0;
  std::size_t succeeded = 0;
  std::size_t answered = 0;
  // Of its bound (fairness.hpp), the most that was used.
  double unfairness = 0;
};

class World {
 public:
  World(std::uint64_t seed, Size size, bool is_traced);

  Report run();

 private:
  // Until that time or the first broken rule.
  void run_until(SteadyTime time);
  void begin_troubles();
  void every(Duration mean, std::function<void()> trouble);
  VirtualWorker& any_worker() { return *workers_[stage_.random.below(workers_.size())]; }
  void crash_coordinator();
  void break_disk();
  void set_clock();
  void cut_links();
  void change_key();
  void heal();
  void check_idle();

  Stage stage_;
  Scenario scenario_;
  Ledger ledger_;
  DurableStore store_;
  Network network_;
  Coordinator coordinator_;
  std::vector<std::unique_ptr<VirtualWorker>> workers_;
  std::vector<std::unique_ptr<VirtualClient>> clients_;
  bool is_healed_ = false;
  bool is_coordinator_to_start_ = false;
  double unfairness_ = 0;
  // Ahead of the true time.
  Duration furthest_clock_{0};
};

}  // namespace gogrid::simulation
