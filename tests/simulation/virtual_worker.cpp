#include "simulation/virtual_worker.hpp"

#include <algorithm>

#include "simulation/coordinator.hpp"

namespace gogrid::simulation {

using domain::AttemptEnd;
using domain::AttemptOutcome;
using domain::Availability;
using domain::Phase;

using namespace std::chrono_literals;

namespace {

// What it keeps while it has no connection.
constexpr Duration keep_time = 300s;

// As a worker sees it: what it is expected to take there makes no difference.
bool same_place(const std::optional<domain::Placement>& left, const std::optional<domain::Placement>& right) {
  if (!left || !right) return left.has_value() == right.has_value();
  return left->device_layers == right->device_layers &&
         std::equal(left->devices.begin(), left->devices.end(), right->devices.begin(), right->devices.end(),
                    [](const auto& one, const auto& other) { return one.device == other.device; });
}

AttemptEnd end_of(AttemptOutcome outcome, std::string reason, domain::Usage usage = {}) {
  return AttemptEnd{outcome, std::move(reason), usage};
}

}  // namespace

VirtualWorker::VirtualWorker(Stage& stage, Network& network, Coordinator& coordinator, std::size_t index, Traits traits)
    : stage_(stage),
      network_(network),
      coordinator_(coordinator),
      index_(index),
      traits_(traits),
      id_("wk_" + std::to_string(index)) {}

// ---- its connection ----

void VirtualWorker::switch_on() {
  if (power_ != Power::off) return;
  ++life_;
  failed_connects_ = 0;
  connect();
}

void VirtualWorker::connect() {
  power_ = Power::connecting;
  network_.connect(index_, [this, life = life_](ConnectionPtr connection) {
    if (life != life_ || power_ != Power::connecting) return;
    if (connection) return connected(std::move(connection));
    ++failed_connects_;
    connect_later(std::min<Duration>(100ms * (1u << std::min(failed_connects_, 7u)), 10s));
  });
}

void VirtualWorker::connect_later(Duration delay) {
  power_ = Power::connecting;
  stage_.timeline.after(stage_.random.between(delay / 2, delay), [this, life = life_] {
    if (life == life_ && power_ == Power::connecting) connect();
  });
}

void VirtualWorker::connected(ConnectionPtr connection) {
  power_ = Power::connected;
  failed_connects_ = 0;
  connection_ = std::move(connection);
  connection_->lost_at_worker = [this, life = life_, mine = std::weak_ptr<Connection>(connection_)] {
    if (life == life_ && mine.lock() == connection_) connection_lost();
  };
  domain::WorkerFacts facts;
  facts.target = "linux-x86_64";
  facts.hardware.memory_bytes = traits_.memory_bytes;
  facts.keeps_leases = traits_.keeps_leases;
  facts.tells_devices = traits_.gpus > 0;
  facts.runs_copies = traits_.gpus > 0;
  for (const auto& [lease, run] : jobs_)
    facts.leases.push_back(lease);
  // Those that leave do so whatever the coordinator says.
  for (const auto& [key, replica] : replicas_) {
    facts.held.push_back(domain::HeldReplica{key.model, replica.model.context_tokens, replica.placement, key.copy});
  }
  revision_ = 0;
  network_.to_coordinator(connection_, [this, connection = connection_, facts] {
    coordinator_.worker_connected(connection, *this, facts);
  });
}

void VirtualWorker::connection_lost() {
  stage_.note("disconnected", id_.text());
  connection_.reset();
  requests_.clear();
  if (!traits_.keeps_leases) jobs_.clear();
  for (auto& [lease, run] : jobs_) {
    run.is_wanted = false;
    stage_.timeline.after(keep_time, [this, life = life_, id = lease, number = run.number] {
      const auto found = jobs_.find(id);
      const bool is_kept = life == life_ && found != jobs_.end() && found->second.number == number;
      if (is_kept && !found->second.is_wanted) jobs_.erase(found);
    });
  }
  connect_later(1s);
}

void VirtualWorker::lose_connection() {
  if (power_ != Power::connected) return;
  network_.close_at_worker(connection_, false);
  connection_lost();
}

void VirtualWorker::leave(Duration away) {
  if (connection_) network_.close_at_worker(connection_, true);
  connection_.reset();
  requests_.clear();
  jobs_.clear();
  replicas_.clear();
  leaving_.clear();
  power_ = Power::off;
  const std::uint64_t left = ++life_;
  availability_ = Availability::available;
  stage_.timeline.after(away, [this, left] {
    if (life_ == left) switch_on();
  });
}

void VirtualWorker::crash(Duration away) {
  if (power_ == Power::off) return;
  stage_.note("worker_crashes", id_.text());
  if (connection_) network_.close_at_worker(connection_, false);
  connection_.reset();
  requests_.clear();
  jobs_.clear();
  replicas_.clear();
  leaving_.clear();
  power_ = Power::off;
  const std::uint64_t crashed = ++life_;
  stage_.timeline.after(away, [this, crashed] {
    if (life_ == crashed) switch_on();
  });
}

// ---- what it has ready ----

void VirtualWorker::assigned(const domain::Assign& assign) {
  revision_ = assign.revision;
  const auto& wanted = assign.assignment.replicas;
  std::vector<domain::ReplicaKey> unwanted;
  for (const auto& [key, replica] : replicas_) {
    const bool stays = std::any_of(wanted.begin(), wanted.end(), [&here = replica](const auto& one) {
      return one.model == here.model && one.copy == here.key.copy && same_place(one.placement, here.placement);
    });
    if (!stays) unwanted.push_back(key);
  }
  for (const auto& key : unwanted) {
    replicas_.erase(key);
    leaving_.insert(key);
    stage_.timeline.after(stage_.random.between(Duration(100ms), Duration(3s)), [this, life = life_, key] {
      if (life == life_) let_go(key);
    });
  }
  for (const auto& [model, placement, copy] : wanted) {
    const domain::ReplicaKey key{model.id, copy};
    const auto [found, is_new] = replicas_.try_emplace(key);
    if (!is_new) continue;
    found->second.key = key;
    found->second.model = model;
    found->second.placement = placement;
    if (!leaving_.contains(key)) load(found->second, Duration(0));
  }
  report();
}

bool VirtualWorker::is_busy_with(const domain::ReplicaKey& key) const {
  return std::any_of(jobs_.begin(), jobs_.end(),
                     [&](const auto& entry) { return entry.second.replica == key && !entry.second.end; }) ||
         std::any_of(requests_.begin(), requests_.end(),
                     [&](const auto& entry) { return entry.second.replica == key; });
}

// Once what it answers is finished.
void VirtualWorker::let_go(const domain::ReplicaKey& key) {
  if (is_busy_with(key)) {
    stage_.timeline.after(1s, [this, life = life_, key] {
      if (life == life_) let_go(key);
    });
    return;
  }
  leaving_.erase(domain::ReplicaKey(key));
  if (const auto next = replicas_.find(key); next != replicas_.end()) load(next->second, Duration(0));
  report();
}

void VirtualWorker::load(Replica& replica, Duration failing) {
  replica.phase = failing > Duration(0) ? Phase::failed : Phase::fetching;
  replica.generation = ++numbers_;
  ++replica.starts;
  const auto then = [this, life = life_, key = replica.key, generation = replica.generation](Phase phase) {
    return [this, life, key, generation, phase] {
      const auto found = replicas_.find(key);
      if (life != life_ || found == replicas_.end() || found->second.generation != generation) return;
      found->second.phase = phase;
      report();
    };
  };
  const Duration loading = failing + stage_.random.between(Duration(500ms), Duration(8s));
  stage_.timeline.after(loading, then(Phase::loading));
  stage_.timeline.after(loading + stage_.random.between(Duration(500ms), Duration(4s)), then(Phase::ready));
}

void VirtualWorker::report() {
  if (!connection_) return;
  domain::WorkerReport report;
  report.revision = revision_;
  report.availability = availability_;
  if (availability_ != Availability::available) report.reason = "as its owner wants it";
  if (traits_.gpus > 0) report.engine.progress.phase = Phase::ready;
  for (unsigned i = 0; i < traits_.gpus; ++i) {
    report.engine.devices.push_back(
        {"GPU" + std::to_string(i), "a virtual card", traits_.gpu_bytes, traits_.gpu_bytes, 0});
  }
  for (const auto& key : leaving_) {
    domain::ReplicaReport entry;
    entry.model = key.model;
    entry.copy = key.copy;
    entry.progress.phase = Phase::leaving;
    report.replicas.push_back(entry);
  }
  for (const auto& [key, replica] : replicas_) {
    if (leaving_.contains(key)) continue;
    domain::ReplicaReport entry;
    entry.model = key.model;
    entry.copy = key.copy;
    entry.progress.phase = replica.phase;
    entry.slots = replica.model.slots;
    entry.starts = replica.starts;
    report.replicas.push_back(entry);
  }
  network_.to_coordinator(
      connection_, [this, connection = connection_, report] { coordinator_.worker_reported(connection, report); });
}

void VirtualWorker::fail_engines(Duration duration) {
  for (auto& [key, replica] : replicas_) {
    crash_engine(key, "the engine does not start");
    load(replica, duration);
  }
  report();
}

void VirtualWorker::crash_engine(const domain::ReplicaKey& key, const std::string& reason) {
  std::vector<domain::LeaseId> jobs;
  for (const auto& [lease, run] : jobs_) {
    if (run.replica == key && !run.end) jobs.push_back(lease);
  }
  std::vector<domain::RequestId> requests;
  for (const auto& [id, run] : requests_) {
    if (run.replica == key) requests.push_back(id);
  }
  for (const auto lease : jobs)
    job_ended(lease, end_of(AttemptOutcome::failed, reason));
  for (const auto& id : requests)
    request_ended(id, end_of(AttemptOutcome::failed, reason));
  const auto replica = replicas_.find(key);
  if (replica == replicas_.end()) return;
  load(replica->second, Duration(0));
  report();
}

// ---- its owner ----

void VirtualWorker::become(Availability availability, Duration duration) {
  stage_.note("availability", id_.text(), domain::to_string(availability));
  availability_ = availability;
  report();
  stage_.timeline.after(duration, [this, number = ++availability_number_] {
    if (number != availability_number_) return;
    availability_ = Availability::available;
    report();
  });
}

void VirtualWorker::pause(Duration duration) {
  become(Availability::paused, duration);
  if (stage_.random.chance(0.5)) give_back_everything();
}

void VirtualWorker::refuse(Duration duration) {
  become(Availability::refusing, duration);
  if (stage_.random.chance(0.5)) give_back_everything();
}

void VirtualWorker::drain(Duration away) {
  become(Availability::draining, 24h);
  stage_.timeline.after(stage_.random.between(Duration(1s), Duration(40s)), [this, life = life_, away] {
    if (life == life_ && power_ != Power::off) leave(away);
  });
}

void VirtualWorker::give_back_everything() {
  std::vector<domain::LeaseId> jobs;
  for (const auto& [lease, run] : jobs_) {
    if (!run.end) jobs.push_back(lease);
  }
  for (const auto lease : jobs)
    job_ended(lease, end_of(AttemptOutcome::refused, "its owner wants the machine"));
  std::vector<domain::RequestId> requests;
  for (const auto& [id, run] : requests_)
    requests.push_back(id);
  for (const auto& id : requests)
    request_ended(id, end_of(AttemptOutcome::refused, "its owner wants the machine"));
}

void VirtualWorker::heal() {
  slowness_ = 1;
  if (availability_ != Availability::available) {
    availability_ = Availability::available;
    ++availability_number_;
    report();
  }
  for (auto& [id, replica] : replicas_) {
    if (replica.phase == Phase::failed) load(replica, Duration(0));
  }
}

// ---- work ----

bool VirtualWorker::can_take(const domain::ReplicaKey& key) const {
  const auto replica = replicas_.find(key);
  if (availability_ != Availability::available || replica == replicas_.end()) return false;
  if (replica->second.phase != Phase::ready) return false;
  std::size_t running = 0;
  for (const auto& [lease, run] : jobs_)
    running += run.replica == key && !run.end ? 1 : 0;
  for (const auto& [id, run] : requests_)
    running += run.replica == key ? 1 : 0;
  return running < replica->second.model.slots;
}

Duration VirtualWorker::service_time(const Work& work) {
  const double seconds = static_cast<double>(work.usage.prompt_tokens) / 1000 +
                         static_cast<double>(work.usage.completion_tokens) / traits_.speed;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds * slowness_)) +
         stage_.random.exponential(20ms);
}

