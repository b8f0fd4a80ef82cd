// Account: an independent record of what one scheduler has been told and what it has decided, kept from events and
// actions alone, which holds every action to the rules. It lives as long as its scheduler. One thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "domain/placement.hpp"
#include "domain/scheduler.hpp"
#include "simulation/fairness.hpp"
#include "simulation/ledger.hpp"
#include "simulation/stage.hpp"

namespace gogrid::simulation {

class Account {
 public:
  Account(Stage& stage, Ledger& ledger, domain::SchedulerLimits limits)
      : stage_(stage), ledger_(ledger), limits_(limits), fairness_(stage) {}

  // Events, before the scheduler hears of them.
  // One that changes nothing here.
  void ticked() { event_ = {}; }
  void workers_expected(const std::vector<domain::WorkerId>& ids, std::chrono::milliseconds grace);
  void clock_read(SystemTime system);
  void worker_connected(const domain::WorkerId& id, const domain::WorkerFacts& facts);
  void worker_reported(const domain::WorkerId& id, const domain::WorkerReport& report);
  void worker_gone(const domain::WorkerId& id, bool may_return);
  void model_added(const domain::Model& model);
  void model_removed(const domain::ModelId& id);
  void key_changed(const domain::KeyId& id, const domain::KeyPolicy& policy);
  void store_changed(bool available);
  void request_submitted(const domain::Request& request);
  void request_finished(const domain::RequestId& id, const std::optional<domain::Usage>& usage);
  void request_returned(const domain::RequestId& id);
  void reserved(const domain::KeyId& key, std::size_t count, bool granted);
  void given_back(const domain::KeyId& key, std::size_t count);
  void job_submitted(const domain::Job& job, bool was_reserved);
  void job_restored(const domain::Job& job, unsigned attempts, std::optional<SystemTime> retry_at,
                    domain::LeaseId lease, const domain::WorkerId& worker);
  void job_ended(domain::JobId id, domain::LeaseId lease, const domain::AttemptEnd& end);
  void job_cancelled(domain::JobId id);
  void job_stored(domain::JobId id);

  // What the scheduler answered to the event that was noted last.
  void decided(const domain::Actions& actions);
  // Compares the scheduler's own words with the account; `thoroughly`: all of it.
  void compare(const domain::Scheduler& scheduler, bool thoroughly);

  // Nothing waits, runs or is kept.
  bool is_idle() const { return jobs_.empty() && requests_.empty(); }
  std::size_t open_jobs() const { return jobs_.size(); }
  std::string first_open_job() const;
  double fairness_used() const { return fairness_.worst(); }

 private:
  enum class Place { queued, leased, away, ending };
  // The time it was made, earlier for each point of priority.
  using Rank = std::pair<std::chrono::milliseconds, domain::JobId>;
  struct JobAccount {
    domain::Job job;
    Place place = Place::queued;
    domain::LeaseId lease = 0;
    domain::WorkerId worker;
    unsigned begun = 0;
    unsigned failures = 0;
    std::optional<SystemTime> retry_at;
    std::optional<SteadyTime> retry_at_steady;
    SteadyTime queued_at{};
    SteadyTime away_until{};
  };
  struct RequestAccount {
    enum class Place { waiting, running, lost };
    domain::Request request;
    Place place = Place::waiting;
    domain::WorkerId worker;
    domain::ReplicaKey replica;
  };
  // A replica in a worker's memory, from when it is assigned until the worker has said that it is gone.
  struct HeldAccount {
    // Of the machine's memory, and of its GPUs'.
    std::uint64_t bytes = 0;
    std::vector<domain::DeviceShare> devices;
    // The assignment that took it away; 0: none.
    std::uint64_t dropped = 0;
    std::optional<SteadyTime> ready_since;
    // Since then.
    bool is_used = false;
  };
  struct WorkerAccount {
    domain::WorkerFacts facts;
    std::map<domain::ReplicaKey, HeldAccount> held;
    std::optional<domain::WorkerReport> report;
    std::set<domain::ReplicaKey> assigned;
    std::map<domain::ReplicaKey, std::size_t> running;
    std::set<domain::JobId> jobs;
    std::set<domain::RequestId> requests;
  };
  struct KeyAccount {
    domain::KeyPolicy policy;
    std::size_t running = 0;
    std::size_t jobs_open = 0;
    // Of all jobs it ever had.
    std::set<std::string> wishes;
    // Interactive requests go first and are counted all the same.
    bool has_asked = false;
  };
  struct ModelAccount {
    domain::Model model;
    std::optional<SteadyTime> last_lease;
    std::optional<SteadyTime> last_request;
  };
  using Line = std::pair<domain::KeyId, std::string>;

