// EngineStore: gets the assigned engine bundle ready: fetched, unpacked, its manifest read; or a llama-server of the
// host. Replicas wait here for their engine. Owned by the worker; event loop thread, unpacking on the pool.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "worker/cache/blob_cache.hpp"
#include "worker/engine/engine_command.hpp"
#include "worker/notifier.hpp"

namespace gogrid::worker {

enum class Phase { fetching, unpacking, loading, ready, failed, waiting, leaving };
std::string_view to_string(Phase phase);

struct Progress {
  Phase phase = Phase::waiting;
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
  std::string detail;
};

// What changed: something to tell at once, or only how far a download is.
enum class Change { important, progress };
using ChangeFunction = std::function<void(Change)>;

class EngineStore {
 public:
  // With a `local_engine` the assigned bundle is not fetched.
  EngineStore(boost::asio::any_io_executor executor, boost::asio::thread_pool& pool, BlobCache& cache,
              std::filesystem::path directory, std::filesystem::path local_engine, ChangeFunction on_change);

  // Is shown each new engine, and waited for, before it is anybody's. Set before run().
  using Introduction = std::function<boost::asio::awaitable<void>(std::shared_ptr<Engine>)>;
  void introduce_to(Introduction introduction) { introduction_ = std::move(introduction); }

  // Works on what is assigned until it is cancelled.
  boost::asio::awaitable<void> run();

  void assign(std::optional<BlobSpec> bundle);
  // The connection is back: try again now.
  void retry();

  // Null until one is ready.
  std::shared_ptr<const Engine> current() const { return current_; }
  const Progress& progress() const { return progress_; }
  std::string description() const { return current_ ? current_->description : std::string(); }
  Notifier& changed() { return changed_; }

 private:
  Result<Engine> find_local() const;
  boost::asio::awaitable<Result<void>> use_local();
  boost::asio::awaitable<void> announce(Engine engine);
  boost::asio::awaitable<Result<void>> prepare(BlobSpec bundle);
  boost::asio::awaitable<void> remove_others(std::string id);
  void set(Progress progress);

  boost::asio::any_io_executor executor_;
  boost::asio::thread_pool& pool_;
  BlobCache& cache_;
  std::filesystem::path directory_;
  std::filesystem::path local_engine_;
  ChangeFunction on_change_;
  Introduction introduction_;
  std::optional<BlobSpec> wanted_;
  bool assigned_ = false;
  std::shared_ptr<const Engine> current_;
  Progress progress_;
  Notifier changed_;
  Notifier wake_;
};

}  // namespace gogrid::worker
