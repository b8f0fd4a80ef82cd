// VramWatch: holds engines to the owner's limits of GPU memory by what drivers say, process by process, while engines
// are on GPUs: every five seconds while requests run, every fifteen otherwise, less often where somebody else looks
// anyway. The engine's own log leaves out what the driver needs, and may be wrong. Owned by the worker; event loop
// thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "base/task_group.hpp"
#include "worker/engine/engine_devices.hpp"
#include "worker/gpu/gpu.hpp"
#include "worker/notifier.hpp"

namespace gogrid::worker {

class Replica;

class VramWatch {
 public:
  struct Sources {
    // Those whose engines are on devices now.
    std::function<std::vector<std::shared_ptr<Replica>>()> engines;
    std::function<boost::asio::awaitable<Survey>()> look;
    // A request runs.
    std::function<bool()> computing;
  };
  VramWatch(boost::asio::any_io_executor executor, EngineDevices& devices, Sources sources);

  void start();
  // Engines have come or gone, or the first request runs.
  void engines_changed() { changed_.notify(); }
  // A survey that somebody else asked for.
  void take(const Survey& survey);
  void stop();
  boost::asio::awaitable<void> stopped();

 private:
  boost::asio::awaitable<void> run();

  EngineDevices& devices_;
  Sources sources_;
  bool stopping_ = false;
  std::chrono::steady_clock::time_point last_look_{};
  Notifier changed_;
  TaskGroup tasks_;
};

}  // namespace gogrid::worker
