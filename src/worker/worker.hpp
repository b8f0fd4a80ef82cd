// Worker: the daemon. Owns the session, the sandbox, the cache, the replicas and the control socket, and decides what
// each does about the others' news. One event loop thread; files and hashing on a pool of one.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>

#include "base/result.hpp"
#include "base/task_group.hpp"
#include "worker/availability.hpp"
#include "worker/cache/blob_cache.hpp"
#include "worker/config.hpp"
#include "worker/engine/replica.hpp"
#include "worker/engine/vram_watch.hpp"
#include "worker/hardware.hpp"
#include "worker/history/keeper.hpp"
#include "worker/identity.hpp"
#include "worker/leases.hpp"
#include "worker/owner_sensors.hpp"
#include "worker/owner_watch.hpp"
#include "worker/session.hpp"
#include "worker/settings.hpp"
#include "worker/settings_watch.hpp"
#include "worker/state_directory.hpp"

namespace gogrid::worker {

class ControlServer;

struct WorkerOptions {
  // Without `settings`, which it is otherwise taken from and follows.
  WorkerConfig config;
  std::shared_ptr<Settings> settings = nullptr;
  Identity identity;
  // --insecure-no-sandbox
  bool insecure_no_sandbox = false;
  // How to look at the hardware (own_inventory() in the worker's program); without a program it is not looked at.
  InventoryOptions inventory = {};
  // Called at each connection with the coordinator's address.
  std::function<void(const std::string& coordinator)> on_connected;
};

class Worker final : public SessionClient {
 public:
  // `state` is made and locked already and outlives the worker. Keep the worker until the event loop has run out.
  Worker(boost::asio::any_io_executor executor, WorkerOptions options, StateDirectory& state);
  ~Worker() override;

  // Works until stop(); an error when the control socket cannot be opened.
  boost::asio::awaitable<Result<void>> run();
  // Takes no more work, lets what runs finish for so long (not said: worker.drain_timeout), hands over what is left to
  // the coordinator, and ends. A second call ends at once.
  void stop(std::optional<std::chrono::milliseconds> patience = std::nullopt);
  // What engines may use, from now on and also while they run: as `config` says of memory and processors.
  void set_limits(const WorkerConfig& config);

 private:
  // SessionClient
  wire::Hello hello() override;
  wire::WorkerState state() override;
  wire::Hardware hardware() override;
  void watch_hardware(std::chrono::seconds time) override { hardware_.watch(time); }
  void connected(BlobSource source) override;
  void disconnected() override;
  void refused() override;
  void settled() override;
  void assigned(const wire::Assignment& assignment) override;
  void released(const wire::ReleaseLeases& leases) override;
  boost::asio::awaitable<void> serve(std::shared_ptr<net::quic::Stream> stream) override;

  Result<EngineUse> find_engine(const ReplicaKey& key);
  // A replica that is not assigned any more, until its memory is back.
  struct Leaving {
    std::shared_ptr<Replica> replica;
    std::string detail;
  };
  boost::asio::awaitable<void> let_go(std::shared_ptr<Leaving> leaving);
  const Leaving* find_leaving(const ReplicaKey& key) const;
  void start_replicas();
  boost::asio::awaitable<void> meet(std::shared_ptr<Engine> engine);
  boost::asio::awaitable<void> probe_sandbox();
  boost::asio::awaitable<void> tidy();
  boost::asio::awaitable<void> carry_out_limits();
  boost::asio::awaitable<void> drained();
  boost::asio::awaitable<void> hand_over();
  boost::asio::awaitable<void> shut_down();
  void changed(Change change);
  OwnerSensors::Events sensor_events();
  EngineActivity engine_activity() const;
  void owner_changed();
  void count_pauses();
  void pause_replicas();
  bool may_finish(const Pause& pause) const;
  void warn_of_unknown_parts();
  // Of those that hold now, the first that this replica has to yield to; null: none.
  const Pause* pause_of(const Replica& replica) const;
  boost::asio::awaitable<void> pause_after_requests(std::shared_ptr<Replica> replica);
  // Why, when it is not available.
  std::optional<Error> takes_no_work() const;
  void engine_changed(Change change);
  HardwareMonitor::Events hardware_events();
  // What the engine computes on may have come or gone.
  void look_at_devices();
  VramWatch::Sources vram_sources();

  boost::asio::awaitable<void> follow_settings();
  void reload_settings();
  // To everything that holds a part of them.
  void apply_settings(const SettingsChange& change);
  void apply_vram_limits();

  std::unique_ptr<ControlServer> make_control();
  void offer_hardware(ControlServer& control);
  void offer_settings(ControlServer& control);
  boost::asio::awaitable<Result<void>> resume();
  void status_changed();
  nlohmann::json status() const;

  boost::asio::any_io_executor executor_;
  WorkerOptions options_;
  StateDirectory& state_directory_;
  boost::asio::thread_pool pool_{1};
  OwnerWatch owner_;
  AvailabilityPolicy availability_;
  HistoryKeeper history_;
  Sandbox sandbox_;
  BlobCache cache_;
  EngineStore engines_;
  EngineDevices devices_;
  ReplicaContext replica_context_;
  std::map<ReplicaKey, std::shared_ptr<Replica>> replicas_;
  // A new one with the same key waits for it.
  std::list<std::shared_ptr<Leaving>> leaving_;
  std::set<std::string> unknown_parts_told_;
  // Paused, and finishing what they answer.
  std::set<std::shared_ptr<Replica>> finishing_;
  Leases leases_;
  Session session_;
  HardwareMonitor hardware_;
  VramWatch vram_;
  OwnerSensors sensors_;
  // While somebody looks at the hardware over the control socket.
  std::unique_ptr<Inventory::Subscription> readings_;
  std::optional<Survey> last_reading_;
  std::optional<SettingsWatch> settings_watch_;
  std::unique_ptr<ControlServer> control_;
  std::uint64_t revision_ = 0;
  std::uint64_t requests_total_ = 0;
  std::uint32_t requests_running_ = 0;
  int stop_calls_ = 0;
  std::chrono::steady_clock::time_point stop_deadline_;
  bool shutting_down_ = false;
  bool changing_limits_ = false;
  Notifier stop_requested_;
  Notifier request_finished_;
  Notifier news_;
  // Apart, to end before what it changes.
  TaskGroup session_task_;
  TaskGroup tasks_;
};

}  // namespace gogrid::worker
