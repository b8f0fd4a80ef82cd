#include "worker/engine/engine_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/blocking.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/sha256.hpp"
#include "worker/back_off.hpp"
#include "worker/chance.hpp"
#include "worker/engine/archive.hpp"
#include "worker/engine/manifest.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::milliseconds first_retry{1000};
constexpr std::chrono::milliseconds longest_retry{60'000};
constexpr std::size_t max_manifest_bytes = 256 * 1024;

// Also of a GPU whose flavour only newer bundles have.
bool is_for_gpus(const EngineManifest& manifest) { return manifest.flavour != "cpu"; }

std::string describe(const std::string& name, const Engine& engine) {
  if (!engine.gpu) return name;
  const GpuDevices gpus = find_gpu_devices();
  const std::string trouble = gpu_trouble(engine, gpus, ::geteuid() == 0);
  return name + "; " + gpus.description() + (trouble.empty() ? "" : "; " + trouble);
}

Result<Engine> open_bundle(const std::filesystem::path& root, const std::string& id) {
  auto text = read_file(root / engine_manifest_name, max_manifest_bytes);
  if (!text)
    return Error(ErrorCode::invalid_argument,
                 "the engine bundle holds no " + std::string(engine_manifest_name) + " at its root");
  auto manifest = parse_engine_manifest(*text, machine_target());
  if (!manifest) return manifest.error();
  Engine engine;
  engine.id = id;
  engine.root = root;
  engine.executable = manifest->executable;
  engine.environment = manifest->environment;
  engine.gpu = is_for_gpus(*manifest);
  engine.description = describe(manifest->description(), engine);
  return engine;
}

Result<void> sync_directory(const std::filesystem::path& path) {
  auto directory = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!directory) return directory.error();
  return sync_file(directory->get());
}

// A whole tree at once, file by file would take longer. Other writers to the same disk wait, too.
Result<void> sync_tree(const std::filesystem::path& path) {
  auto directory = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!directory) return directory.error();
  if (::syncfs(directory->get()) != 0) return system_error(path.string(), errno);
  return {};
}

// Unpacks beside the final place and renames, so that what has the final name is whole, also after a power loss. Runs
// on the pool.
Result<Engine> unpack(const std::filesystem::path& blob, const std::filesystem::path& directory, const std::string& id,
                      const ArchiveLimits& limits) {
  const auto place = directory / id;
  const auto temporary = directory / (id + ".tmp");
  std::error_code error;
  std::filesystem::remove_all(temporary, error);
  if (auto made = make_directories(temporary, 0755); !made) return made.error();
  auto done = unpack_archive(blob, temporary, limits);
  if (!done && done.error().code == ErrorCode::disk_full) done = no_room(directory, done.error().detail);
  Result<Engine> engine = done ? open_bundle(temporary, id) : Result<Engine>(done.error());
  if (engine) done = sync_tree(temporary);
  if (engine && done && ::rename(temporary.c_str(), place.c_str()) != 0) done = system_error(place.string(), errno);
  if (engine && done) done = sync_directory(directory);
  if (engine && done) {
    engine->root = place;
    return engine;
  }
  std::filesystem::remove_all(temporary, error);
  return engine ? Result<Engine>(done.error()) : engine;
}

}  // namespace

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::fetching:
      return "fetching";
    case Phase::unpacking:
      return "unpacking";
    case Phase::loading:
      return "loading";
    case Phase::ready:
      return "ready";
    case Phase::failed:
      return "failed";
    case Phase::waiting:
      return "waiting";
    case Phase::leaving:
      return "leaving";
  }
  return "unknown";
}

EngineStore::EngineStore(asio::any_io_executor executor, asio::thread_pool& pool, BlobCache& cache,
                         std::filesystem::path directory, std::filesystem::path local_engine, ChangeFunction on_change)
    : executor_(executor),
      pool_(pool),
      cache_(cache),
      directory_(std::move(directory)),
      local_engine_(std::move(local_engine)),
      on_change_(std::move(on_change)),
      changed_(executor),
      wake_(executor) {
  progress_.detail = "the coordinator's assignment";
}

void EngineStore::assign(std::optional<BlobSpec> bundle) {
  assigned_ = true;
  wanted_ = std::move(bundle);
  wake_.notify();
}

void EngineStore::retry() { wake_.notify(); }

void EngineStore::set(Progress progress) {
  const bool important = progress.phase != progress_.phase || progress.detail != progress_.detail;
  progress_ = std::move(progress);
  if (important) changed_.notify();
  on_change_(important ? Change::important : Change::progress);
}

