// Dispatcher: the scheduler's shell. It hands events in, carries the actions out, and lets each request wait for its
// slot. Owned by the Coordinator, used on the io thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "domain/scheduler.hpp"
#include "net/quic/quic.hpp"

namespace gogrid::coordinator {

class Metrics;

// A connected worker, as the dispatcher uses it.
class WorkerLink {
 public:
  virtual ~WorkerLink() = default;
  virtual const domain::WorkerId& worker_id() const = 0;
  // Sent when the control stream has room; an assignment that was not sent yet is replaced.
  virtual void assign(domain::Assign assign) = 0;
  // It has no use for these any more: the worker stops and forgets them.
  virtual void release_leases(std::vector<domain::LeaseId> leases) = 0;
  // unavailable when the worker allows no more.
  virtual Result<std::shared_ptr<net::quic::Stream>> open_stream() = 0;
  // False once its connection is over; that the worker is gone is told soon after.
  virtual bool is_open() const = 0;
};

// What the scheduler wants done with jobs. Called in the middle of carrying out: must not come back to the dispatcher
// before it has returned.
class JobActions {
 public:
  virtual ~JobActions() = default;
  virtual void lease(const domain::Lease& lease, std::shared_ptr<WorkerLink> worker) = 0;
  virtual void resume(const domain::Resume& resume, std::shared_ptr<WorkerLink> worker) = 0;
  virtual void revoke(const domain::Revoke& revoke) = 0;
  virtual void settle(domain::Settle settle) = 0;
};

class Dispatcher {
 public:
  Dispatcher(boost::asio::any_io_executor executor, domain::SchedulerLimits limits, const Clock& clock,
             Metrics& metrics);
  ~Dispatcher();

  // Carries out what is due with time. Returns after stop().
  boost::asio::awaitable<void> run();
  // Turns away what waits and all that comes; what runs goes on.
  void stop();

  // All there are, in the order of assignment; called again when they change.
  void set_models(const std::vector<domain::Model>& models);
  // The current one of each target.
  void set_engines(const std::vector<domain::EngineBundle>& engines);

  // At the start: workers that are likely to connect again soon. Requests wait for them instead of being turned away.
  void expect_workers(const std::vector<domain::WorkerId>& ids, std::chrono::milliseconds grace);
  void worker_connected(std::shared_ptr<WorkerLink> link, domain::WorkerFacts facts);
  void worker_reported(const domain::WorkerId& id, domain::WorkerReport report);
  void worker_hardware(const domain::WorkerId& id, domain::Hardware hardware);
  void worker_labelled(const domain::WorkerId& id, std::map<std::string, std::string> labels);
  // Ignored when another connection of the worker has taken the link's place.
  void worker_gone(const WorkerLink& link, bool may_return);

  // The key's limits and share from now on.
  void set_key(const domain::KeyId& id, const domain::KeyPolicy& policy);

  // Why a request has no slot.
  struct Rejection {
    enum class Kind {
      rejected,   // by the scheduler: see code
      cancelled,  // by cancel()
      stopping,   // the coordinator shuts down
    };
    Kind kind = Kind::rejected;
    domain::RejectCode code = domain::RejectCode::no_worker;
    std::string text;
    std::chrono::seconds retry_after{0};
    // Of one by the scheduler.
    domain::Explanation explanation = {};
  };
  struct Slot {
    // Null when there is a rejection.
    std::shared_ptr<WorkerLink> worker;
    std::optional<Rejection> rejection;
    // Which of the worker's replicas of the model.
    std::uint32_t copy = 0;
  };

  // A request's place in the scheduler. Destroying it gives its slot or its place in the queue back.
  class Ticket {
   public:
    ~Ticket();
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    // Waits for a slot. Called again it says that the worker of the last one was lost or refused, and waits for
    // another.
    boost::asio::awaitable<Slot> slot();
    // The worker of the last slot was lost in the middle of an answer that another one can go on with: waits for that
    // one for `allowance` at most.
    boost::asio::awaitable<Slot> next_slot(std::chrono::milliseconds allowance);
    // Wakes slot() now and makes every later one fail.
    void cancel();
    // Why it waits; nullopt when it does not.
    std::optional<domain::Explanation> explain() const;
    // What its answer took: told to the scheduler when the ticket is destroyed.
    void answered(domain::Usage usage) { usage_ = usage; }

