#include "worker/worker.hpp"

#include <sys/resource.h>
#include <algorithm>
#include <cstdlib>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <set>

#include "base/log.hpp"
#include "base/service_manager.hpp"
#include "base/utf8.hpp"
#include "wire/hardware_messages.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"
#include "worker/assignment_message.hpp"
#include "worker/control/control_server.hpp"
#include "worker/engine/device_gpus.hpp"
#include "worker/engine/manifest.hpp"
#include "worker/host.hpp"
#include "worker/limit_change.hpp"
#include "worker/owner_rules.hpp"
#include "worker/plan.hpp"
#include "worker/work.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds quiet_time{3};
constexpr std::chrono::milliseconds control_grace{1000};
constexpr std::size_t max_name_bytes = 256;
constexpr std::size_t max_detail_bytes = 8 * 1024;
// Of a whole state, whose frame ends at 1 MiB.
constexpr std::size_t max_details_bytes = 512 * 1024;

SandboxOptions sandbox_options(const WorkerOptions& options) {
  SandboxOptions sandbox;
  sandbox.insecure = options.insecure_no_sandbox;
  if (const char* path = std::getenv("PATH")) sandbox.path = path;
  sandbox.limits = resource_limits(options.config);
  return sandbox;
}

SessionOptions session_options(const WorkerOptions& options, const StateDirectory& state) {
  SessionOptions session;
  session.identity = options.identity;
  session.identity_dir = state.identity();
  session.coordinator_host = options.identity.coordinator_host;
  session.coordinator_port = options.identity.coordinator_port;
  return session;
}

WorkerOptions with_settings(WorkerOptions options) {
  if (options.settings) options.config = options.settings->config();
  return options;
}

InventoryOptions inventory_options(const WorkerOptions& options, const StateDirectory& state) {
  InventoryOptions inventory = options.inventory;
  inventory.disk = state.blobs();
  return inventory;
}

HistoryKeeperOptions history_options(const StateDirectory& state) {
  HistoryKeeperOptions history;
  history.file = state.history_file();
  return history;
}

Leases::Options lease_options(const WorkerOptions& options, std::function<bool()> may_go_on,
                              std::function<void()> on_ended) {
  Leases::Options leases;
  leases.grace = options.config.lease_grace;
  leases.may_go_on = std::move(may_go_on);
  leases.on_ended = std::move(on_ended);
  return leases;
}

wire::Phase to_wire(Phase phase) {
  switch (phase) {
    case Phase::fetching:
      return wire::PHASE_FETCHING;
    case Phase::unpacking:
      return wire::PHASE_UNPACKING;
    case Phase::loading:
      return wire::PHASE_LOADING;
    case Phase::ready:
      return wire::PHASE_READY;
    case Phase::failed:
      return wire::PHASE_FAILED;
    case Phase::waiting:
      return wire::PHASE_WAITING;
    case Phase::leaving:
      return wire::PHASE_LEAVING;
  }
  return wire::PHASE_UNSPECIFIED;
}

wire::Availability to_wire(Availability availability) {
  switch (availability) {
    case Availability::available:
      return wire::AVAILABILITY_AVAILABLE;
    case Availability::paused:
      return wire::AVAILABILITY_PAUSED;
    case Availability::draining:
      return wire::AVAILABILITY_DRAINING;
    case Availability::refusing:
      return wire::AVAILABILITY_REFUSING;
  }
  return wire::AVAILABILITY_UNSPECIFIED;
}

wire::Sandbox to_wire(SandboxKind kind) {
  switch (kind) {
    case SandboxKind::bubblewrap:
      return wire::SANDBOX_BUBBLEWRAP;
    case SandboxKind::none_insecure:
      return wire::SANDBOX_NONE_INSECURE;
    case SandboxKind::unavailable:
      return wire::SANDBOX_UNAVAILABLE;
  }
  return wire::SANDBOX_UNSPECIFIED;
}

template <class Message>
void set_progress(Message& message, const Progress& progress, std::size_t max_bytes) {
  message.set_phase(to_wire(progress.phase));
  message.set_done_bytes(progress.done_bytes);
  message.set_total_bytes(progress.total_bytes);
  message.set_detail(valid_utf8(progress.detail, max_bytes));
}

void add_memory(wire::ReplicaState& message, const std::string& device, std::uint64_t bytes,
                std::uint64_t mapped_bytes) {
  auto& memory = *message.add_memory();
  memory.set_device(device);
  memory.set_bytes(bytes);
  memory.set_mapped_bytes(mapped_bytes);
}

