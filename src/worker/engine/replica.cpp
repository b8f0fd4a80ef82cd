#include "worker/engine/replica.hpp"

#include <signal.h>

#include <algorithm>

#include "base/blocking.hpp"
#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "worker/chance.hpp"
#include "worker/engine/engine_client.hpp"
#include "worker/engine/engine_log.hpp"
#include "worker/engine/engine_pace.hpp"
#include "worker/engine/log_tail.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::milliseconds first_restart{500};
constexpr std::chrono::milliseconds longest_restart{60'000};
// An engine that ran for so long did not fail to start.
constexpr std::chrono::seconds stable_time{60};
// How often a loading engine that says nothing is asked whether it is ready.
constexpr std::chrono::milliseconds first_look{50};
constexpr std::chrono::milliseconds longest_look{2000};
constexpr std::chrono::milliseconds health_timeout{10'000};
constexpr int health_attempts = 3;
constexpr std::chrono::seconds attempt_pause{1};
constexpr std::chrono::seconds end_timeout{20};
constexpr std::size_t shown_log_lines = 12;
// From so many on, the state says how often it failed to load.
constexpr std::uint32_t told_failures = 3;
constexpr std::chrono::seconds last_words_timeout{1};
constexpr std::chrono::seconds ending_timeout{2};
// Less is not worth telling.
constexpr std::uint64_t told_growth_bytes = 16ull << 20;

std::uint64_t sum_of(const std::map<std::string, std::uint64_t>& bytes) {
  std::uint64_t sum = 0;
  for (const auto& [device, count] : bytes)
    sum += count;
  return sum;
}

}  // namespace

// One life of an engine process.
struct Replica::Run {
  explicit Run(asio::any_io_executor executor) : changed(executor) {}
  ~Run() {
    process.reset();
    std::error_code ignored;
    if (!host_directory.empty()) std::filesystem::remove_all(host_directory, ignored);
  }

  std::unique_ptr<Process> process;
  SocketDirectory sockets;
  // Once there is a socket.
  std::shared_ptr<EngineClient> client;
  std::filesystem::path host_directory;
  // Not evicted while it runs.
  std::shared_ptr<const HeldFiles> files;
  LogTail tail;
  BufferLog buffers;
  // How many there were when it was started.
  std::optional<std::uint64_t> oom_kills;
  std::optional<ExitStatus> status;
  // Everybody who shared its output is gone.
  bool log_ended = false;
  // Why it had to end, if it took more than the owner allows.
  std::string over_limit;
  bool ready = false;
  bool suspect = false;
  // It was ended for its machine's owner.
  bool paused = false;
  // It wrote a line that may mean that it is ready: since it was last asked, and at all.
  bool spoke = false;
  bool has_spoken = false;
  Notifier changed;
};

Replica::Replica(ReplicaContext& context, ReplicaSpec spec)
    : context_(context),
      spec_(std::move(spec)),
      tasks_(context.executor),
      back_off_(BackOff(first_restart, longest_restart), stable_time),
      wake_(context.executor),
      became_idle_(context.executor) {}

Replica::~Replica() = default;

void Replica::start() {
  started_ = true;
  tasks_.spawn("replica " + spec_.model_name, supervise());
}

void Replica::stop() {
  stopping_ = true;
  if (run_) {
    run_->process->kill();
    wake_.notify();
  } else {
    tasks_.cancel();
  }
}

asio::awaitable<void> Replica::stopped() { co_await tasks_.wait(); }

void Replica::set_pause(std::string why) {
  if (why == pause_) return;
  pause_ = std::move(why);
  if (!pause_.empty() && run_) {
    // At once for requests, and soon for the machine.
    run_->paused = true;
    run_->ready = false;
    run_->process->kill();
  } else if (!pause_.empty() && progress_.phase == Phase::fetching) {
    // What is on its way waits too, if it is the machine that pauses.
    set(Phase::waiting, pause_);
  }
  wake_.notify();
}

void Replica::end_over_limit(std::string why) {
  if (!run_ || run_->status || !run_->over_limit.empty()) return;
  run_->over_limit = std::move(why);
  run_->ready = false;
  run_->process->kill();
  // At once, before it is gone: it is to be given nothing more.
  set(Phase::failed, failure_text(over_limit(run_->over_limit)));
  // Told here: it may be assigned anew, as another replica, before this engine is gone.
  log().warn("model {}: {}; it is not tried again until it is assigned anew", spec_.model_name, progress_.detail);
}

bool Replica::is_on_devices() const { return device_use_ && !device_use_->bytes().empty() && pid() != 0; }

void Replica::devices_measured(const std::map<std::string, std::uint64_t>& bytes) {
  if (!is_on_devices() || progress_.phase != Phase::ready) return;
  bool changed = false;
  for (const auto& [device, measured] : bytes) {
    const auto known = device_use_->bytes().find(device);
    // The driver may count later what the engine has asked for.
    if (known == device_use_->bytes().end() || measured <= known->second) continue;
    changed = changed || measured - known->second > told_growth_bytes;
    device_use_->set_bytes(device, measured);
  }
  if (changed) context_.on_change(Change::important);
}

std::string Replica::over_device_limit() const {
  return is_on_devices() ? context_.devices.over_limit(*device_use_) : std::string();
}

std::uint64_t Replica::device_growth_bytes() const {
  if (!device_use_) return 0;
  const std::uint64_t now = sum_of(device_use_->bytes());
  return now - std::min(now, first_device_bytes_);
}

asio::awaitable<void> Replica::engine_gone() {
  const auto run = run_;
  while (run && !run->status)
    co_await run->changed.wait();
}

void Replica::device_limits_changed() {
  // One that still loads is measured when it is ready.
  if (!run_ || !run_->ready || !device_use_) return;
  std::string over = context_.devices.over_limit(*device_use_);
  if (over.empty()) return;
  device_use_->end();
  end_over_limit(std::move(over));
}

asio::awaitable<std::string> Replica::memory_given_back() {
  const auto engine = context_.engines.current();
  const auto use = std::move(device_use_);
  if (!engine || !use) co_return "";
  co_return co_await context_.devices.given_back(engine, use);
}

std::map<std::string, std::uint64_t> Replica::device_memory() const {
  return device_use_ && progress_.phase == Phase::ready ? device_use_->bytes() : std::map<std::string, std::uint64_t>();
}

void Replica::retry() {
  if (progress_.phase == Phase::failed && !(is_final() && spec_.placement)) wake_.notify();
}

void Replica::engine_changed() {
  if (run_) run_->changed.notify();
}

pid_t Replica::pid() const { return run_ && run_->process && !run_->status ? run_->process->pid() : 0; }

std::shared_ptr<net::HttpClient> Replica::client() const {
  if (!run_ || !run_->ready || run_->status) return nullptr;
  return {run_->client, &run_->client->requests()};
}

Replica::Use::Use(std::shared_ptr<Replica> replica) : replica_(std::move(replica)) {
  // One that is paced has turns while it computes.
  if (++replica_->requests_ == 1 && replica_->run_) replica_->run_->changed.notify();
}

Replica::Use::~Use() {
  if (--replica_->requests_ == 0) {
    replica_->became_idle_.notify();
    // A replica that waits to change its engine looks again.
    if (replica_->run_) replica_->run_->changed.notify();
  }
}

void Replica::suspect() {
  if (!run_) return;
  run_->suspect = true;
  run_->changed.notify();
}

asio::awaitable<void> Replica::idle() {
  while (requests_ > 0)
    co_await became_idle_.wait();
}

void Replica::set(Progress progress) {
  const bool important = progress.phase != progress_.phase || progress.detail != progress_.detail;
  progress_ = std::move(progress);
  context_.on_change(important ? Change::important : Change::progress);
}

void Replica::set(Phase phase, std::string detail) {
  Progress progress;
  progress.phase = phase;
  progress.detail = std::move(detail);
  set(std::move(progress));
}

asio::awaitable<void> Replica::supervise() {
  // What the last engine left occupied.
  std::string missing;
  for (;;) {
    while (!pause_.empty() && !stopping_) {
      set(Phase::waiting, pause_ + (missing.empty() ? "" : "; " + missing));
      co_await wake_.wait();
    }
    out_of_memory_ = false;
    over_limit_ = false;
    const auto done = co_await run_once();
    // Also when the pause is over before the engine is gone.
    const bool paused = !pause_.empty() || (run_ && run_->paused);
    run_ = nullptr;
    if (stopping_) co_return;
    missing.clear();
    if (paused) {
      missing = co_await memory_given_back();
      if (!missing.empty()) log().warn("model {} is paused, but {}", spec_.model_name, missing);
    }
    device_use_ = nullptr;
    host_memory_.reset();
    if (done || paused) {
      back_off_.reset();
      continue;
    }
    const auto pause = back_off_.next(std::chrono::steady_clock::now(), random_chance());
    // The engine's lines may hold more than a log file should: they are shown in the state, to those who run the
    // network.
    const std::string detail = failure_text(done.error());
    std::string first_line = detail.substr(0, detail.find(":\n"));
    if (first_line.size() < detail.size()) first_line += " are in `gogrid-worker status`";
    if (!is_final()) {
      log().warn("model {}: {}; next try in {} ms", spec_.model_name, first_line, pause.count());
    } else if (progress_.phase != Phase::failed) {
      log().warn("model {}: {}; it is not tried again until it is assigned anew", spec_.model_name, first_line);
    }
    set(Phase::failed, detail);
    if (is_final()) {
      co_await wake_.wait();
    } else {
      co_await wake_.wait_for(pause);
    }
  }
}

std::string Replica::failure_text(const Error& error) {
  std::string text = error.detail;
  if (failed_loads_ >= told_failures)
    text = "it failed to load " + std::to_string(failed_loads_) + " times in a row: " + text;
  return text;
}

asio::awaitable<std::shared_ptr<const Engine>> Replica::wait_for_engine() {
  while (!context_.engines.current()) {
    const auto& engine = context_.engines.progress();
    set(Phase::waiting,
        "the engine: " + std::string(to_string(engine.phase)) + (engine.detail.empty() ? "" : ": ") + engine.detail);
    co_await context_.engines.changed().wait();
  }
  co_return context_.engines.current();
}

asio::awaitable<Result<void>> Replica::fetch_files(std::shared_ptr<HeldFiles> files) {
  Progress fetching;
  fetching.phase = Phase::fetching;
  for (const FileSpec& file : spec_.files)
    fetching.total_bytes += file.blob.size_bytes;
  set(fetching);
  std::uint64_t before = 0;
  for (const FileSpec& file : spec_.files) {
    // Also while the others come.
    files->holds.push_back(context_.cache.hold(file.blob.sha256));
    std::function<void(std::uint64_t)> on_progress = [this, fetching, before](std::uint64_t done) mutable {
      fetching.done_bytes = before + done;
      set(fetching);
    };
    auto path = co_await context_.cache.fetch(file.blob, std::move(on_progress));
    if (!path) co_return path.error();
    files->files.add(file, std::move(*path));
    before += file.blob.size_bytes;
  }
  co_return Result<void>();
}

void Replica::distrust_files(const Error& failure) {
  // llama.cpp's words for a file that it cannot use.
  constexpr std::string_view signs[] = {"failed to load", "error loading", "failed to read", "invalid magic",
                                        "corrupt"};
  const bool unreadable = std::any_of(std::begin(signs), std::end(signs), [&](std::string_view sign) {
    return failure.detail.find(sign) != std::string::npos;
  });
  if (!unreadable || std::exchange(files_distrusted_, true)) return;
  for (const FileSpec& file : spec_.files)
    context_.cache.distrust(file.blob.sha256);
}

// Success: it was ended to be started anew, with another engine.
asio::awaitable<Result<void>> Replica::run_once() {
  const auto files = std::make_shared<HeldFiles>();
  auto fetched = co_await fetch_files(files);
  if (!fetched) co_return fetched;

  const auto engine = co_await wait_for_engine();
  if (!pause_.empty()) co_return Result<void>();
  set(Phase::loading);
  // Others may have taken memory, or given it back.
  if (engine->gpu) co_await context_.devices.look(engine);
  if (!pause_.empty()) co_return Result<void>();
  co_return co_await run_engine(engine, files);
}

asio::awaitable<Result<void>> Replica::run_engine(std::shared_ptr<const Engine> engine,
                                                  std::shared_ptr<const HeldFiles> files) {
  ++failed_loads_;
  auto run = launch(*engine, files);
  if (!run) co_return run.error();
  tasks_.spawn("engine log", read_log(*run));
  tasks_.spawn("engine exit", wait_for_exit(*run));
  auto ready = co_await wait_until_ready(*run);
  if (ready && !stopping_) ready = co_await measure_devices(*run);
  if (!ready || stopping_) {
    co_await end(*run);
    if (!ready) distrust_files(ready.error());
    co_return ready;
  }
  if ((*run)->paused) {
    co_await end(*run);
    co_return Result<void>();
  }
  files_distrusted_ = false;
  failed_loads_ = 0;
  (*run)->ready = true;
  back_off_.is_up(std::chrono::steady_clock::now());
  log().info("model {} is ready", spec_.model_name);
  set(Phase::ready);
  tasks_.spawn("engine memory", measure_host(*run));
  if (device_use_) tasks_.spawn("engine pace", pace(*run));
  auto watched = co_await watch(*run, engine->id);
  (*run)->ready = false;
  co_await end(*run);
  co_return watched;
}

// The engine's own log is what tells it for every driver.
asio::awaitable<Result<void>> Replica::measure_devices(std::shared_ptr<Run> run) {
  if (!device_use_) co_return Result<void>();
  // An answer over the socket may overtake what was written before.
  const auto until = std::chrono::steady_clock::now() + last_words_timeout;
  while (!run->has_spoken && !run->status && std::chrono::steady_clock::now() < until)
    co_await run->changed.wait_until(until);
  for (const EngineDevice& device : context_.devices.list()) {
    if (!device_use_->bytes().contains(device.name)) continue;
    const std::uint64_t bytes = run->buffers.bytes_on(device.name);
    device_use_->set_bytes(device.name, bytes);
    if (bytes > 0) log().info("model {} took {} MiB of {}", spec_.model_name, bytes >> 20, device.name);
  }
  first_device_bytes_ = sum_of(device_use_->bytes());
  const std::string over = context_.devices.over_limit(*device_use_);
  if (over.empty()) co_return Result<void>();
  co_return over_limit(over);
}

Error Replica::over_limit(const std::string& why) {
  out_of_memory_ = true;
  over_limit_ = true;
  return Error(ErrorCode::resource_exhausted, "stopped: " + why);
}

asio::awaitable<void> Replica::measure_host(std::shared_ptr<Run> run) {
  auto work = [pid = run->process->pid()] { return read_host_memory(pid); };
  const auto memory = co_await run_blocking(context_.pool, std::move(work));
  if (run != run_ || !run->ready || run->status) co_return;
  host_memory_ = memory;
  context_.on_change(Change::important);
}

// Its memory is free again when this completes.
asio::awaitable<void> Replica::end(std::shared_ptr<Run> run) {
  run->process->kill();
  const auto deadline = std::chrono::steady_clock::now() + end_timeout;
  while (!(run->status && run->log_ended) && std::chrono::steady_clock::now() < deadline)
    co_await run->changed.wait_until(deadline);
}

Result<std::shared_ptr<Replica::Run>> Replica::launch(const Engine& engine, std::shared_ptr<const HeldFiles> files) {
  auto run = std::make_shared<Run>(context_.executor);
  if (context_.sandbox.kind() == SandboxKind::none_insecure) {
    run->host_directory = context_.run_dir / ("e-" + to_hex(as_bytes(random_bytes(4))));
    if (auto made = make_directories(run->host_directory, 0700); !made) return made.error();
    if (auto linked = files->files.link_files(run->host_directory); !linked) return linked.error();
  }
  const auto devices = device_arguments(spec_.placement, context_.devices.list());
  if (!devices) return devices.error();
  const auto launch = engine_launch(engine, spec_, files->files, run->host_directory, threads(), *devices);
  if (engine.gpu && !(spec_.placement && spec_.placement->devices.empty())) {
    std::vector<std::string> names;
    if (spec_.placement) {
      for (const DeviceShare& share : spec_.placement->devices)
        names.push_back(share.device);
    }
    device_use_ = context_.devices.use(std::move(names));
  }
  run->oom_kills = context_.sandbox.limits().oom_kills();
  auto started = context_.sandbox.start(launch.spec, launch.host);
  if (!started) return started.error();
  run->process = std::move(started->process);
  run->sockets = std::move(started->sockets);
  run->files = std::move(files);
  ++starts_;
  run_ = run;
  return run;
}

// More than it has processors for would wait for each other.
std::int64_t Replica::threads() const {
  const std::int64_t most = context_.sandbox.limits().max_threads();
  return most > 0 && context_.config.threads > 0 ? std::min(most, context_.config.threads)
                                                 : std::max(most, context_.config.threads);
}

asio::awaitable<void> Replica::read_log(std::shared_ptr<Run> run) {
  std::function<void(std::string_view)> sink = [run = run.get()](std::string_view text) {
    const std::function<void(const std::string&)> on_line = [run](const std::string& line) {
      log().debug("engine {}: {}", run->process->pid(), line);
      if (run->ready) return;
      run->buffers.feed(line);
      if (line.find("listening") == std::string::npos) return;
      run->spoke = true;
      run->has_spoken = true;
      run->changed.notify();
    };
    run->tail.feed(text, on_line);
  };
  co_await run->process->read_output(std::move(sink));
  run->log_ended = true;
  run->changed.notify();
}

asio::awaitable<void> Replica::wait_for_exit(std::shared_ptr<Run> run) {
  const ExitStatus status = co_await run->process->exited();
  // Why it ended is in what it wrote last.
  const auto until = std::chrono::steady_clock::now() + last_words_timeout;
  while (!run->log_ended && std::chrono::steady_clock::now() < until)
    co_await run->changed.wait_until(until);
  run->status = status;
  run->changed.notify();
}

// As long as it is ready. Without requests it leaves its GPUs alone anyway.
asio::awaitable<void> Replica::pace(std::shared_ptr<Run> run) {
  constexpr double all_percent = 100;
  EnginePace turns(context_.executor, *run->process);
  while (run->ready && !run->status) {
    const double share = static_cast<double>(context_.config.max_gpu_percent) / all_percent;
    if (requests_ == 0 || share >= 1) {
      co_await run->changed.wait();
    } else {
      co_await turns.turn(share);
    }
  }
}

Error Replica::ended(const Run& run) {
  if (!run.over_limit.empty()) return over_limit(run.over_limit);
  std::string detail = "the engine " + run.status->text();
  if (run.status->signal == SIGKILL || run.status->code == 128 + SIGKILL) {
    const auto kills = context_.sandbox.limits().oom_kills();
    out_of_memory_ = kills && run.oom_kills && *kills > *run.oom_kills;
    detail += out_of_memory_ ? ", since memory was short" : ", perhaps over its memory limit";
  } else if (const std::string log = run.tail.text(); !memory_shortage(log).empty()) {
    out_of_memory_ = true;
    detail += ", since memory was short (" + std::string(memory_shortage(log)) + ")";
  }
  const std::string lines = run.tail.text(shown_log_lines);
  if (!lines.empty()) detail += "; its last lines:\n" + lines;
  return Error(ErrorCode::unavailable, detail);
}

// True when the engine answers that it is ready to serve.
asio::awaitable<bool> Replica::healthy(std::shared_ptr<Run> run, std::chrono::milliseconds limit) {
  if (!run->client) {
    auto socket = run->sockets.find(engine_socket_name);
    if (!socket) co_return false;
    run->client = std::make_shared<EngineClient>(context_.executor, std::move(socket));
  }
  co_return co_await run->client->is_healthy(limit);
}

asio::awaitable<Result<void>> Replica::wait_until_ready(std::shared_ptr<Run> run) {
  const auto deadline = std::chrono::steady_clock::now() + context_.config.engine_start_timeout;
  auto pause = first_look;
  for (;;) {
    if (run->status) co_return ended(*run);
    run->spoke = false;
    const bool answers = co_await healthy(run, health_timeout);
    if (run->status) co_return ended(*run);
    if (answers) co_return Result<void>();
    if (std::chrono::steady_clock::now() > deadline) {
      co_return Error(ErrorCode::timeout,
                      "the engine did not load the model within worker.engine_start_timeout; its last lines:\n" +
                          run->tail.text(shown_log_lines));
    }
    if (!run->spoke) co_await run->changed.wait_for(pause);
    pause = std::min(longest_look, pause * 2);
  }
}

// Whether an engine whose socket could not be reached is there all the same; false as well when it has ended.
asio::awaitable<bool> Replica::can_be_reached(std::shared_ptr<Run> run) {
  for (int attempt = 0; attempt < health_attempts && !run->status; ++attempt) {
    if (attempt > 0) co_await run->changed.wait_for(attempt_pause);
    if (co_await healthy(run, health_timeout)) co_return true;
  }
  // It may be ending, which is known a moment later than its socket is gone: then its end says why.
  const auto until = std::chrono::steady_clock::now() + ending_timeout;
  while (!run->status && std::chrono::steady_clock::now() < until)
    co_await run->changed.wait_until(until);
  co_return false;
}

// Whether an engine that has requests goes on with them; false as well when it has ended.
asio::awaitable<bool> Replica::makes_progress(std::shared_ptr<Run> run) {
  const auto began = std::chrono::steady_clock::now();
  const auto until = began + context_.config.engine_hang_timeout - look_interval();
  for (auto now = began; now < until && !run->status && !run->suspect; now = std::chrono::steady_clock::now()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
    if (co_await run->client->makes_progress(left)) co_return true;
    co_await run->changed.wait_for(attempt_pause);
  }
  // Somebody else found that out meanwhile.
  co_return run->suspect;
}

std::chrono::milliseconds Replica::look_interval() const { return context_.config.engine_hang_timeout / 4; }

// Until the engine ends (an error), does not answer any more (an error) or should be another one and is idle (success).
// One that hangs is not missed by anybody unless it has requests: only then is it asked from time to time.
asio::awaitable<Result<void>> Replica::watch(std::shared_ptr<Run> run, std::string engine_id) {
  using Clock = std::chrono::steady_clock;
  auto next_look = Clock::time_point::max();
  for (;;) {
    if (run->status) co_return ended(*run);
    const auto current = context_.engines.current();
    if (current && current->id != engine_id && requests_ == 0) co_return Result<void>();
    if (requests_ == 0) {
      next_look = Clock::time_point::max();
    } else if (next_look == Clock::time_point::max()) {
      next_look = Clock::now() + look_interval();
    }
    if (!run->suspect && Clock::now() < next_look) {
      co_await run->changed.wait_until(next_look);
      continue;
    }
    next_look = Clock::time_point::max();
    bool well = false;
    if (std::exchange(run->suspect, false)) {
      well = co_await can_be_reached(run);
    } else {
      well = co_await makes_progress(run);
    }
    if (!well && !run->status) {
      co_return Error(ErrorCode::unavailable,
                      "the engine does not answer any more; its last lines:\n" + run->tail.text(shown_log_lines));
    }
  }
}

}  // namespace gogrid::worker