   private:
    friend class Dispatcher;
    Ticket(Dispatcher& dispatcher, domain::Request request);
    void wake();
    // Unless all is over anyway.
    bool begin_waiting();
    boost::asio::awaitable<Slot> outcome();
    // Why the last slot was of no use.
    domain::ReturnCause cause() const;

    Dispatcher& dispatcher_;
    domain::Request request_;
    // Of the last slot.
    std::weak_ptr<WorkerLink> given_;
    bool submitted_ = false;
    bool known_ = false;  // to the scheduler
    bool cancelled_ = false;
    std::optional<domain::Usage> usage_;
    std::optional<Slot> outcome_;
    std::optional<boost::asio::steady_timer> waiting_;
  };

  // `request.id` must be new. The dispatcher outlives the ticket.
  std::unique_ptr<Ticket> submit(domain::Request request);

  // Jobs, as the scheduler takes them. `actions` outlives the dispatcher's last event.
  void on_jobs(JobActions& actions) { job_actions_ = &actions; }
  void begin_leases(std::int64_t epoch) { scheduler_.begin_leases(epoch); }
  std::optional<domain::Reject> reserve_jobs(const std::string& key_id, const std::string& model, std::size_t count);
  void give_back_reservation(const std::string& key_id, std::size_t count);
  void job_submitted(domain::Job job, bool reserved);
  void job_restored(domain::Job job, unsigned attempts, std::optional<SystemTime> retry_at, domain::LeaseId lease,
                    const domain::WorkerId& worker);
  void job_running(domain::JobId id, domain::LeaseId lease) { scheduler_.job_running(id, lease); }
  void job_ended(domain::JobId id, domain::LeaseId lease, domain::AttemptEnd end);
  // False when it is not known, or its end is being stored.
  bool cancel_job(domain::JobId id, const std::string& reason);
  void job_stored(domain::JobId id);
  void store_changed(bool available);

  // What was measured before, at the start; and what becomes known from now on.
  void memory_known(const domain::MemoryKey& key, const domain::MeasuredMemory& memory) {
    scheduler_.memory_known(key, memory);
  }
  void on_measured(std::function<void(const domain::Measured&)> on_measured) { on_measured_ = std::move(on_measured); }

  const domain::Scheduler& scheduler() const { return scheduler_; }
  SteadyTime now() const { return clock_.steady_now(); }

 private:
  void carry_out(domain::Actions actions);
  void carry_out(domain::Dispatch& dispatch);
  void carry_out(domain::Reject& reject);
  void carry_out(domain::Assign& assign);
  void carry_out(domain::Measured& measured);
  void carry_out(domain::Lease& lease);
  void carry_out(domain::Resume& resume);
  void carry_out(domain::Revoke& revoke);
  void carry_out(domain::Settle& settle);
  // Tells the scheduler when the system's clock was set.
  void read_clock();
  void arm_timer();

  boost::asio::any_io_executor executor_;
  const Clock& clock_;
  Metrics& metrics_;
  domain::Scheduler scheduler_;
  boost::asio::steady_timer timer_;
  std::optional<SteadyTime> armed_for_;
  std::optional<std::chrono::system_clock::duration> clock_offset_;
  bool stopping_ = false;
  JobActions* job_actions_ = nullptr;
  std::function<void(const domain::Measured&)> on_measured_;
  std::vector<domain::Model> models_;
  std::vector<domain::EngineBundle> engines_;
  std::unordered_map<domain::WorkerId, std::shared_ptr<WorkerLink>> links_;
  std::unordered_map<domain::RequestId, Ticket*> tickets_;
};

}  // namespace gogrid::coordinator