wire::ReplicaState replica_state(const Replica& replica, std::size_t max_bytes) {
  wire::ReplicaState message;
  message.set_model_id(replica.spec().key.model_id);
  message.set_copy(replica.spec().key.copy);
  set_progress(message, replica.progress(), max_bytes);
  message.set_slots(replica.progress().phase == Phase::ready ? replica.spec().slots : 0);
  message.set_starts(replica.starts());
  message.set_out_of_memory(replica.out_of_memory());
  for (const auto& [device, bytes] : replica.device_memory())
    add_memory(message, device, bytes, 0);
  if (const auto& host = replica.host_memory())
    add_memory(message, "", host->held_bytes + host->mapped_bytes, host->mapped_bytes);
  return message;
}

Error paused(const Pause& pause) {
  return Error(ErrorCode::unavailable, "the worker's engine is paused: " + pause.text_for_others);
}

}  // namespace

Worker::Worker(asio::any_io_executor executor, WorkerOptions options, StateDirectory& state)
    : executor_(executor),
      options_(with_settings(std::move(options))),
      state_directory_(state),
      owner_(executor, state.pause_file(), owner_rules(options_.config), [this] { owner_changed(); }),
      availability_(owner_.pauses()),
      history_(executor, pool_, history_options(state)),
      sandbox_(executor, sandbox_options(options_)),
      cache_(executor, pool_, state.blobs()),
      engines_(executor, pool_, cache_, state.engines(), options_.config.engine_path,
               [this](Change change) { engine_changed(change); }),
      devices_(executor, sandbox_, vram_limits(options_.config),
               [this] {
                 changed(Change::important);
                 // Which parts of the machine engines are on may be known only now.
                 pause_replicas();
               }),
      replica_context_{executor, pool_,       options_.config,
                       sandbox_, cache_,      engines_,
                       devices_, state.run(), [this](Change change) { changed(change); }},
      leases_(executor,
              lease_options(
                  options_, [this] { return availability_.current() == Availability::available; },
                  [this] {
                    request_finished_.notify();
                    sensors_.set_engines(engine_activity());
                  }),
              std::make_shared<SpoolRoom>(pool_, state.spool())),
      session_(executor, session_options(options_, state), *this),
      hardware_(executor, inventory_options(options_, state), hardware_events()),
      vram_(executor, devices_, vram_sources()),
      sensors_(executor, pool_, hardware_.inventory(), {state.blobs(), sandbox_.limits().group()}, options_.config,
               sensor_events()),
      control_(make_control()),
      stop_requested_(executor),
      request_finished_(executor),
      news_(executor),
      session_task_(executor),
      tasks_(executor) {
  cache_.set_quota(cache_quota_bytes(options_.config));
}

Worker::~Worker() = default;

asio::awaitable<Result<void>> Worker::run() {
  if (auto listening = control_->listen(); !listening) co_return listening;
  tasks_.spawn("control socket", control_->run());
  tell_service_manager("READY=1");
  owner_.start();
  sensors_.start();
  history_.start();
  count_pauses();
  hardware_.start();
  vram_.start();
  co_await probe_sandbox();
  engines_.introduce_to([this](std::shared_ptr<Engine> engine) { return meet(std::move(engine)); });
  tasks_.spawn("engine bundle", engines_.run());
  session_task_.spawn("session", session_.run());
  tasks_.spawn("tidy", tidy());
  tasks_.spawn("settings", follow_settings());
  while (stop_calls_ == 0)
    co_await stop_requested_.wait();
  co_await drained();
  co_await shut_down();
  co_return Result<void>();
}

asio::awaitable<void> Worker::shut_down() {
  // From here on nothing is assigned any more: a connection that is just being made may still try.
  shutting_down_ = true;
  session_.stop();
  session_task_.cancel();
  leases_.stop();
  owner_.stop();
  sensors_.stop();
  hardware_.stop();
  vram_.stop();
  if (settings_watch_) settings_watch_->stop();
  cache_.stop();
  request_finished_.notify();
  for (const auto& [key, replica] : replicas_)
    replica->stop();
  for (const auto& [key, replica] : replicas_)
    co_await replica->stopped();
  control_->stop(control_grace);
  co_await session_task_.wait();
  co_await leases_.stopped();
  co_await hardware_.stopped();
  co_await owner_.stopped();
  co_await sensors_.stopped();
  history_.stop();
  co_await history_.stopped();
  co_await vram_.stopped();
  tasks_.cancel();
  co_await tasks_.wait();
  replicas_.clear();
  pool_.join();
}

