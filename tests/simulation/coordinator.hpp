// Coordinator: the shell around the scheduler as the real one works, in virtual time: what it stores and when, what it
// tells clients and workers, and what is left of it after a crash. One thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "base/ordered_id.hpp"
#include "simulation/durable_store.hpp"
#include "simulation/ledger.hpp"
#include "simulation/network.hpp"
#include "simulation/stage.hpp"
#include "simulation/watched_scheduler.hpp"

namespace gogrid::simulation {

class VirtualWorker;

class Coordinator {
 public:
  struct Settings {
    domain::SchedulerLimits limits;
    unsigned compare_every = 1;
    std::vector<domain::Model> models;
    std::map<domain::KeyId, domain::KeyPolicy> keys;
  };
  struct Submission {
    domain::KeyId key;
    std::string model;
    int priority = domain::default_priority;
    std::optional<SystemTime> not_before;
    std::optional<SystemTime> deadline;
    unsigned max_attempts = domain::default_max_attempts;
    std::string idempotency_key;
    Work work;
  };
  // `job` is empty when it was not accepted.
  using Submitted = std::function<void(domain::JobId job)>;
  struct Question {
    domain::RequestId id;
    domain::KeyId key;
    std::string model;
    Duration patience;
    Work work;
  };
  using Answered = std::function<void(bool is_answered)>;

  Coordinator(Stage& stage, Network& network, DurableStore& store, Ledger& ledger, Settings settings)
      : stage_(stage), network_(network), store_(store), ledger_(ledger), settings_(std::move(settings)) {}

  // Reads the store and comes up when it can be written.
  void start();
  void crash();
  bool is_up() const { return scheduler_ != nullptr; }

  // From clients; whoever asks one that is down gets no answer at all.
  void submit(Submission submission, Submitted done);
  // `done`: whether it is cancelled, once that is stored.
  void cancel(domain::JobId id, std::function<void(bool)> done);
  void retry(domain::JobId id, Submitted done);
  void ask(Question question, Answered done);
  void hang_up(const domain::RequestId& id);

  // From workers.
  void worker_connected(const ConnectionPtr& connection, VirtualWorker& worker, domain::WorkerFacts facts);
  void worker_reported(const ConnectionPtr& connection, domain::WorkerReport report);
  void job_begun(domain::JobId job, domain::LeaseId lease);
  void job_ended(domain::JobId job, domain::LeaseId lease, const domain::AttemptEnd& end);
  void request_begun(const ConnectionPtr& connection, const domain::RequestId& id);
  void request_ended(const ConnectionPtr& connection, const domain::RequestId& id, const domain::AttemptEnd& end);

  // From its operator and its machine.
  void clock_was_set();
  void change_key(const domain::KeyId& id, const domain::KeyPolicy& policy);
  // The model gets a new id, as one that was removed and added again.
  void replace_model(std::size_t number, Duration gap);

  const Settings& settings() const { return settings_; }
  const WatchedScheduler* scheduler() const { return scheduler_.get(); }
  // All that was decided is stored.
  bool is_idle() const { return scheduler_ && scheduler_->account().is_idle() && log_.empty() && asked_.empty(); }

 private:
  struct Session {
    ConnectionPtr connection;
    VirtualWorker* worker = nullptr;
  };
  struct Asked {
    domain::ModelId model;
    Work work;
    Answered done;
    domain::WorkerId worker;
    // Where it was sent last.
    ConnectionPtr connection;
    bool has_begun = false;
  };

  void come_up(std::int64_t epoch);
  void restore();
  void carry_out(domain::Actions actions);
  void on(const domain::Assign& action);
  void on(const domain::Measured& action);
  void on(const domain::Dispatch& action);
  void on(const domain::Reject& action);
  void on(const domain::Lease& action);
  void on(const domain::Resume& action);
  void on(const domain::Revoke& action);
  void on(const domain::Settle& action);

  Session* session_of(const ConnectionPtr& connection);
  void connection_lost(const domain::WorkerId& id, const ConnectionPtr& connection, bool has_left);
  void requests_lost(const domain::WorkerId& id);
  void stop_on(const domain::WorkerId& worker, domain::LeaseId lease);
  void finish(const domain::RequestId& id, bool is_answered, std::optional<domain::Usage> usage);
  void write();
  void written(const std::vector<store::JobChange>& changes, const std::vector<bool>& applied);
  void end_stored(const store::JobEnded& end);
  void storing(bool works);
  void probe();
  void wake();
  domain::Job schedulable(const store::JobRecord& record) const;
  // Runs it unless this coordinator has crashed by then.
  void later(Duration delay, std::function<void()> event);

  Stage& stage_;
  Network& network_;
  DurableStore& store_;
  Ledger& ledger_;
  Settings settings_;

  // Of the coordinator that runs now; everything below is lost when it crashes.
  std::uint64_t life_ = 0;
  std::unique_ptr<WatchedScheduler> scheduler_;
  OrderedIds ids_;
  std::map<domain::WorkerId, Session> sessions_;
  std::map<domain::RequestId, Asked> asked_;
  // What is decided and not yet stored, in order; the first `in_flight_` are being written.
  std::deque<store::JobChange> log_;
  std::size_t in_flight_ = 0;
  bool store_works_ = true;
  bool is_probing_ = false;
  std::map<domain::JobId, std::vector<std::function<void(bool)>>> cancelling_;
  std::optional<SteadyTime> wake_at_;

  // As the store of workers keeps it.
  std::set<domain::WorkerId> seen_workers_;
};

}  // namespace gogrid::simulation
