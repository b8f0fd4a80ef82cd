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
#include "domain/job.hpp"
#include "domain/memory_ledger.hpp"
#include "domain/model.hpp"
#include "domain/outlook.hpp"
#include "domain/placement.hpp"
#include "domain/prefix_cache.hpp"
#include "domain/request.hpp"
#include "domain/worker.hpp"

namespace gogrid::domain {

struct SchedulerLimits {
  // Over all models.
  std::size_t max_waiting_requests = 1024;
  // Jobs that have not ended, over all keys.
  std::size_t max_jobs = 2'000'000;
  // Times a request is tried before it is given up. Workers that vanish with it are rarely its fault and counted apart.
  unsigned max_attempts = 3;
  unsigned max_losses = 8;
  // A worker whose connection broke is expected back for this long: requests for its models wait instead of being
  // rejected.
  std::chrono::milliseconds reconnect_grace{5'000};
  // While every engine of a model fails to start, requests wait this long for a restart to help.
  std::chrono::milliseconds failing_patience{15'000};
  // A replica that gave a request back gets no other until it reports a change, or for this long.
  std::chrono::milliseconds replica_hold{1'000};
  // Waiting for this long is worth as much as one more of priority: nothing waits for ever.
  std::chrono::milliseconds ageing{60'000};
  // While interactive requests take every slot of a model, one of its jobs gets a slot this often.
  std::chrono::milliseconds job_patience{60'000};
  // For this long after an interactive request for a model, one of its slots is kept for the next one, if it has two
  // or more.
  std::chrono::milliseconds interactive_memory{60'000};
  // A model that was used keeps its place in a worker's memory for this long at least.
  std::chrono::milliseconds min_residency{30'000};
  // Work that waits for so long gets another replica of its model, where there is room.
  std::chrono::milliseconds growth_patience{5'000};
  // Work whose model is nowhere waits for so long before one that is being used must make room.
  std::chrono::milliseconds eviction_patience{15'000};
  // Work goes, if it can, where the beginning of its prompt was worked on before.
  bool prefix_affinity = true;
  // A replica whose engine crashed so often is taken away, and not placed on that worker for a while, then for longer.
  unsigned crash_limit = 5;
  std::chrono::milliseconds first_crash_pause{60'000};
  std::chrono::milliseconds last_crash_pause{3'600'000};
  // One that did not fit a worker's memory, and not with half its context either, is not placed there for so long.
  std::chrono::milliseconds shortage_pause{600'000};
  // An attempt at a job that takes longer has failed.
  std::chrono::milliseconds max_attempt_time{3'600'000};
  // A failed job waits this long before its second attempt, twice as long before its third, …
  std::chrono::milliseconds first_retry_delay{1'000};
  std::chrono::milliseconds last_retry_delay{300'000};
};

// Why a request comes back.
enum class ReturnCause : std::uint8_t {
  refused,
  // The connection broke; worker_gone() may come later. It says nothing of the worker's work.
  worker_lost,
};

// What the shell has to do. A request is named by exactly one Dispatch or Reject after each submission or return.
struct Dispatch {
  RequestId request;
  WorkerId worker;
  ModelId model;
  // Of its replicas, see ReplicaKey.
  std::uint32_t copy = 0;
};
struct Reject {
  RequestId request;
  RejectCode code = RejectCode::no_worker;
  std::string text;
  std::chrono::seconds retry_after{0};
  // How it stood when it was rejected.
  Explanation explanation = {};
};
struct Assign {
  WorkerId worker;
  Assignment assignment;
  // From 1, growing with each of a connection; echoed in WorkerReport.
  std::uint64_t revision = 0;
};
// What a replica took is news: to be stored, and given back at the next start (memory_known).
struct Measured {
  MemoryKey key;
  MeasuredMemory memory;
};
// A job goes to a worker. Its end is told by job_ended() with this lease.
struct Lease {
  JobId job;
  LeaseId lease = 0;
  // From 1.
  unsigned attempt = 0;
  WorkerId worker;
  ModelId model;
  std::uint8_t tag = 0;
  std::uint32_t copy = 0;
};
// The worker of that lease is back and has gone on with it: its answer is to be asked for, from its beginning.
struct Resume {
  JobId job;
  LeaseId lease = 0;
  WorkerId worker;
  ModelId model;
  std::uint8_t tag = 0;
  // The replica whose slot it counts for.
  std::uint32_t copy = 0;
};
// The work under that lease is to be stopped; what comes of it does not count. Its worker may be gone.
struct Revoke {
  JobId job;
  LeaseId lease = 0;
  WorkerId worker;
};
// What became of an attempt or of the job: to be stored. For the end of a job (is_final) the shell answers with
// job_stored().
struct Settle {
  JobId job;
  KeyId key;
  // Its name.
  std::string model;
  // 0 when no attempt ended with it.
  LeaseId lease = 0;
  unsigned attempt = 0;
  WorkerId worker;
  SteadyTime started_at{};
  AttemptEnd end;

  JobState state = JobState::queued;
  std::optional<SystemTime> retry_at;
  // Of a job that ended without success.
  std::string error_code;
  std::string error_message;
};
using Action = std::variant<Dispatch, Reject, Assign, Measured, Lease, Resume, Revoke, Settle>;
using Actions = std::vector<Action>;

class Scheduler {
 public:
  struct ReplicaView {
    ModelId model;
    std::string model_name;
    ReplicaReport report;
    std::uint32_t slots_busy = 0;
    Placement placement;
    std::uint32_t context_tokens = 0;
    std::uint32_t copy = 0;
  };
  struct WorkerView {
    WorkerId id;
    const WorkerFacts* facts = nullptr;
    // nullptr until the first report.
    const WorkerReport* report = nullptr;
    std::vector<ReplicaView> replicas;  // by model: there, on their way, and leaving
    // Why it gets no work although it is available, for a person; empty when it does.
    std::string quarantine;
  };
  struct Totals {
    std::size_t workers_connected = 0;
    std::size_t workers_quarantined = 0;
    std::size_t requests_waiting = 0;
    std::size_t requests_running = 0;
    std::size_t jobs_waiting = 0;
    std::size_t jobs_running = 0;
    // They have ended, which is being stored.
    std::size_t jobs_settling = 0;
    std::size_t slots_free = 0;
    std::size_t slots_busy = 0;
    // Since the start: what was answered, and ends of attempts whose lease was not the job's any more.
    std::uint64_t requests_done = 0;
    std::uint64_t jobs_done = 0;
    std::uint64_t prompt_tokens = 0;
    std::uint64_t completion_tokens = 0;
    std::uint64_t stale_ends = 0;
    // Replicas that were planned or assigned, and those that had to make room.
    std::uint64_t placements = 0;
    std::uint64_t evictions = 0;
    std::map<Phase, std::size_t> replicas;
  };
  // What waits for a model and what runs of it.
  struct LineView {
    std::string model;
    std::size_t requests_waiting = 0;
    std::size_t jobs_waiting = 0;
    std::size_t running = 0;
    Outlook outlook;
    // Of one that is submitted now.
    std::optional<std::chrono::seconds> estimate;
  };
  struct KeyView {
    KeyId key;
    std::size_t requests_waiting = 0;
    std::size_t jobs_open = 0;
    std::size_t running = 0;
  };
  // A limit of a key as it stands; `limit` 0 is none.
  struct RateView {
    std::int64_t limit = 0;
    std::int64_t remaining = 0;
    // Until all of it is there again.
    std::chrono::milliseconds reset{0};
  };

  explicit Scheduler(SchedulerLimits limits);
  ~Scheduler();

  // Events. Time never goes back from one event to the next.

  // What the system's clock says: jobs have times of day. At the start, with each tick, and when it was set. Until the
  // first one it stands at 1970.
  Actions clock_read(SystemTime system, SteadyTime now);
  // The upper half of all lease ids from now on; at the start.
  void begin_leases(std::int64_t epoch);

  // A worker that is connected already is replaced: what ran on it is lost, but for the jobs whose leases it still
  // holds (WorkerFacts::leases). Always answered with an Assign for it.
  Actions worker_connected(const WorkerId& id, WorkerFacts facts, SteadyTime now);
  Actions worker_reported(const WorkerId& id, WorkerReport report, SteadyTime now);
  // Its hardware from now on, where that changed since it connected. An unknown worker is ignored.
  Actions worker_hardware(const WorkerId& id, Hardware hardware, SteadyTime now);
  // Its labels from now on. An unknown worker is ignored.
  Actions worker_labelled(const WorkerId& id, std::map<std::string, std::string> labels, SteadyTime now);
  // `may_return`: its connection broke, it was not revoked. The requests that ran on it are lost: the shell reports
  // each as returned or finished. Its jobs wait for it as long as it may return, then for another worker.
  Actions worker_gone(const WorkerId& id, bool may_return, SteadyTime now);

  // Workers that were connected before this scheduler began and are likely to come back within `grace`.
  Actions workers_expected(const std::vector<WorkerId>& ids, std::chrono::milliseconds grace, SteadyTime now);

  // What was measured before this scheduler began; at the start.
  void memory_known(const MemoryKey& key, const MeasuredMemory& memory);

  // Where there is room models are loaded before anybody asks, in the order in which they are added.
  Actions model_added(Model model, SteadyTime now);
  // Requests for it are rejected; jobs wait for another model of its name.
  Actions model_removed(const ModelId& id, SteadyTime now);
  // The bundle for a target from now on; nullopt: there is none.
  Actions engine_changed(const std::string& target, std::optional<EngineBundle> bundle, SteadyTime now);

  // A key that is not known has weight 1 and no limits. Its list of models is the API's business.
  Actions key_changed(const KeyId& id, const KeyPolicy& policy, SteadyTime now);

  // While nothing can be stored no job is given to a worker; requests run on.
  Actions store_changed(bool available, SteadyTime now);

  // The id must be new.
  Actions request_submitted(Request request, SteadyTime now);
  // Completed, failed or cancelled, wherever it was: waiting, running or lost. An unknown id is ignored. `usage`: of
  // one that was answered.
  Actions request_finished(const RequestId& id, SteadyTime now, std::optional<Usage> usage = std::nullopt);
  // Its worker was lost or refused it before anything of the answer was used: it takes its old place in the queue
  // again.
  Actions request_returned(const RequestId& id, ReturnCause cause, SteadyTime now);
  // Its worker was lost or gave it up in the middle of an answer that another one can go on with, if it is found within
  // `allowance`. It takes its old place in the queue again; what it got so far was not in vain and is no attempt.
  Actions request_interrupted(const RequestId& id, ReturnCause cause, std::chrono::steady_clock::duration allowance,
                              SteadyTime now);

  // Whether `count` more jobs of the key may be accepted. If so their places are kept until each is submitted, or given
  // back. The rejection names no request.
  std::optional<Reject> reserve_jobs(const KeyId& key, const std::string& model, std::size_t count, SteadyTime now);
  void give_back_reservation(const KeyId& key, std::size_t count);
  // It is stored. `reserved`: a place was kept for it. The id must be new.
  Actions job_submitted(Job job, bool reserved, SteadyTime now);
  // From the store, at the start: `attempts` were begun. With a `lease` that its `worker` may still hold.
  Actions job_restored(Job job, unsigned attempts, std::optional<SystemTime> retry_at, LeaseId lease,
                       const WorkerId& worker, SteadyTime now);
  // Its worker has the request.
  void job_running(JobId id, LeaseId lease);
  // Ignored, but counted, when the lease is not the job's any more (see holds_lease). A worker that is gone is told by
  // worker_gone() and not here.
  Actions job_ended(JobId id, LeaseId lease, AttemptEnd end, SteadyTime now);
  // Answered with a Settle unless its end is being stored already or it is not known.
  Actions job_cancelled(JobId id, const std::string& reason, SteadyTime now);
  // Its end is stored: it is forgotten.
  Actions job_stored(JobId id, SteadyTime now);

  Actions tick(SteadyTime now);
  // When tick() should come next, if nothing else happens.
  std::optional<SteadyTime> next_tick() const;

  // Questions.

  // nullopt when the request is not waiting.
  std::optional<Explanation> explain(const RequestId& id, SteadyTime now) const;
  std::optional<Explanation> explain(JobId id, SteadyTime now) const;
  // queued, leased or running; nullopt when its end is stored or being stored, or it is not known.
  std::optional<JobState> job_state(JobId id) const;
  bool holds_lease(JobId id, LeaseId lease) const;
  // Of a model that is not known: all zero.
  Outlook outlook(const ModelId& id) const;
  // What replicas of the model took.
  std::vector<Measured> measured(const ModelId& id) const;
  RateView request_rate(const KeyId& key, SteadyTime now) const;
  RateView token_rate(const KeyId& key, SteadyTime now) const;
  std::optional<WorkerView> worker(const WorkerId& id) const;
  std::vector<WorkerView> workers() const;
  // By name; those with neither model nor work are left out.
  std::vector<LineView> lines(SteadyTime now) const;
  // Those that have work.
  std::vector<KeyView> keys() const;
  Totals totals() const;

  // Aborts when the state contradicts itself; for tests and simulation.
  void check_invariants() const;

 private:
  struct Worker;
  struct KnownWorker;
  struct Replica;
  struct ModelEntry;
  struct KeyEntry;
  struct RequestEntry;
  struct JobEntry;
  struct JobOrder;
  struct JobQueue;
  struct Line;
  struct Trial;
  struct Supply;
  struct Demand;
  struct Option;
  enum class Prospect { hopeful, failing, none };
  // Why a model cannot be on a worker, whatever else is there.
  enum class Misfit { none, no_engine, other_labels, other_gpus, too_little_memory };
  // What a piece of work wants of a replica.
  struct Wish {
    std::optional<PrefixCache::Place> warm_place;
    std::optional<std::uint32_t> avoid_worker;
  };

  // Workers.
  std::uint32_t number_of(const WorkerId& id);
  // A report has come.
  void reconsider(Worker& worker);
  void take_replicas(Worker& worker, bool availability_changed, SteadyTime now, Actions& actions);
  void forget_worker(const WorkerId& id, SteadyTime now, Actions& actions);
  // Its jobs become orphans.
  void lose_work_of(Worker& worker, SteadyTime now);
  // Its connection is gone: nothing is known of them.
  void lose_replicas_of(Worker& worker, SteadyTime now);
  static Replica* replica_of(const JobEntry& job, const Worker& worker);
  void resume_orphans(Worker& worker, SteadyTime now, Actions& actions);
  void lose_orphans(std::uint32_t worker, SteadyTime now, Actions& actions);

  // What workers have ready.
  const EngineBundle* engine_of(const Worker& worker) const;
  DeviceKind kind_of(const std::string& device);
  // Whether what its engine computes on can be said.
  bool knows_devices(const Worker& worker) const;
  // After anything about its memory or its replicas changed.
  void recount(Worker& worker);
  void estimate_need(ModelEntry& model);
  void model_changed(ModelEntry& model, SteadyTime now);
  static void give_back(Room& room, const Replica& replica);
  Misfit misfit(const ModelEntry& model, const Worker& worker) const;
  const Trial* trial_of(const ModelEntry& model, const Worker& worker) const;
  // It did not load on that worker, or on several, and is not tried there now.
  bool is_blocked(const ModelEntry& model, const Worker& worker, SteadyTime now) const;
  bool is_crashing(const ModelEntry& model, SteadyTime now) const;
  const MemoryNeed& need_on(const ModelEntry& model, const Worker& worker) const;
  static Room allowed_room(const ModelEntry& model, const Worker& worker, Room room);
  FitResult fit_on(const ModelEntry& model, const Worker& worker, const Room& room) const;
  // The same beside the worker's other replicas of it, if there are any: whole and on a GPU of its own. `self` is one
  // of them and does not stand in its own way.
  FitResult fit_beside(const ModelEntry& model, const Worker& worker, const Room& room,
                       const Replica* self = nullptr) const;
  void place_in(Replica& replica, const Room& room, const FitResult& result);
  Replica& put(ModelEntry& model, Worker& worker, const Room& room, const FitResult& result, SteadyTime now);
  // Takes it away; it is forgotten once its memory is back.
  void remove(Replica& replica);
  // Lets go of a replica that has left and is not busy.
  void drop_if_gone(Replica& replica);
  void forget(Replica& replica);
  // After it has connected. `before`: what it was to have then.
  void adopt(Worker& worker, const std::vector<HeldReplica>& before, SteadyTime now);
  // `is_there`: the worker says so; otherwise it may have been started anew and has the files at most.
  void adopt(Worker& worker, const HeldReplica& held, bool is_there, bool was_assigned, SteadyTime now);
  // It is where the model's settings want it, as far as they say.
  bool conforms(const Replica& replica) const;
  // What may not be there any more leaves, what may and has room comes.
  void plan(Worker& worker, SteadyTime now);
  void plan_all(SteadyTime now);
  void fill(Worker& worker, SteadyTime now);
  // Where each of the worker's GPUs should have it.
  void put_copies(ModelEntry& model, Worker& worker, SteadyTime now);
  bool wanted_ahead(const ModelEntry& model, SteadyTime now) const;
  // The worker's replicas of the model, also those that leave: a range of its map.
  static auto replicas_on(const Worker& worker, const ModelId& model);
  static PrefixCache::Place place_of(const Replica& replica);
  void start_planned(Worker& worker, SteadyTime now);
  void use_freed_room(SteadyTime now);
  void note_report(Worker& worker, Replica& replica, const ReplicaReport& before, SteadyTime now, Actions& actions);
  void note_shortage(Replica& replica, SteadyTime now);
  void note_crashes(Replica& replica, SteadyTime now);
  void record_memory(const Replica& replica, Actions& actions);
  bool counts(const Replica& replica, SteadyTime now) const;
  void drop_surplus(ModelEntry& model, SteadyTime now);
  Supply supply_of(const ModelEntry& model, SteadyTime now) const;
  std::optional<Demand> demand_for(ModelEntry& model, SteadyTime now);
  // A replica for work that waits, if it needs one.
  void provide(ModelEntry& model, SteadyTime now);
  Option option_on(const ModelEntry& model, const Worker& worker, const Demand& demand, SteadyTime now) const;
  bool place_best(ModelEntry& model, const Demand& demand, SteadyTime now);
  // When it may be made to leave for that demand; max: never.
  SteadyTime evictable_at(const Replica& replica, const ModelEntry& wanted, const Demand& demand, SteadyTime now) const;
  // Those that may be made to leave now, in the order in which they should; of no model more than it can do without.
  // `later`: made the time at which there may be others, if that is earlier.
  std::vector<Replica*> victims_on(const Worker& worker, const ModelEntry& wanted, const Demand& demand, SteadyTime now,
                                   SteadyTime& later) const;
  void evict_for(ModelEntry& model, Worker& worker, const Demand& demand, SteadyTime now);
  void release_idle(ModelEntry& model, SteadyTime now);
  std::uint32_t slowness(const Worker& worker) const;
  void flush_assignments(Actions& actions);
  std::optional<std::chrono::seconds> ready_in(const Replica& replica, SteadyTime now) const;

  // Keys.
  KeyEntry& key_entry(const KeyId& id);
  static double& served(Line& line, const KeyEntry& key);
  // Before it gets its first work to wait there.
  void catch_up(const KeyEntry& key, Line& line);
  // Of the keys that wait there and could be served.
  double least_served(Line& line, SteadyTime now) const;
  double charge(const KeyEntry& key, Line& line, std::uint32_t prompt_tokens, SteadyTime now);
  static bool within_rates(const KeyEntry& key, SteadyTime now);
  // What was guessed, corrected by what is known; without usage nothing was used.
  void settle_account(KeyEntry& key, Line* line, double charged, std::uint32_t prompt_tokens,
                      const std::optional<Usage>& usage, SteadyTime now);
  std::optional<Reject> refuse_by_rate(const KeyEntry& key, std::uint32_t prompt_tokens, SteadyTime now) const;

  // Slots.
  void take_slot(Replica& replica, KeyEntry& key, Line& line, SteadyTime now);
  void free_slot(Replica& replica, KeyEntry& key, Line& line, SteadyTime now);
  void learn(Replica& replica, Line& line, SteadyTime started_at, const Usage& usage, SteadyTime now);
  void note_failure(Worker& worker, std::size_t work, AttemptOutcome outcome, SteadyTime now);
  Replica* choose_replica(ModelEntry& model, const Wish& wish, SteadyTime now) const;
  bool can_take_work(const Replica& replica, SteadyTime now) const;
  bool slots_reserved(const ModelEntry& model, SteadyTime now) const;

  // Requests.
  void enqueue(RequestEntry& request);
  void leave_queue(RequestEntry& request);
  // Waits for another slot, or is given up.
  void take_back(RequestEntry& request, ReturnCause cause, SteadyTime now, Actions& actions);
  void release_slot(RequestEntry& request, SteadyTime now);
  void start(RequestEntry& request, Replica& replica, SteadyTime now, Actions& actions);
  void reject_waiting(ModelEntry& model, RejectCode code, std::chrono::seconds retry_after, const std::string& text,
                      SteadyTime now, Actions& actions);
  // Forgets it.
  void reject(RequestEntry& request, RejectCode code, std::string text, std::chrono::seconds retry_after,
              SteadyTime now, Actions& actions);
  RequestEntry* next_request(ModelEntry& model) const;

  // Jobs.
  Line& line_of(const std::string& model_name);
  void drop_if_unused(Line& line);
  JobEntry& add_job(Job job, SteadyTime now);
  // Into its line, or among the delayed ones.
  void enqueue(JobEntry& job, SteadyTime now);
  void leave_queue(JobEntry& job);
  void start(JobEntry& job, Replica& replica, SteadyTime now, Actions& actions);
  void release_slot(JobEntry& job, SteadyTime now);
  void finish_attempt(JobEntry& job, AttemptEnd end, SteadyTime now, Actions& actions);
  // Wherever it is: it ends without another attempt.
  void end_job(JobEntry& job, JobState state, std::string code, std::string message, SteadyTime now, Actions& actions);
  void begin_settling(JobEntry& job);
  SystemTime retry_time(const JobEntry& job, AttemptOutcome outcome, SteadyTime now) const;
  JobEntry* next_job(Line& line, SteadyTime now);
  void release_delayed(SteadyTime now);
  void expire_jobs(SteadyTime now, Actions& actions);
  void end_long_attempts(SteadyTime now, Actions& actions);
  Explanation explain_ready(const JobEntry& job, SteadyTime now) const;

  // Dispatches and rejects what can be, of one model or of all.
  void settle(ModelEntry& model, SteadyTime now, Actions& actions);
  void match(ModelEntry& model, SteadyTime now, Actions& actions);
  void settle_all(SteadyTime now, Actions& actions);
  // After a slot of that key became free: more than its model may have waited for it.
  void settle_after(const KeyEntry& key, ModelEntry* model, SteadyTime now, Actions& actions);
  void dispatch_waiting(ModelEntry& model, SteadyTime now, Actions& actions);
  Prospect prospect(ModelEntry& model, const Outlook& outlook, SteadyTime now);
  bool is_served(const ModelEntry& model, SteadyTime now) const;
  Outlook outlook_of(const ModelEntry& model, SteadyTime now) const;
  std::optional<std::chrono::seconds> estimate(const Line& line, const Outlook& outlook, std::size_t position) const;
  std::size_t position_of(const JobEntry& job) const;
  static void add_misfit(Outlook& outlook, Misfit why, const Worker& worker);
  void add_absent(Outlook& outlook, const ModelEntry& model, const Worker& worker, SteadyTime now) const;
  std::string leaving_text(const Worker& worker) const;
  WorkerView view_of(const Worker& worker, SteadyTime now) const;
  // Counts their slots.
  void check_jobs(std::map<const Replica*, std::uint32_t>& busy) const;
  void wake_at(SteadyTime time);
  SystemTime system_time(SteadyTime now) const { return SystemTime(now.time_since_epoch() + clock_offset_); }
  SteadyTime steady_time(SystemTime time) const;

  const SchedulerLimits limits_;
  std::map<WorkerId, std::unique_ptr<Worker>> workers_;
  std::map<WorkerId, std::uint32_t> worker_numbers_;
  std::vector<KnownWorker> known_workers_;  // by number
  std::map<ModelId, std::unique_ptr<ModelEntry>> models_;
  // In the order in which they were added.
  std::vector<ModelEntry*> model_order_;
  std::uint64_t models_added_ = 0;
  std::map<std::string, DeviceKind> kinds_;
  MemoryLedger ledger_;
  // Grows whenever a place may have become free.
  std::uint64_t room_version_ = 1;
  // Something has left them.
  std::set<WorkerId> freed_;
  // Their assignment may have to be sent.
  std::set<WorkerId> unsent_;
  // When a model may be tried again somewhere.
  std::set<SteadyTime> trial_ends_;
  // Of the fastest worker.
  double best_pace_ = 0;
  std::map<std::string, EngineBundle> engines_;
  std::unordered_map<KeyId, std::unique_ptr<KeyEntry>> keys_;
  std::vector<KeyEntry*> keys_by_number_;

  std::unordered_map<RequestId, std::unique_ptr<RequestEntry>> requests_;
  // Of waiting requests, with their sequence number.
  std::map<std::pair<SteadyTime, std::uint64_t>, RequestEntry*> deadlines_;
  std::uint64_t next_sequence_ = 1;
  std::size_t waiting_ = 0;
  std::size_t running_ = 0;

  std::unordered_map<JobId, std::unique_ptr<JobEntry>> jobs_;
  std::map<std::string, std::unique_ptr<Line>, std::less<>> lines_;
  std::set<std::pair<SystemTime, JobId>> delayed_;
  std::set<std::pair<SystemTime, JobId>> job_deadlines_;
  // Leased ones, by the time they began.
  std::set<std::pair<SteadyTime, JobId>> leased_;
  // With places that are kept.
  std::size_t jobs_open_ = 0;
  std::size_t jobs_ready_ = 0;
  LeaseId last_lease_ = 0;
  // The counters of totals().
  Totals done_;
  bool store_available_ = true;
  std::chrono::system_clock::duration clock_offset_{};

  // Other moments at which something may be decided anew.
  std::set<SteadyTime> alarms_;
  // Of the newest event.
  SteadyTime now_{};
};

}  // namespace gogrid::domain