asio::awaitable<void> Worker::probe_sandbox() {
  co_await sandbox_.probe();
  const bool works = sandbox_.kind() != SandboxKind::unavailable;
  availability_.set_obstacle(works ? "" : "no sandbox: " + sandbox_.detail());
  if (sandbox_.kind() == SandboxKind::bubblewrap) {
    log().info("sandbox: {}", sandbox_.detail());
  } else if (works) {
    log().warn("{}", sandbox_.detail());
  } else {
    log().error("this worker takes no work: no sandbox: {}", sandbox_.detail());
  }
  changed(Change::important);
}

void Worker::changed(Change change) {
  if (change == Change::important) {
    news_.notify();
    vram_.engines_changed();
    sensors_.check_disk();
  }
  sensors_.set_engines(engine_activity());
  session_.state_changed(change);
  status_changed();
}

// Starting, connecting and loading touch much that waiting does not need: it is given back once nothing has changed for
// a while.
asio::awaitable<void> Worker::tidy() {
  for (;;) {
    const auto quiet_at = std::chrono::steady_clock::now() + quiet_time;
    co_await news_.wait_until(quiet_at);
    if (std::chrono::steady_clock::now() < quiet_at) continue;
    give_back_memory();
    co_await news_.wait();
  }
}

void Worker::engine_changed(Change change) {
  if (change == Change::important) {
    for (const auto& [key, replica] : replicas_)
      replica->engine_changed();
    warn_of_unknown_parts();
  }
  changed(change);
}

wire::Hello Worker::hello() {
  wire::Hello hello;
  hello.set_version(GOGRID_VERSION);
  if (!options_.config.engine_path.empty()) hello.add_features(wire::feature_local_engine);
  if (options_.config.lease_grace.count() > 0) hello.add_features(wire::feature_keeps_leases);
  if (!options_.inventory.program.empty()) hello.add_features(wire::feature_hardware_readings);
  hello.add_features(wire::feature_engine_devices);
  hello.add_features(wire::feature_replica_copies);
  for (const std::uint64_t lease : leases_.kept())
    hello.add_leases(lease);
  for (const auto& [key, replica] : replicas_)
    *hello.add_held() = to_held(replica->spec());
  hello.set_named_by_owner(!options_.config.name.empty());
  hello.set_host_name(valid_utf8(hello.named_by_owner() ? options_.config.name : host_name(), max_name_bytes));
  hello.set_target(machine_target());
  *hello.mutable_hardware() = hardware();
  return hello;
}

wire::Hardware Worker::hardware() {
  wire::Hardware hardware;
  hardware.set_cpu(valid_utf8(cpu_name(), max_name_bytes));
  hardware.set_cpu_threads(cpu_threads());
  hardware.set_memory_bytes(offered_memory_bytes(options_.config.max_memory_gb, available_memory_bytes()));
  add_facts(hardware, hardware_.survey());
  return hardware;
}

HardwareMonitor::Events Worker::hardware_events() {
  HardwareMonitor::Events events;
  events.on_look = [this] {
    // Which GPUs the engine's devices are.
    changed(Change::important);
    pause_replicas();
    warn_of_unknown_parts();
    session_.hardware_changed();
  };
  events.on_change = [this] { look_at_devices(); };
  events.on_reading = [this](const Survey& survey) {
    news_.notify();
    history_.add_reading(survey);
    vram_.take(survey);
    session_.send_reading(to_reading(survey));
  };
  return events;
}