void VirtualWorker::begin(const domain::ReplicaKey& key, const Work& work, std::uint64_t number,
                          std::function<void()> begun, std::function<void(AttemptEnd)> ended) {
  const Duration all = service_time(work);
  const Duration partly = stage_.random.between(Duration(1ms), all);
  stage_.timeline.after(std::min<Duration>(partly, all / 4), std::move(begun));
  switch (work.nature) {
    case Nature::ordinary:
      stage_.timeline.after(all, [ended, work] { ended(end_of(AttemptOutcome::succeeded, "", work.usage)); });
      return;
    case Nature::fails:
      stage_.timeline.after(partly, [ended] { ended(end_of(AttemptOutcome::failed, "the engine failed")); });
      return;
    case Nature::rejected:
      stage_.timeline.after(5ms, [ended] { ended(end_of(AttemptOutcome::rejected, "too long for the context")); });
      return;
    case Nature::kills_engine:
    case Nature::kills_worker:
      stage_.timeline.after(partly, [this, life = life_, key, number, nature = work.nature] {
        if (life != life_) return;
        const auto is_it = [number](const auto& entry) { return entry.second.number == number && !entry.second.end; };
        if (std::none_of(jobs_.begin(), jobs_.end(), is_it) &&
            std::none_of(requests_.begin(), requests_.end(), is_it)) {
          return;
        }
        if (nature == Nature::kills_engine) return crash_engine(key, "the engine crashed");
        crash(stage_.random.between(Duration(2s), Duration(20s)));
      });
      return;
    case Nature::hangs:
      return;
  }
}

