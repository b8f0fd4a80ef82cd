// The records of the scheduler: what it knows of workers, replicas, models, keys, requests and jobs. Included by its
// own sources only.
#pragma once

#include <algorithm>
#include <boost/multi_index/identity.hpp>
#include <boost/multi_index/ranked_index.hpp>
#include <boost/multi_index_container.hpp>
#include <boost/range/iterator_range.hpp>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "domain/placement.hpp"
#include "domain/prefix_cache.hpp"
#include "domain/rate_limit.hpp"
#include "domain/scheduler.hpp"
#include "domain/worker_health.hpp"

namespace gogrid::domain {

// Workers and keys have small numbers for as long as the scheduler lives, also while they are gone.
using WorkerNumber = std::uint32_t;
using KeyNumber = std::uint32_t;

inline constexpr std::chrono::seconds retry_when_full{5};
inline constexpr std::chrono::seconds retry_when_not_ready{15};
inline constexpr std::chrono::seconds retry_without_worker{30};

// A mean in which the newest value counts for a fifth; empty until there is one.
struct RunningMean {
  std::optional<double> value;
  void add(double sample) { value = value ? *value + (sample - *value) / 5 : sample; }
};

struct Scheduler::Replica {
  enum class State : std::uint8_t {
    planned,  // waits until the memory of others that leave is back; the worker does not know of it
    assigned,
    leaving,  // not assigned any more; its memory is not back
  };

  Worker* worker = nullptr;
  ReplicaKey key;
  ModelEntry* model = nullptr;  // nullptr once the model is removed
  State state = State::planned;
  Placement placement;
  // The worker is told; otherwise its engine has no choice, or decided.
  bool is_placed = false;
  // It was there when its worker connected.
  bool is_adopted = false;
  // It has less context, or fewer layers on devices, than it should: memory was short.
  bool is_reduced = false;
  // Of each slot; less than the model's own where memory was short.
  std::uint32_t context_tokens = 0;
  // The assignment that brought it, or took it away; 0: not sent yet.
  std::uint64_t revision = 0;
  ReplicaReport report;
  // False until the worker has reported it since it was assigned.
  bool reported = false;
  // Requests and jobs that run on it, by our own count.
  std::uint32_t slots_busy = 0;
  // Since it became ready.
  bool used = false;
  SteadyTime ready_since{};
  SteadyTime idle_since{};
  SteadyTime work_given_at{};
  // When its phase began, and what of it was done then.
  SteadyTime phase_since{};
  std::uint64_t phase_began_at_bytes = 0;
  // Starts of its engine that do not count as crashes any more.
  std::uint32_t calm_starts = 1;
  // It gave a request back: nothing new until then.
  SteadyTime held_until{};
  // Seconds a unit of cost (cost_of) took here.
  RunningMean pace;
};

// What outlives a worker's connection.
struct Scheduler::KnownWorker {
  WorkerId id;
  WorkerHealth health;
  // Jobs that ran on it when its connection broke, as long as it may come back with them.
  std::set<JobId> orphans;
  // Models whose files it has had.
  std::set<ModelId> fetched;
  // Seconds a unit of cost took here, whatever the model.
  RunningMean pace;
};

// A worker has no more, whatever it says.
inline constexpr std::size_t most_replicas = 1024;

// On the same ones, whatever they take there.
inline bool same_devices(const Placement& one, const Placement& other) {
  return std::equal(one.devices.begin(), one.devices.end(), other.devices.begin(), other.devices.end(),
                    [](const DeviceShare& left, const DeviceShare& right) { return left.device == right.device; });
}

struct Scheduler::Worker {
  WorkerId id;
  WorkerNumber number = 0;
  WorkerFacts facts;
  // False while it is only expected: then it may turn out to have any model.
  bool facts_known = false;
  bool connected = true;
  // Of a worker that is not connected: when it is no longer expected back.
  SteadyTime expected_until{};
  // It is awaited for its jobs only: it was paused, or the like, when it left.
  bool takes_nothing = false;
  std::optional<WorkerReport> report;
  std::map<ReplicaKey, std::unique_ptr<Replica>> replicas;
  // What it was told last, and how often.
  Assignment assignment;
  std::uint64_t revision = 0;
  // For models: all, and what is left by those that are there, are planned, or have not left yet.
  Room capacity;
  Room room;
  // Its own, or a bundle for its target.
  bool has_engine = false;
  // Something has left it since it was filled.
  bool has_vacancy = false;
  // Over all its replicas.
  std::size_t running = 0;
};

struct Scheduler::KeyEntry {
  KeyId id;
  KeyNumber number = 0;
  KeyPolicy policy;
  RateLimit requests;
  RateLimit tokens;
  std::size_t running = 0;
  std::size_t requests_waiting = 0;
  // Waiting, delayed, running, or with a place kept for them.
  std::size_t jobs_open = 0;
  // Those of them that could run now but for a slot.
  std::size_t jobs_ready = 0;

