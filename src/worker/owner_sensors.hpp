// OwnerSensors: senses what the owner's rules ask about: who uses the machine, and what it has to spare. Each is told
// of changes; those that have to look do so only while the answer counts. Owned by the worker; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <functional>
#include <string>

#include "worker/activity/bus.hpp"
#include "worker/activity/full_screen.hpp"
#include "worker/activity/idle_time.hpp"
#include "worker/activity/logind.hpp"
#include "worker/activity/metered_network.hpp"
#include "worker/config.hpp"
#include "worker/machine/disk_room.hpp"
#include "worker/machine/gpu_watch.hpp"
#include "worker/machine/power.hpp"
#include "worker/machine/pressure.hpp"
#include "worker/machine/programs.hpp"
#include "worker/policy/owner_policy.hpp"

namespace gogrid::worker {

// What the worker's engines do now.
struct EngineActivity {
  bool running = false;
  // One of them may use a GPU.
  bool on_gpu = false;
  // A request runs.
  bool computing = false;
  // A GPU is paused for what was seen of it: when that is over has to be seen too.
  bool gpu_paused = false;

  bool operator==(const EngineActivity&) const = default;
};

class OwnerSensors {
 public:
  struct Place {
    // Holds models and engines.
    std::filesystem::path disk;
    // See PressureOptions.
    std::filesystem::path engines_group;
    // Of the system whose power supply it is.
    std::filesystem::path root = "/";
  };
  struct Events {
    // senses() or activity() are others.
    std::function<void()> on_change;
    // The hardware was looked at.
    std::function<void(const Survey&)> on_survey;
  };
  // The pool and the inventory outlive this.
  OwnerSensors(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, Inventory& inventory, Place place,
               const WorkerConfig& config, Events events);

  void start();
  void stop();
  // After the inventory's.
  boost::asio::awaitable<void> stopped();

  void set_config(const WorkerConfig& config);
  // Takes effect soon, not from within the call.
  void set_engines(EngineActivity engines);
  // Something took room on the disk, or gave it back.
  void check_disk() { disk_.check(); }

  OwnerSenses senses() const;
  // Whether somebody uses the machine, and what says so or why nothing does.
  const IdleState& activity() const { return idle_.state(); }
  // Whether programs that fill the screen are seen, and where.
  const FullScreenWatch& full_screen() const { return full_screen_; }
  // Why the machine is not kept awake though it should be; empty otherwise.
  const std::string& awake_failure() const { return awake_.failure(); }
  // Why it is not known whether other programs wait for the processor or for memory; empty: it is, or nobody asks.
  const std::string& pressure_trouble() const;

 private:
  void follow_config();
  void follow_engines();
  void sleep_changed();

  boost::asio::any_io_executor executor_;
  boost::asio::thread_pool& pool_;
  Events events_;
  WorkerConfig config_;
  EngineActivity engines_;
  bool stopped_ = false;
  Bus system_bus_;
  Bus session_bus_;
  IdleWatch idle_;
  FullScreenWatch full_screen_;
  Programs programs_;
  Power power_;
  Pressure pressure_;
  MeteredNetwork network_;
  DiskRoom disk_;
  GpuWatch gpus_;
  SleepInhibitor awake_;
  SleepWatch sleep_;
};

}  // namespace gogrid::worker