void VirtualWorker::take(const JobOrder& order) {
  const bool is_taken = can_take(order.replica);
  auto& run = jobs_[order.lease];
  run = Run{order.job, order.replica, order.work, ++numbers_, true, std::nullopt};
  if (!is_taken) return job_ended(order.lease, end_of(AttemptOutcome::refused, "it has no free slot"));
  const auto mine = [this, life = life_, lease = order.lease, number = run.number] {
    const auto found = jobs_.find(lease);
    return life == life_ && found != jobs_.end() && found->second.number == number && !found->second.end;
  };
  begin(
      order.replica, order.work, run.number,
      [this, mine, order] {
        if (!mine() || !connection_) return;
        network_.to_coordinator(connection_, [this, order] { coordinator_.job_begun(order.job, order.lease); });
      },
      [this, mine, lease = order.lease](AttemptEnd end) {
        if (mine()) job_ended(lease, std::move(end));
      });
}

void VirtualWorker::job_ended(domain::LeaseId lease, AttemptEnd end) {
  auto& run = jobs_.at(lease);
  run.end = std::move(end);
  if (run.is_wanted) send_end(lease);
}

void VirtualWorker::send_end(domain::LeaseId lease) {
  if (!connection_) return;
  const Run& run = jobs_.at(lease);
  const auto tell = [this, job = run.job, lease, end = *run.end] { coordinator_.job_ended(job, lease, end); };
  network_.to_coordinator(connection_, tell, tell);
}

