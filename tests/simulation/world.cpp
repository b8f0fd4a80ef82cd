#include "simulation/world.hpp"

#include <algorithm>

namespace gogrid::simulation {

using namespace std::chrono_literals;

namespace {

// Once all is well, everything that was accepted ends within this time: the backlog of the longest world, with the
// longest waits (not_before, retries, attempts that hang) on top of each other. What was to wait by a clock that was
// wrong waits as long as it was wrong in addition.
constexpr Duration longest_backlog = 12h;
// The longest that the scheduler remembers anything of what is over: a worker's quarantine.
constexpr Duration longest_memory = 2h;

}  // namespace

World::World(std::uint64_t seed, Size size, bool is_traced)
    : stage_(seed, is_traced),
      scenario_(make_scenario(stage_.random, size)),
      ledger_(stage_),
      store_(stage_, ledger_),
      network_(stage_),
      coordinator_(stage_, network_, store_, ledger_, scenario_.coordinator) {
  for (std::size_t i = 0; i < scenario_.workers.size(); ++i) {
    network_.add_link(stage_.random.between(Duration(500us), Duration(80ms)));
    workers_.push_back(std::make_unique<VirtualWorker>(stage_, network_, coordinator_, i, scenario_.workers[i]));
  }
  for (const auto& habits : scenario_.clients)
    clients_.push_back(std::make_unique<VirtualClient>(stage_, coordinator_, ledger_, habits));
}

Report World::run() {
  const SteadyTime start = stage_.now();
  coordinator_.start();
  for (const auto& worker : workers_)
    stage_.timeline.after(stage_.random.between(Duration(0), Duration(5s)), [&worker] { worker->switch_on(); });
  for (const auto& client : clients_)
    client->begin();
  begin_troubles();
  run_until(start + scenario_.duration);
  heal();
  const SteadyTime healed = stage_.now();
  while (!stage_.verdict.failure() && stage_.now() < healed + longest_backlog + furthest_clock_) {
    run_until(stage_.now() + 30s);
    if (coordinator_.is_idle() && store_.open_jobs() == 0) break;
  }
  Report report;
  report.loaded_time = scenario_.duration;
  report.all_time = stage_.now() - start;
  check_idle();
  report.failure = stage_.verdict.failure();
  report.trace_hash = stage_.trace.hash();
  report.jobs = ledger_.jobs();
  report.acknowledged = ledger_.acknowledged_jobs();
  const auto succeeded = ledger_.ends().find(domain::JobState::succeeded);
  if (succeeded != ledger_.ends().end()) report.succeeded = succeeded->second;
  for (const auto& client : clients_)
    report.answered += client->answered();
  report.unfairness = unfairness_;
  return report;
}

void World::run_until(SteadyTime time) {
  while (!stage_.verdict.failure()) {
    const auto next = stage_.timeline.next();
    if (!next || *next > time) {
      stage_.timeline.at(time, [] {});
      stage_.timeline.step();
      return;
    }
    stage_.timeline.step();
    if (coordinator_.is_up()) {
      unfairness_ = std::max(unfairness_, coordinator_.scheduler()->account().fairness_used());
    }
  }
}

// ---- troubles ----

void World::every(Duration mean, std::function<void()> trouble) {
  if (mean == Duration(0)) return;
  stage_.timeline.after(stage_.random.exponential(mean), [this, mean, trouble = std::move(trouble)] {
    if (is_healed_) return;
    trouble();
    every(mean, trouble);
  });
}

void World::begin_troubles() {
  const Troubles& troubles = scenario_.troubles;
  const auto up_to = [this](Duration longest) { return stage_.random.between(Duration(100ms), longest); };
  every(troubles.coordinator_crash, [this] { crash_coordinator(); });
  every(troubles.disk_error, [this] { break_disk(); });
  every(troubles.disk_stall, [this, up_to] {
    store_.set_stall(up_to(2s));
    stage_.timeline.after(up_to(20s), [this] { store_.set_stall(Duration(0)); });
  });
  every(troubles.clock_jump, [this] { set_clock(); });
  every(troubles.worker_crash, [this, up_to] { any_worker().crash(up_to(60s)); });
  every(troubles.connection_loss, [this] { any_worker().lose_connection(); });
  every(troubles.partition, [this] { cut_links(); });
  every(troubles.slow_link, [this, up_to] {
    const std::size_t worker = stage_.random.below(workers_.size());
    network_.slow_down(worker, up_to(5s));
    stage_.timeline.after(up_to(60s), [this, worker] { network_.slow_down(worker, Duration(0)); });
  });
  every(troubles.straggler, [this] { any_worker().slow_down(stage_.random.between(1.0, 20.0)); });
  every(troubles.pause, [this, up_to] { any_worker().pause(up_to(90s)); });
  every(troubles.drain, [this, up_to] { any_worker().drain(up_to(90s)); });
  every(troubles.refusal, [this, up_to] { any_worker().refuse(up_to(60s)); });
  every(troubles.engine_failure, [this, up_to] { any_worker().fail_engines(up_to(60s)); });
  every(troubles.model_change, [this, up_to] {
    coordinator_.replace_model(stage_.random.below(coordinator_.settings().models.size()), up_to(20s));
  });
  every(troubles.key_change, [this] { change_key(); });
}

void World::crash_coordinator() {
  if (is_coordinator_to_start_) return;
  coordinator_.crash();
  is_coordinator_to_start_ = true;
  const Duration down = stage_.random.chance(0.2) ? stage_.random.between(Duration(10s), Duration(90s))
                                                  : stage_.random.between(Duration(100ms), Duration(5s));
  stage_.timeline.after(down, [this] {
    is_coordinator_to_start_ = false;
    coordinator_.start();
  });
}

void World::break_disk() {
  stage_.note("disk_fails");
  store_.set_failing(true);
  stage_.timeline.after(stage_.random.between(Duration(50ms), Duration(30s)), [this] {
    stage_.note("disk_works");
    store_.set_failing(false);
  });
}

void World::set_clock() {
  const double kind = stage_.random.unit();
  const Duration longest = kind < 0.5 ? Duration(2s) : kind < 0.9 ? Duration(10min) : Duration(26h);
  stage_.clock_offset += stage_.random.between(-longest, longest);
  furthest_clock_ = std::max(furthest_clock_, stage_.clock_offset - Stage::true_offset);
  stage_.note("clock_was_set", stage_.clock_offset.count());
  coordinator_.clock_was_set();
}

void World::cut_links() {
  const Duration duration = stage_.random.between(Duration(1s), Duration(90s));
  const double part = stage_.random.chance(0.3) ? 1 : stage_.random.unit();
  stage_.note("links_are_cut", duration.count());
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (stage_.random.chance(part)) network_.cut(i, duration);
  }
}