Result<Engine> EngineStore::find_local() const {
  std::error_code error;
  const auto path = std::filesystem::canonical(local_engine_, error);
  if (error || ::access(path.c_str(), X_OK) != 0) {
    return Error(ErrorCode::not_found,
                 "worker.engine_path " + local_engine_.string() + " is no program that can be run");
  }
  Engine engine;
  engine.id = "local";
  engine.executable = path.string();
  // The owner chose it, for the GPUs it was built for.
  engine.gpu = true;
  engine.description = describe(path.string(), engine);
  return engine;
}

asio::awaitable<Result<void>> EngineStore::use_local() {
  auto engine = find_local();
  if (!engine) co_return engine.error();
  co_await announce(std::move(*engine));
  co_return Result<void>();
}

asio::awaitable<void> EngineStore::announce(Engine engine) {
  const auto fresh = std::make_shared<Engine>(std::move(engine));
  if (introduction_) co_await introduction_(fresh);
  current_ = fresh;
  log().info("engine {} is ready", current_->description);
  Progress ready;
  ready.phase = Phase::ready;
  set(std::move(ready));
}

asio::awaitable<void> EngineStore::run() {
  BackOff back_off(first_retry, longest_retry);
  for (;;) {
    const auto wanted = wanted_;
    Result<void> done;
    if (!local_engine_.empty()) {
      if (!current_) done = co_await use_local();
    } else if (!wanted) {
      Progress waiting;
      waiting.detail = assigned_ ? "an engine bundle for " + machine_target() + ": add one with `gogrid engine add`"
                                 : "the coordinator's assignment";
      if (assigned_) current_ = nullptr;
      set(std::move(waiting));
    } else if (!current_ || current_->id != wanted->sha256) {
      done = co_await prepare(*wanted);
    }
    if (wanted_ != wanted) continue;
    if (done) {
      back_off.reset();
      co_await wake_.wait();
      continue;
    }
    log().warn("engine: {}", done.error().detail);
    Progress failed;
    failed.phase = Phase::failed;
    failed.detail = done.error().detail;
    set(std::move(failed));
    co_await wake_.wait_for(back_off.next(random_chance()));
  }
}

asio::awaitable<Result<void>> EngineStore::prepare(BlobSpec bundle) {
  if (!is_sha256(bundle.sha256))
    co_return Error(ErrorCode::protocol, "the coordinator sent an engine bundle's name that is no SHA-256");
  const auto place = directory_ / bundle.sha256;
  std::error_code error;
  Result<Engine> engine = Error(ErrorCode::not_found, "");
  if (std::filesystem::is_directory(place, error)) {
    engine = open_bundle(place, bundle.sha256);
    if (!engine) {
      log().warn("the engine in {} is damaged ({}): it is fetched again", place.string(), engine.error().detail);
      std::filesystem::remove_all(place, error);
    }
  }
  if (!engine) {
    Progress fetching;
    fetching.phase = Phase::fetching;
    fetching.total_bytes = bundle.size_bytes;
    set(fetching);
    std::function<void(std::uint64_t)> on_progress = [this, fetching](std::uint64_t done) mutable {
      fetching.done_bytes = done;
      set(fetching);
    };
    auto blob = co_await cache_.fetch(bundle, std::move(on_progress));
    if (!blob) co_return blob.error();
    fetching.phase = Phase::unpacking;
    set(fetching);
    const auto room = cache_.room_bytes();
    if (!room) co_return room.error();
    ArchiveLimits limits;
    limits.room_bytes = *room;
    auto work = [blob = *blob, directory = directory_, id = bundle.sha256, limits] {
      return unpack(blob, directory, id, limits);
    };
    engine = co_await run_blocking(pool_, std::move(work));
    if (engine) cache_.remove(bundle.sha256);
  }
  if (!engine) co_return engine.error();
  co_await announce(std::move(*engine));
  co_await remove_others(bundle.sha256);
  co_return Result<void>();
}

// A bundle that still runs keeps its files until it ends: they are open.
asio::awaitable<void> EngineStore::remove_others(std::string id) {
  auto work = [directory = directory_, id]() -> Result<void> {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
      if (entry.path().filename() != id) std::filesystem::remove_all(entry.path(), error);
    }
    return {};
  };
  co_await run_blocking(pool_, std::move(work));
}

}  // namespace gogrid::worker
