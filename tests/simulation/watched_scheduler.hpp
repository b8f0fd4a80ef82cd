// WatchedScheduler: the real scheduler with an account kept beside it: every event is noted before the scheduler hears
// of it and every action is held to the rules. One thread.
#pragma once

#include <utility>

#include "domain/scheduler.hpp"
#include "simulation/account.hpp"
#include "simulation/stage.hpp"

namespace gogrid::simulation {

class WatchedScheduler {
 public:
  // Everything is compared at each `compare_every`th step while few jobs are open.
  WatchedScheduler(Stage& stage, Ledger& ledger, const domain::SchedulerLimits& limits, unsigned compare_every)
      : stage_(stage), scheduler_(limits), account_(stage, ledger, limits), compare_every_(compare_every) {}

  void begin_leases(std::int64_t epoch) { scheduler_.begin_leases(epoch); }
  domain::Actions clock_read();
  domain::Actions tick();
  domain::Actions worker_connected(const domain::WorkerId& id, domain::WorkerFacts facts);
  domain::Actions worker_reported(const domain::WorkerId& id, domain::WorkerReport report);
  domain::Actions worker_gone(const domain::WorkerId& id, bool may_return);
  domain::Actions workers_expected(const std::vector<domain::WorkerId>& ids, std::chrono::milliseconds grace);
  domain::Actions model_added(domain::Model model);
  domain::Actions model_removed(const domain::ModelId& id);
  domain::Actions engine_changed(const std::string& target, std::optional<domain::EngineBundle> bundle);
  domain::Actions key_changed(const domain::KeyId& id, const domain::KeyPolicy& policy);
  domain::Actions store_changed(bool is_available);
  domain::Actions request_submitted(domain::Request request);
  domain::Actions request_finished(const domain::RequestId& id, std::optional<domain::Usage> usage);
  domain::Actions request_returned(const domain::RequestId& id);
  domain::Actions request_interrupted(const domain::RequestId& id);
  std::optional<domain::Reject> reserve_jobs(const domain::KeyId& key, const std::string& model, std::size_t count);
  void give_back_reservation(const domain::KeyId& key, std::size_t count);
  domain::Actions job_submitted(domain::Job job, bool was_reserved);
  domain::Actions job_restored(domain::Job job, unsigned attempts, std::optional<SystemTime> retry_at,
                               domain::LeaseId lease, const domain::WorkerId& worker);
  void job_running(domain::JobId id, domain::LeaseId lease);
  domain::Actions job_ended(domain::JobId id, domain::LeaseId lease, domain::AttemptEnd end);
  domain::Actions job_cancelled(domain::JobId id, const std::string& reason);
  domain::Actions job_stored(domain::JobId id);

  std::optional<SteadyTime> next_tick() const { return scheduler_.next_tick(); }
  const domain::Scheduler& scheduler() const { return scheduler_; }
  const Account& account() const { return account_; }

 private:
  domain::Actions decided(domain::Actions actions);
  void note(const domain::Action& action);

  Stage& stage_;
  domain::Scheduler scheduler_;
  Account account_;
  const unsigned compare_every_;
  // Since everything was compared.
  std::uint64_t steps_ = 0;
};

}  // namespace gogrid::simulation
