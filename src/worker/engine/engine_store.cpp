#include "worker/engine/engine_store.hpp"

#include <unistd.h>

#include <system_error>

#include "base/blocking.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
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
  engine.description = manifest->description();
  return engine;
}

// Unpacks beside the final place and renames, so that what has the final name is whole. Runs on the pool.
Result<Engine> unpack(const std::filesystem::path& blob, const std::filesystem::path& directory,
                      const std::string& id) {
  const auto place = directory / id;
  const auto temporary = directory / (id + ".tmp");
  std::error_code error;
  std::filesystem::remove_all(temporary, error);
  if (auto made = make_directories(temporary, 0755); !made) return made.error();
  auto unpacked = unpack_archive(blob, temporary, ArchiveLimits());
  Result<Engine> engine = unpacked ? open_bundle(temporary, id) : Result<Engine>(unpacked.error());
  if (engine) {
    std::filesystem::rename(temporary, place, error);
    if (error) engine = Error(ErrorCode::io, "cannot rename " + temporary.string() + ": " + error.message());
  }
  if (!engine) std::filesystem::remove_all(temporary, error);
  if (engine) engine->root = place;
  return engine;
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

Result<void> EngineStore::use_local() {
  std::error_code error;
  const auto path = std::filesystem::canonical(local_engine_, error);
  if (error || ::access(path.c_str(), X_OK) != 0) {
    return Error(ErrorCode::not_found,
                 "worker.engine_path " + local_engine_.string() + " is no program that can be run");
  }
  auto engine = std::make_shared<Engine>();
  engine->id = "local";
  engine->executable = path.string();
  engine->description = path.string();
  current_ = std::move(engine);
  Progress ready;
  ready.phase = Phase::ready;
  set(std::move(ready));
  return {};
}

asio::awaitable<void> EngineStore::run() {
  BackOff back_off(first_retry, longest_retry);
  for (;;) {
    const auto wanted = wanted_;
    Result<void> done;
    if (!local_engine_.empty()) {
      if (!current_) done = use_local();
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
  } else {
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
    auto work = [blob = *blob, directory = directory_, id = bundle.sha256] { return unpack(blob, directory, id); };
    engine = co_await run_blocking(pool_, std::move(work));
    if (engine) cache_.remove(bundle.sha256);
  }
  if (!engine) co_return engine.error();
  current_ = std::make_shared<Engine>(std::move(*engine));
  log().info("engine {} is ready", current_->description);
  Progress ready;
  ready.phase = Phase::ready;
  set(std::move(ready));
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
