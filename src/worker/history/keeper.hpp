// HistoryKeeper: keeps the history in a file, and is told by the worker what happens. Written when something has
// changed, at most once a minute, and at the end; a file that cannot be read is set aside, not lost. Wakes up for
// nothing while nothing happens: a pause that lasts is counted when it ends or somebody asks. Owned by the worker;
// event loop thread, writing on a pool.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/task_group.hpp"
#include "worker/gpu/gpu.hpp"
#include "worker/history/history.hpp"
#include "worker/notifier.hpp"

namespace gogrid::worker {

// Of all GPUs that are none in software, as one survey has them.
GpuFigures gpu_figures(const Survey& survey);

// What `file` holds; `not_found` when there is none. Blocking.
Result<History> load_history(const std::filesystem::path& file);

struct HistoryKeeperOptions {
  std::filesystem::path file;
  std::chrono::milliseconds save_interval{60'000};
  // What tests have in their place; they outlive the keeper.
  const Clock* clock = nullptr;
  const Calendar* calendar = nullptr;
};

class HistoryKeeper {
 public:
  // Reads the file, blocking. What cannot be read is renamed to NAME.broken, which is logged.
  HistoryKeeper(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, HistoryKeeperOptions options);
  ~HistoryKeeper();

  void start();
  // Writes what is not written yet; stopped() completes when it is.
  void stop();
  boost::asio::awaitable<void> stopped();

  // Time is given as long as one of them lives; the keeper outlives them.
  std::shared_ptr<void> begin_work();
  // An engine's answer has ended, or was cut off, which took `tokens`. `whole`: it is a job that was done.
  void answered(std::uint64_t tokens, bool whole);
  // The reasons for which the machine or a part of it is paused from now on.
  void set_pauses(std::set<std::string> codes);
  void add_reading(const Survey& survey);

  // As history.get gives it, up to this moment.
  nlohmann::json to_json();

 private:
  struct Work;
  void work_ended();
  void count_time();
  void changed();
  boost::asio::awaitable<void> save_again_and_again();
  boost::asio::awaitable<void> save();

  boost::asio::thread_pool& pool_;
  HistoryKeeperOptions options_;
  const Clock& clock_;
  const Calendar& calendar_;
  History history_;
  unsigned works_ = 0;
  std::set<std::string> pauses_;
  // Time up to here is counted.
  SteadyTime counted_until_;
  bool dirty_ = false;
  bool stopping_ = false;
  bool write_failed_ = false;
  std::optional<std::chrono::steady_clock::time_point> saved_at_;
  Notifier news_;
  TaskGroup tasks_;
};

}  // namespace gogrid::worker