void World::change_key() {
  const auto& keys = coordinator_.settings().keys;
  auto chosen = keys.begin();
  std::advance(chosen, stage_.random.below(keys.size()));
  domain::KeyPolicy policy = chosen->second;
  policy.weight = stage_.random.between(0.2, 5.0);
  policy.max_concurrent = stage_.random.chance(0.5) ? 0 : stage_.random.between(1, 6);
  coordinator_.change_key(domain::KeyId(chosen->first), policy);
}

void World::heal() {
  if (stage_.verdict.failure()) return;
  stage_.note("all_is_well");
  is_healed_ = true;
  for (const auto& client : clients_)
    client->stop();
  store_.set_failing(false);
  store_.set_stall(Duration(0));
  network_.heal();
  for (const auto& worker : workers_)
    worker->heal();
  // With one job at a time a backlog could take days.
  const auto keys = coordinator_.settings().keys;
  for (auto [id, policy] : keys) {
    policy.max_concurrent = 0;
    coordinator_.change_key(id, policy);
  }
  stage_.clock_offset = Stage::true_offset;
  coordinator_.clock_was_set();
}

void World::check_idle() {
  if (stage_.verdict.failure()) return;
  ledger_.check_end();
  if (!coordinator_.is_idle()) {
    const auto* scheduler = coordinator_.scheduler();
    stage_.verdict.broken("everything ends", scheduler == nullptr ? std::string("the coordinator is down")
                                                                  : scheduler->account().first_open_job() +
                                                                        " is open and nothing holds it back");
  }
  run_until(stage_.now() + longest_memory);
  if (stage_.verdict.failure()) return;
  const auto& scheduler = coordinator_.scheduler()->scheduler();
  scheduler.check_invariants();
  const auto totals = scheduler.totals();
  if (totals.requests_waiting + totals.requests_running + totals.jobs_waiting + totals.jobs_running +
          totals.slots_busy + scheduler.keys().size() >
      0) {
    stage_.verdict.broken("idle at the end", "the scheduler still has work");
  }
  if (totals.workers_connected != workers_.size()) {
    stage_.verdict.broken("idle at the end", "only " + std::to_string(totals.workers_connected) + " workers are back");
  }
  if (scheduler.next_tick()) stage_.verdict.broken("idle at the end", "the scheduler wants to be woken for nothing");
}

}  // namespace gogrid::simulation