wire::WorkerState Worker::state() {
  wire::WorkerState state;
  state.set_assignment_revision(revision_);
  state.set_availability(to_wire(availability_.current()));
  state.set_reason(valid_utf8(availability_.reason_for_others(), max_detail_bytes));
  state.set_sandbox(to_wire(sandbox_.kind()));
  const std::size_t each_bytes = std::min(max_detail_bytes, max_details_bytes / (replicas_.size() + 1));
  for (const auto& [key, replica] : replicas_) {
    if (find_leaving(key)) continue;
    auto& message = *state.add_replicas() = replica_state(*replica, each_bytes);
    const Pause* pause = pause_of(*replica);
    if (pause == nullptr) continue;
    // What is said first has to be true already: nothing is to be given to it any more.
    const bool finishes = may_finish(*pause) && replica->requests() > 0;
    message.set_slots(finishes ? std::min(message.slots(), replica->requests()) : 0);
    if (finishes) continue;
    message.set_phase(wire::PHASE_WAITING);
    message.set_detail(valid_utf8(pause->text_for_others, each_bytes));
  }
  // One entry for each: what is to come in its place has not begun.
  std::set<ReplicaKey> told;
  for (const auto& leaving : leaving_) {
    if (!told.insert(leaving->replica->spec().key).second) continue;
    auto& message = *state.add_replicas() = replica_state(*leaving->replica, each_bytes);
    message.set_phase(wire::PHASE_LEAVING);
    message.set_slots(0);
    message.set_detail(valid_utf8(leaving->detail, each_bytes));
  }
  auto& engine = *state.mutable_engine();
  set_progress(engine, engines_.progress(), max_detail_bytes);
  engine.set_description(valid_utf8(engines_.description(), max_name_bytes));
  if (!engines_.current()) return state;
  if (engine.phase() == wire::PHASE_READY) engine.set_detail(valid_utf8(devices_.trouble(), max_detail_bytes));
  const auto gpu_ids = match_gpus(devices_.list(), hardware_.survey().gpus);
  for (std::size_t i = 0; i < gpu_ids.size(); ++i) {
    const EngineDevice& device = devices_.list()[i];
    auto& message = *engine.add_devices();
    message.set_gpu_id(gpu_ids[i]);
    message.set_name(device.name);
    message.set_description(device.description);
    message.set_total_bytes(device.total_bytes);
    message.set_limit_bytes(device.limit_bytes);
    message.set_foreign_bytes(device.foreign_bytes);
  }
  return state;
}

asio::awaitable<void> Worker::meet(std::shared_ptr<Engine> engine) {
  engine->software_gpus = engine->gpu ? static_cast<std::uint32_t>(options_.config.software_gpus) : 0;
  if (engine->software_gpus > 0) {
    engine->description += "; computes on " + std::to_string(engine->software_gpus) + " software GPU" +
                           (engine->software_gpus > 1 ? "s" : "") + ", as worker.software_gpus says";
  }
  co_await devices_.look(engine);
}

void Worker::connected(BlobSource source) {
  if (shutting_down_) return;
  news_.notify();
  status_changed();
  // Revisions count for each connection; what is assigned stays until the coordinator says otherwise.
  revision_ = 0;
  cache_.set_source(std::move(source));
  leases_.offered();
  engines_.retry();
  for (const auto& [key, replica] : replicas_)
    replica->retry();
  if (options_.on_connected) {
    options_.on_connected(options_.identity.coordinator_host + ":" +
                          std::to_string(options_.identity.coordinator_port));
  }
}

void Worker::settled() {
  news_.notify();
  status_changed();
}

void Worker::disconnected() {
  hardware_.watch(std::chrono::seconds(0));
  cache_.set_source(std::nullopt);
  if (const auto count = leases_.kept().size(); count > 0) {
    log().info("{} jobs, or their answers, are kept for the coordinator for {} s", count,
               std::chrono::duration_cast<std::chrono::seconds>(options_.config.lease_grace).count());
  }
}

void Worker::refused() {
  for (const std::uint64_t lease : leases_.kept())
    leases_.release(lease);
}

void Worker::released(const wire::ReleaseLeases& leases) {
  for (const std::uint64_t lease : leases.leases())
    leases_.release(lease);
}

void Worker::assigned(const wire::Assignment& assignment) {
  if (shutting_down_) return;
  revision_ = assignment.revision();
  const auto specs = read_replicas(assignment);
  std::set<std::string> wanted;
  for (const ReplicaSpec& spec : specs) {
    for (const FileSpec& file : spec.files)
      wanted.insert(file.blob.sha256);
  }
  std::optional<BlobSpec> bundle;
  if (assignment.has_engine()) {
    bundle = BlobSpec{assignment.engine().blob().sha256(), assignment.engine().blob().size_bytes()};
    wanted.insert(bundle->sha256);
  }
  cache_.set_wanted(std::move(wanted));
  engines_.assign(std::move(bundle));

  std::vector<ReplicaSpec> running;
  for (const auto& [key, replica] : replicas_)
    running.push_back(replica->spec());
  const ReplicaPlan plan = plan_replicas(running, specs);
  for (const ReplicaKey& key : plan.stop) {
    const auto found = replicas_.find(key);
    const auto replica = found->second;
    replicas_.erase(found);
    if (!replica->started()) continue;
    leaving_.push_back(std::make_shared<Leaving>());
    leaving_.back()->replica = replica;
    tasks_.spawn("replica that goes", let_go(leaving_.back()));
  }
  for (const ReplicaSpec& spec : specs) {
    const auto found = replicas_.find(spec.key);
    if (found != replicas_.end() && found->second->spec() == spec) found->second->refine(spec);
  }
  for (const ReplicaSpec& spec : plan.start) {
    auto replica = std::make_shared<Replica>(replica_context_, spec);
    if (const Pause* pause = pause_of(*replica)) replica->set_pause(pause->text_for_others);
    replicas_.emplace(spec.key, std::move(replica));
  }
  start_replicas();
  changed(Change::important);
}

