// What the system's login manager (systemd-logind, elogind) is asked for on the system bus: to keep the machine awake,
// and to hear that it goes to sleep. Owned by the worker; event loop thread.
#pragma once

#include <functional>
#include <string>

#include "base/file.hpp"
#include "worker/activity/bus.hpp"

namespace gogrid::worker {

// Keeps the machine from going to sleep by itself while it is held. A lock that is lost with the bus or the login
// manager is taken again.
class SleepInhibitor {
 public:
  // `on_change`: held() or failure() has changed.
  SleepInhibitor(Bus& system_bus, std::function<void()> on_change);

  // `why` is shown to whoever asks what keeps the machine awake.
  void hold(std::string why);
  void release();
  bool held() const { return static_cast<bool>(lock_); }
  // Why it is not held though it should be; empty otherwise.
  const std::string& failure() const { return failure_; }

 private:
  void take();
  void lose();
  // Tells, if that is news.
  void set(FileDescriptor lock, std::string failure);

  std::function<void()> on_change_;
  bool wanted_ = false;
  bool asked_ = false;
  std::string why_;
  std::string failure_;
  FileDescriptor lock_;
  BusClient client_;
};

// Hears that the machine is about to sleep, and has it wait, as long as the system allows (5 s, as it comes), until
// ready() says that it may.
class SleepWatch {
 public:
  // `on_change`: it goes to sleep (true), or is awake again (false).
  SleepWatch(Bus& system_bus, std::function<void(bool asleep)> on_change);

  void ready() { delay_.reset(); }
  bool is_near() const { return asleep_; }

 private:
  void take_delay();

  std::function<void(bool)> on_change_;
  FileDescriptor delay_;
  bool asleep_ = false;
  BusClient client_;
};

}  // namespace gogrid::worker