void VirtualWorker::fetch(domain::LeaseId lease) {
  const auto found = jobs_.find(lease);
  if (found == jobs_.end()) return;
  found->second.is_wanted = true;
  if (found->second.end) send_end(lease);
}

void VirtualWorker::stop(domain::LeaseId lease) { jobs_.erase(lease); }

void VirtualWorker::take(const RequestOrder& order) {
  const bool is_taken = can_take(order.replica);
  auto& run = requests_[order.request];
  run = Run{{}, order.replica, order.work, ++numbers_, true, std::nullopt};
  if (!is_taken) return request_ended(order.request, end_of(AttemptOutcome::refused, "it has no free slot"));
  const auto mine = [this, life = life_, id = order.request, number = run.number] {
    const auto found = requests_.find(id);
    return life == life_ && found != requests_.end() && found->second.number == number;
  };
  begin(
      order.replica, order.work, run.number,
      [this, mine, id = order.request] {
        if (!mine() || !connection_) return;
        network_.to_coordinator(connection_,
                                [this, connection = connection_, id] { coordinator_.request_begun(connection, id); });
      },
      [this, mine, id = order.request](AttemptEnd end) {
        if (mine()) request_ended(id, std::move(end));
      });
}

void VirtualWorker::request_ended(const domain::RequestId& id, AttemptEnd end) {
  requests_.erase(domain::RequestId(id));
  if (!connection_) return;
  network_.to_coordinator(connection_, [this, connection = connection_, id, end = std::move(end)] {
    coordinator_.request_ended(connection, id, end);
  });
}

void VirtualWorker::stop(const domain::RequestId& request) { requests_.erase(request); }

}  // namespace gogrid::simulation
