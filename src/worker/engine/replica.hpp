// Replica: keeps one assigned model served: fetches it, starts an engine for it in the sandbox, watches over that, and
// starts it again with back-off when it ends. Owned by the worker; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/task_group.hpp"
#include "worker/back_off.hpp"
#include "worker/config.hpp"
#include "worker/engine/engine_devices.hpp"
#include "worker/engine/engine_store.hpp"
#include "worker/engine/process_memory.hpp"
#include "worker/notifier.hpp"
#include "worker/sandbox/sandbox.hpp"

namespace gogrid::net {
class HttpClient;
}

namespace gogrid::worker {

// What every replica uses; outlives them all.
struct ReplicaContext {
  boost::asio::any_io_executor executor;
  boost::asio::thread_pool& pool;
  const WorkerConfig& config;
  Sandbox& sandbox;
  BlobCache& cache;
  EngineStore& engines;
  EngineDevices& devices;
  // Without a sandbox, sockets get a directory each below it.
  std::filesystem::path run_dir;
  ChangeFunction on_change;
};

class Replica {
 public:
  Replica(ReplicaContext& context, ReplicaSpec spec);
  ~Replica();

  void start();
  bool started() const { return started_; }
  // Kills the engine or cancels what comes before it; wait for stopped(), when all of its processes are gone, before
  // letting go.
  void stop();
  boost::asio::awaitable<void> stopped();
  // While it is paused it has no engine: the memory is the owner's, and what the engine was answering breaks off. `why`
  // is for those who run the network; empty: it is not paused.
  void set_pause(std::string why);
  // Its engine, if it has one, takes more than the owner allows, as `why` says: it is ended, and not started again by
  // itself (as after any shortage of memory).
  void end_over_limit(std::string why);
  // Its engine runs and is, or may be, on devices.
  bool is_on_devices() const;
  // What drivers say that its engine has of them; what they do not say stays as it was known.
  void devices_measured(const std::map<std::string, std::uint64_t>& bytes);
  // What is wrong when our engines are over the owner's limit on one of its devices; else empty.
  std::string over_device_limit() const;
  // How much more it has of its devices than when it was ready.
  std::uint64_t device_growth_bytes() const;
  // The same as end_over_limit() when its devices' limits were lowered below what ours took of them.
  void device_limits_changed();
  // Completes when there is no engine process, of those that run now.
  boost::asio::awaitable<void> engine_gone();
  // After stopped(): waits until the devices' memory is free again, a few seconds at most. What is not back by then, in
  // words; else empty.
  boost::asio::awaitable<std::string> memory_given_back();
  // Something it may have waited for is there: the connection, the sandbox. Ends a wait for the next try, but not one
  // that waits for the coordinator's decision.
  void retry();
  // Another engine is there: changes to it when no request runs.
  void engine_changed();

  const ReplicaSpec& spec() const { return spec_; }
  // The same, with what is known better now of its placement.
  void refine(const ReplicaSpec& spec) { spec_.placement = spec.placement; }
  const Progress& progress() const { return progress_; }
  std::uint32_t starts() const { return starts_; }
  // It failed because memory was short.
  bool out_of_memory() const { return out_of_memory_; }
  // What it took when it had become ready, on each device that it uses; empty before.
  std::map<std::string, std::uint64_t> device_memory() const;
  const std::optional<HostMemory>& host_memory() const { return host_memory_; }
  // Of the running engine's outermost process; 0: none.
  pid_t pid() const;

  // For requests to the engine while it is ready, otherwise null.
  std::shared_ptr<net::HttpClient> client() const;
  // Requests count as long as a Use lives.
  class Use {
   public:
    explicit Use(std::shared_ptr<Replica> replica);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    std::shared_ptr<Replica> replica_;
  };
  std::uint32_t requests() const { return requests_; }
  // The engine's socket could not be reached although it should be: its health is looked at, and it is restarted if it
  // has none.
  void suspect();
  // Completes when no request runs.
  boost::asio::awaitable<void> idle();

 private:
  struct Run;
  // Files, and that the cache keeps them.
  struct HeldFiles {
    ModelFiles files;
    std::vector<BlobCache::Hold> holds;
  };

  boost::asio::awaitable<void> supervise();
  boost::asio::awaitable<Result<void>> run_once();
  boost::asio::awaitable<std::shared_ptr<const Engine>> wait_for_engine();
  // All of the model's files; they stay as long as `files` does.
  boost::asio::awaitable<Result<void>> fetch_files(std::shared_ptr<HeldFiles> files);
  // After the engine could not load the model: what it read is looked at before the next try.
  void distrust_files(const Error& failure);
  boost::asio::awaitable<Result<void>> run_engine(std::shared_ptr<const Engine> engine,
                                                  std::shared_ptr<const HeldFiles> files);
  std::int64_t threads() const;
  Result<std::shared_ptr<Run>> launch(const Engine& engine, std::shared_ptr<const HeldFiles> files);
  boost::asio::awaitable<Result<void>> measure_devices(std::shared_ptr<Run> run);
  boost::asio::awaitable<void> measure_host(std::shared_ptr<Run> run);
  // Whether another try by itself makes no sense.
  bool is_final() const { return out_of_memory_ && (spec_.placement || over_limit_); }
  std::string failure_text(const Error& error);
  boost::asio::awaitable<Result<void>> wait_until_ready(std::shared_ptr<Run> run);
  boost::asio::awaitable<Result<void>> watch(std::shared_ptr<Run> run, std::string engine_id);
  boost::asio::awaitable<bool> healthy(std::shared_ptr<Run> run, std::chrono::milliseconds limit);
  boost::asio::awaitable<bool> can_be_reached(std::shared_ptr<Run> run);
  boost::asio::awaitable<bool> makes_progress(std::shared_ptr<Run> run);
  std::chrono::milliseconds look_interval() const;
  boost::asio::awaitable<void> read_log(std::shared_ptr<Run> run);
  boost::asio::awaitable<void> wait_for_exit(std::shared_ptr<Run> run);
  boost::asio::awaitable<void> pace(std::shared_ptr<Run> run);
  boost::asio::awaitable<void> end(std::shared_ptr<Run> run);
  Error ended(const Run& run);
  Error over_limit(const std::string& why);
  void set(Progress progress);
  void set(Phase phase, std::string detail = {});

  ReplicaContext& context_;
  ReplicaSpec spec_;
  TaskGroup tasks_;
  RestartBackOff back_off_;
  Progress progress_;
  std::uint32_t starts_ = 0;
  std::uint32_t requests_ = 0;
  // In a row.
  std::uint32_t failed_loads_ = 0;
  bool out_of_memory_ = false;
  bool over_limit_ = false;
  std::shared_ptr<EngineDevices::Use> device_use_;
  // When it was ready, of all devices.
  std::uint64_t first_device_bytes_ = 0;
  std::optional<HostMemory> host_memory_;
  std::shared_ptr<Run> run_;
  // They were looked at since the model was last ready.
  bool files_distrusted_ = false;
  bool started_ = false;
  bool stopping_ = false;
  std::string pause_;
  Notifier wake_;
  Notifier became_idle_;
};

}  // namespace gogrid::worker