const Worker::Leaving* Worker::find_leaving(const ReplicaKey& key) const {
  const auto found = std::find_if(leaving_.begin(), leaving_.end(), [&](const std::shared_ptr<Leaving>& leaving) {
    return leaving->replica->spec().key == key;
  });
  return found == leaving_.end() ? nullptr : found->get();
}

void Worker::start_replicas() {
  for (const auto& [key, replica] : replicas_) {
    if (!replica->started() && !find_leaving(key)) replica->start();
  }
}

// Requests that it still answers may finish: nothing new comes to it. It counts as there until its memory is back.
asio::awaitable<void> Worker::let_go(std::shared_ptr<Leaving> leaving) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto tell = [this, leaving](std::string detail) {
    leaving->detail = std::move(detail);
    changed(Change::important);
  };
  const auto replica = leaving->replica;
  const auto deadline = std::chrono::steady_clock::now() + options_.config.drain_timeout;
  if (replica->requests() > 0) tell("it finishes what it answers");
  const auto yields = [this, replica] {
    const Pause* pause = pause_of(*replica);
    return pause != nullptr && !may_finish(*pause);
  };
  while (replica->requests() > 0 && !shutting_down_ && !yields() && std::chrono::steady_clock::now() < deadline) {
    co_await request_finished_.wait_until(deadline);
  }
  tell("its engine ends");
  replica->stop();
  co_await replica->stopped();
  if (!shutting_down_) {
    tell("its memory comes back");
    const std::string missing = co_await replica->memory_given_back();
    if (!missing.empty()) log().warn("model {} is gone, but {}", replica->spec().model_name, missing);
  }
  leaving_.remove(leaving);
  if (shutting_down_) co_return;
  start_replicas();
  changed(Change::important);
}

std::optional<Error> Worker::takes_no_work() const {
  const auto availability = availability_.current();
  if (availability == Availability::available) return std::nullopt;
  return Error(ErrorCode::unavailable,
               "the worker is " + std::string(to_string(availability)) + ": " + availability_.reason_for_others());
}

Result<EngineUse> Worker::find_engine(const ReplicaKey& key) {
  if (auto reason = takes_no_work()) return *std::move(reason);
  const auto found = replicas_.find(key);
  if (found == replicas_.end()) return Error(ErrorCode::unavailable, "the worker does not serve this model");
  const std::shared_ptr<Replica> replica = found->second;
  EngineUse use;
  use.client = replica->client();
  if (const Pause* pause = pause_of(*replica)) return paused(*pause);
  if (!use.client) {
    return Error(ErrorCode::unavailable,
                 "the worker's engine is not ready: " + std::string(to_string(replica->progress().phase)));
  }
  struct Hold {
    Hold(std::shared_ptr<Replica> its_replica, std::shared_ptr<void> its_time)
        : use(std::move(its_replica)), time(std::move(its_time)) {}
    Replica::Use use;
    std::shared_ptr<void> time;
  };
  use.hold = std::make_shared<Hold>(replica, history_.begin_work());
  use.answered = [this](std::uint64_t tokens, bool whole) { history_.answered(tokens, whole); };
  status_changed();
  use.suspect = [replica] { replica->suspect(); };
  use.given_up = [this, replica]() -> std::optional<Error> {
    if (auto reason = takes_no_work()) return reason;
    if (const Pause* pause = pause_of(*replica)) return paused(*pause);
    return std::nullopt;
  };
  return use;
}

asio::awaitable<void> Worker::serve(std::shared_ptr<net::quic::Stream> stream) {
  struct Count {
    explicit Count(Worker& its_worker) : worker(its_worker) {
      if (++worker.requests_running_ == 1) worker.vram_.engines_changed();
      ++worker.requests_total_;
      worker.sensors_.set_engines(worker.engine_activity());
      worker.status_changed();
    }
    ~Count() {
      --worker.requests_running_;
      worker.sensors_.set_engines(worker.engine_activity());
      worker.status_changed();
      worker.request_finished_.notify();
      if (worker.requests_running_ == 0) worker.news_.notify();
    }
    Worker& worker;
  } count(*this);
  FindEngine find = [this](const ReplicaKey& key) { return find_engine(key); };
  co_await serve_work(executor_, std::move(stream), std::move(find), leases_);
}

}  // namespace gogrid::worker
