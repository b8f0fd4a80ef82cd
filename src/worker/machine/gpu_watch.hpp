// GpuWatch: how warm each GPU is, and what others than our engines do with it, from surveys of the inventory's. Each
// look takes a child process, so the owner of it says how closely to watch: a look a second while engines compute, one
// now and then while something only waits for a GPU to be free or cool, none otherwise. Event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task_group.hpp"
#include "worker/gpu/inventory.hpp"

namespace gogrid::worker {

struct GpuLoad {
  std::string id;
  std::string name;
  std::optional<double> temperature_celsius;
  // Of its memory.
  std::optional<std::uint64_t> foreign_bytes;
  // Of its time. Nullopt: not known, as our own engines compute and the driver does not say whose load it is.
  std::optional<double> foreign_percent;
  // Of the programs that use it, those with the most memory first; eight at most.
  std::vector<std::string> foreign_programs;
  // The driver switched it off: nobody uses it.
  bool asleep = false;

  bool operator==(const GpuLoad&) const = default;
};

// Of the GPUs that are none in software. `engines_compute`: a request of ours runs, perhaps on them.
std::vector<GpuLoad> gpu_loads(const Survey& survey, bool engines_compute);

class GpuWatch {
 public:
  enum class Pace { off, slow, live };

  // `on_look` is called after each look, with all that was seen; not from within a call. The inventory outlives it.
  GpuWatch(boost::asio::any_io_executor executor, Inventory& inventory, std::function<void(const Survey&)> on_look,
           std::chrono::milliseconds slow_pause = std::chrono::seconds(10));
  ~GpuWatch();

  // The first look comes soon after. What was seen is forgotten with `off`.
  void set_pace(Pace pace);
  Pace pace() const { return pace_; }
  void set_engines_compute(bool compute) { engines_compute_ = compute; }
  // For good.
  void stop();
  // After stop(), and after the inventory's.
  boost::asio::awaitable<void> stopped();

  // As of the last look.
  const std::vector<GpuLoad>& gpus() const { return gpus_; }

 private:
  boost::asio::awaitable<void> look_now_and_then();
  void take(const Survey& survey);
  void follow_pace();

  Inventory& inventory_;
  std::function<void(const Survey&)> on_look_;
  std::chrono::milliseconds slow_pause_;
  Pace pace_ = Pace::off;
  bool engines_compute_ = false;
  bool stopping_ = false;
  // A coroutine looks now and then, as long as the pace is slow.
  bool looks_slowly_ = false;
  std::vector<GpuLoad> gpus_;
  std::unique_ptr<Inventory::Subscription> subscription_;
  boost::asio::steady_timer pause_;
  TaskGroup tasks_;
};

}  // namespace gogrid::worker