  bool has_room() const {
    return policy.max_concurrent == 0 || running < static_cast<std::size_t>(policy.max_concurrent);
  }
};

// How a model fared on a worker where it did not load.
struct Scheduler::Trial {
  // Failures for want of memory and for crashes; after too many it is not placed there for a while.
  unsigned shortages = 0;
  unsigned crashes = 0;
  SteadyTime blocked_until{};
  std::uint32_t max_layers = std::numeric_limits<std::uint32_t>::max();
  // For a person.
  std::string reason;
};

struct Scheduler::ModelEntry {
  Model model;
  // Where it stands among the models, by the order in which they were added.
  std::uint64_t order = 0;
  SteadyTime added_at{};
  Line* line = nullptr;
  // Planned and assigned ones, by worker and copy.
  std::map<std::pair<WorkerId, std::uint32_t>, Replica*> replicas;
  std::map<WorkerNumber, Trial> trials;
  // With the whole context; with half of it, where memory was short.
  MemoryNeed need;
  MemoryNeed reduced_need;

  std::size_t allowed_replicas() const {
    return model.max_replicas == 0 ? std::numeric_limits<std::size_t>::max() : model.max_replicas;
  }
  // When a place was looked for in vain: what was so then, and until when only news can change it.
  std::uint64_t searched_version = 0;
  SteadyTime search_again_at{};
  SteadyTime search_alarm{};
  // Since when there are fewer replicas than there should be at least.
  std::optional<SteadyTime> short_since;
  // From an engine's start until it was ready.
  RunningMean load_seconds;
  // By sequence number: first come, first served within a key, and a returned request has its old place.
  std::map<std::uint64_t, RequestEntry*> waiting;
  std::map<KeyNumber, std::map<std::uint64_t, RequestEntry*>> waiting_by_key;
  // Since when no replica is ready and all that could be are failing.
  std::optional<SteadyTime> failing_since;
  // Of interactive requests.
  std::optional<SteadyTime> last_request;
  PrefixCache prefixes;
};

struct Scheduler::RequestEntry {
  enum class State { waiting, running, lost };

  Request request;
  std::uint64_t sequence = 0;
  State state = State::lost;
  SteadyTime queued_at{};
  SteadyTime started_at{};
  std::chrono::steady_clock::duration allowance{};
  unsigned attempts = 0;
  // Times its worker vanished; such an attempt does not count.
  unsigned losses = 0;
  KeyEntry* key = nullptr;
  Line* line = nullptr;         // nullptr once the model is removed, unless it runs
  ModelEntry* model = nullptr;  // nullptr once the model is removed
  Replica* replica = nullptr;   // while it runs
  // What its key was charged when it began to run.
  double charged = 0;
};

struct Scheduler::JobEntry {
  enum class State : std::uint8_t {
    ready,     // in its line
    delayed,   // until not_before or a retry
    leased,    // holds a slot
    orphaned,  // its worker is gone and may come back with it
    settling,  // it has ended, which is being stored
  };

  JobId id;
  // Where it stands among its key's jobs: the time it was made, earlier for each point of priority.
  std::chrono::milliseconds rank{};
  SystemTime created_at;
  SystemTime not_before = SystemTime::min();
  SystemTime deadline = SystemTime::max();
  SystemTime retry_at = SystemTime::min();
  SteadyTime started_at{};
  KeyEntry* key = nullptr;
  Line* line = nullptr;
  Replica* replica = nullptr;
  LeaseId lease = 0;
  PrefixHash prefix = 0;
  double charged = 0;
  std::uint32_t prompt_tokens = 0;
  std::uint16_t max_attempts = 1;
  // Begun, and those that counted against it.
  std::uint16_t attempts = 0;
  std::uint16_t failures = 0;
  State state = State::delayed;
  bool running = false;
  std::uint8_t tag = 0;
  // Of the lease, and of the newest failure, if there was one.
  WorkerNumber worker = 0;
  // Nullopt: the coordinator was started anew since.
  std::optional<std::uint32_t> copy;
  std::optional<WorkerNumber> avoid;
};

struct Scheduler::JobOrder {
  bool operator()(const JobEntry* a, const JobEntry* b) const {
    return a->rank != b->rank ? a->rank < b->rank : a->id < b->id;
  }
};

// A key's jobs for one model that could run now; a job's place in it is found in logarithmic time.
struct Scheduler::JobQueue {
  boost::multi_index_container<JobEntry*, boost::multi_index::indexed_by<boost::multi_index::ranked_unique<
                                              boost::multi_index::identity<JobEntry*>, JobOrder>>>
      jobs;
};

// The jobs for one name of a model, whether there is such a model or not.
struct Scheduler::Line {
  std::string name;
  ModelEntry* model = nullptr;
  std::map<KeyNumber, JobQueue> queues;
  std::size_t ready = 0;
  // That have not ended.
  std::size_t open = 0;
  // Requests and jobs.
  std::size_t running = 0;
  // Interactive requests come before all its jobs.
  std::size_t requests_waiting() const { return model == nullptr ? 0 : model->waiting.size(); }
  // Since when its jobs get nothing.
  SteadyTime unserved_since{};
  // Since when jobs wait, whether others begin or not.
  SteadyTime backlog_since{};
  // What each key has been given of this model, by its number, in cost by weight: who has least is next. One that comes
  // back after a while starts where the others are.
  std::vector<double> served;
  // What the key that was next had been given: that is where the others are.
  double virtual_time = 0;
  // Of requests and jobs that were answered: how long they held their slot, and what they cost.
  RunningMean slot_seconds;
  RunningMean cost;
};

inline auto Scheduler::replicas_on(const Worker& worker, const ModelId& model) {
  const auto first = worker.replicas.lower_bound({model, 0});
  auto last = first;
  while (last != worker.replicas.end() && last->first.model == model)
    ++last;
  return boost::make_iterator_range(first, last);
}

}  // namespace gogrid::domain
