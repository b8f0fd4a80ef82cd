// Scheduler: decides what every worker has ready, which worker runs each request, who waits and who is turned away. A
// deterministic state machine: events in, actions out; it reads no clock, does no I/O and has no thread. Owned by the
// dispatcher.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "domain/assignment.hpp"
#include "domain/model.hpp"
#include "domain/outlook.hpp"
#include "domain/request.hpp"
#include "domain/worker.hpp"

namespace gogrid::domain {

struct SchedulerLimits {
  // Over all models.
  std::size_t max_waiting_requests = 1024;
  // Times a request is tried before it is given up: workers that vanish with it are not its fault.
  unsigned max_attempts = 3;
  // A worker whose connection broke is expected back for this long: requests for its models wait instead of being
  // rejected.
  std::chrono::milliseconds reconnect_grace{5'000};
  // While every engine of a model fails to start, requests wait this long for a restart to help.
  std::chrono::milliseconds failing_patience{15'000};
  // A replica that gave a request back gets no other until it reports a change, or for this long.
  std::chrono::milliseconds replica_hold{1'000};
};

// What the shell has to do. A request is named by exactly one Dispatch or Reject after each submission or return.
struct Dispatch {
  RequestId request;
  WorkerId worker;
  ModelId model;
};
struct Reject {
  RequestId request;
  RejectCode code = RejectCode::no_worker;
  std::string text;
  std::chrono::seconds retry_after{0};
};
struct Assign {
  WorkerId worker;
  Assignment assignment;
};
using Action = std::variant<Dispatch, Reject, Assign>;
using Actions = std::vector<Action>;

class Scheduler {
 public:
  struct ReplicaView {
    ModelId model;
    std::string model_name;
    ReplicaReport report;
    std::uint32_t slots_busy = 0;
  };
  struct WorkerView {
    WorkerId id;
    const WorkerFacts* facts = nullptr;
    // nullptr until the first report.
    const WorkerReport* report = nullptr;
    std::vector<ReplicaView> replicas;  // assigned ones, by model
  };
  struct Totals {
    std::size_t workers_connected = 0;
    std::size_t requests_waiting = 0;
    std::size_t requests_running = 0;
    std::size_t slots_free = 0;
    std::size_t slots_busy = 0;
    std::map<Phase, std::size_t> replicas;
  };

  explicit Scheduler(SchedulerLimits limits);
  ~Scheduler();

  // Events. Time never goes back from one event to the next.

  // A worker that is connected already is replaced: what ran on it is lost. Always answered with an Assign for it.
  Actions worker_connected(const WorkerId& id, WorkerFacts facts, SteadyTime now);
  Actions worker_reported(const WorkerId& id, WorkerReport report, SteadyTime now);
  // `may_return`: its connection broke, it was not revoked. What ran on it is lost: the shell reports each request as
  // returned or finished.
  Actions worker_gone(const WorkerId& id, bool may_return, SteadyTime now);

  // Workers that were connected before this scheduler began and are likely to come back within `grace`.
  Actions workers_expected(const std::vector<WorkerId>& ids, std::chrono::milliseconds grace, SteadyTime now);

  // Models are assigned in the order in which they are added.
  Actions model_added(Model model, SteadyTime now);
  Actions model_removed(const ModelId& id, SteadyTime now);
  // The bundle for a target from now on; nullopt: there is none.
  Actions engine_changed(const std::string& target, std::optional<EngineBundle> bundle, SteadyTime now);

  // The id must be new.
  Actions request_submitted(Request request, SteadyTime now);
  // Completed, failed or cancelled, wherever it was: waiting, running or lost. An unknown id is ignored.
  Actions request_finished(const RequestId& id, SteadyTime now);
  // Its worker was lost or refused it before anything of the answer was used: it takes its old place in the queue
  // again.
  Actions request_returned(const RequestId& id, SteadyTime now);

  Actions tick(SteadyTime now);
  // When tick() should come next, if nothing else happens.
  std::optional<SteadyTime> next_tick() const;

  // Questions.

  // nullopt when the request is not waiting.
  std::optional<Explanation> explain(const RequestId& id, SteadyTime now) const;
  // Of a model that is not known: all zero.
  Outlook outlook(const ModelId& id) const;
  std::optional<WorkerView> worker(const WorkerId& id) const;
  std::vector<WorkerView> workers() const;
  Totals totals() const;

  // Aborts when the state contradicts itself; for tests and simulation.
  void check_invariants() const;

 private:
  struct Worker;
  struct Replica;
  struct ModelEntry;
  struct RequestEntry;
  enum class Prospect { hopeful, failing, none };

  void plan(Worker& worker, bool always_assign, Actions& actions);
  void plan_all(Actions& actions);
  // Lets go of a replica that is neither assigned nor busy.
  void drop_if_unused(Replica& replica);
  void forget_worker(const WorkerId& id);
  void lose_requests_of(Worker& worker, SteadyTime now);
  void enqueue(RequestEntry& request);
  void leave_queue(RequestEntry& request);
  void release_slot(RequestEntry& request, SteadyTime now);
  // Dispatches and rejects what can be, of one model or of all.
  void settle(ModelEntry& model, SteadyTime now, Actions& actions);
  void settle_all(SteadyTime now, Actions& actions);
  void dispatch_waiting(ModelEntry& model, SteadyTime now, Actions& actions);
  void reject_waiting(ModelEntry& model, RejectCode code, const std::string& text, std::chrono::seconds retry_after,
                      Actions& actions);
  Replica* choose_replica(ModelEntry& model, SteadyTime now) const;
  bool can_take_work(const Replica& replica, SteadyTime now) const;
  Prospect prospect(ModelEntry& model, const Outlook& outlook, SteadyTime now);
  Outlook outlook_of(const ModelEntry& model) const;
  WorkerView view_of(const Worker& worker) const;
  void wake_at(SteadyTime time);

  const SchedulerLimits limits_;
  std::map<WorkerId, std::unique_ptr<Worker>> workers_;
  std::map<ModelId, std::unique_ptr<ModelEntry>> models_;
  // In the order of assignment.
  std::vector<const Model*> model_order_;
  std::map<std::string, EngineBundle> engines_;
  std::unordered_map<RequestId, std::unique_ptr<RequestEntry>> requests_;
  // Of waiting requests, with their sequence number.
  std::map<std::pair<SteadyTime, std::uint64_t>, RequestEntry*> deadlines_;
  // Other moments at which something may be decided anew.
  std::set<SteadyTime> alarms_;
  std::uint64_t next_sequence_ = 1;
  std::size_t waiting_ = 0;
  std::size_t running_ = 0;
};

}  // namespace gogrid::domain