  void on(const domain::Assign& action);
  void on(const domain::Measured&) {}
  void on(const domain::Dispatch& action);
  void on(const domain::Reject& action);
  void on(const domain::Lease& action);
  void on(const domain::Resume& action);
  void on(const domain::Revoke& action);
  void on(const domain::Settle& action);

  bool broken(std::string_view invariant, std::string text);
  // Whether the worker may be given something for that replica now.
  bool may_have(const domain::WorkerId& worker, const domain::ReplicaKey& replica, const std::string& what);
  static HeldAccount hold(const domain::Model& model, std::uint32_t context_tokens,
                          const std::optional<domain::Placement>& placement);
  void check_memory(const domain::WorkerId& id, const WorkerAccount& worker);
  bool has_room(const domain::KeyId& key);
  bool has_rates(const domain::KeyId& key);
  void take(const domain::WorkerId& worker, const domain::ReplicaKey& replica, const domain::KeyId& key);
  void let_go(const domain::WorkerId& worker, const domain::ReplicaKey& replica, const domain::KeyId& key);
  std::optional<domain::ModelId> model_named(const std::string& name) const;

  Rank rank_of(const domain::Job& job) const;
  void queue(JobAccount& job);
  void leave_queue(const JobAccount& job);
  bool is_ready(const JobAccount& job) const;
  // What the scheduler was told of the system's clock.
  SystemTime system_now() const;
  void check_order(const JobAccount& job);
  void check_interactive_first(const JobAccount& job, const domain::Lease& lease);
  void check_job_patience(const domain::Dispatch& dispatch);
  void check_attempt(const JobAccount& job, const domain::Settle& settle);
  // Whether the worker that has just connected has kept it and may go on with it.
  bool goes_on(const JobAccount& job) const;
  void check_end(const JobAccount& job, const domain::Settle& settle);
  void check_explained(const domain::Scheduler& scheduler, const JobAccount& job);
  void check_explained(const domain::Scheduler& scheduler, const RequestAccount& request);
  void watch_fairness();

  Stage& stage_;
  Ledger& ledger_;
  const domain::SchedulerLimits limits_;
  Fairness fairness_;

  std::map<domain::WorkerId, WorkerAccount> workers_;
  // Jobs whose worker is gone, by that worker.
  std::map<domain::WorkerId, std::set<domain::JobId>> away_;
  // After a restart.
  std::map<domain::WorkerId, SteadyTime> expected_until_;
  std::map<domain::ModelId, ModelAccount> models_;
  std::map<domain::KeyId, KeyAccount> keys_;
  std::map<domain::RequestId, RequestAccount> requests_;
  std::map<domain::ModelId, std::set<domain::RequestId>> waiting_requests_;
  // Assigned until the step that is being looked at.
  std::set<std::pair<domain::WorkerId, domain::ReplicaKey>> let_go_;
  std::unordered_map<domain::JobId, JobAccount> jobs_;
  std::map<Line, std::set<Rank>> queues_;
  // Where each lease that is not over runs; its job's model may be another by now.
  std::map<domain::LeaseId, domain::ReplicaKey> leased_replicas_;
  std::size_t running_jobs_ = 0;
  std::size_t running_requests_ = 0;
  std::size_t waiting_count_ = 0;
  bool store_available_ = true;
  SystemTime clock_{};
  // The latest it ever said.
  SystemTime latest_clock_{};
  SteadyTime clock_read_at_{};

  // Of the event that was noted last.
  struct {
    domain::JobId cancelled;
    domain::JobId ended;
    domain::LeaseId lease = 0;
    domain::AttemptOutcome outcome = domain::AttemptOutcome::failed;
    std::optional<domain::WorkerId> connected;
    std::vector<domain::JobId> to_resume;
    std::optional<domain::RequestId> to_place;
  } event_;
};

}  // namespace gogrid::simulation
