#include "store/sqlite/sqlite_thread.hpp"

#include <utility>

namespace gogrid::store {
namespace {

// Bounds how long the first of a batch waits for the last.
constexpr std::size_t max_batch = 256;

}  // namespace

SqliteThread::SqliteThread(Database database) : database_(std::move(database)), thread_([this] { run(); }) {}

SqliteThread::~SqliteThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void SqliteThread::post(Operation operation) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(operation));
  }
  wake_.notify_one();
}

void SqliteThread::run() {
  for (;;) {
    std::vector<Operation> batch;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      batch.swap(queue_);
    }
    for (std::size_t next = 0; next < batch.size();)
      next = run_transaction(batch, next);
  }
}

std::size_t SqliteThread::run_transaction(std::vector<Operation>& batch, std::size_t first) {
  std::vector<Result<void>> results;
  auto outcome = database_.run_script("BEGIN IMMEDIATE");
  while (outcome && first + results.size() < batch.size() && results.size() < max_batch) {
    outcome = database_.run_script("SAVEPOINT operation");
    if (!outcome) break;
    Result<void> result = batch[first + results.size()].work(database_);
    if (!database_.in_transaction()) {
      // SQLite gave the whole transaction up (disk full), and with it what the operations before did.
      outcome = result ? Error(ErrorCode::internal, "the database ended the transaction") : result;
    } else {
      if (!result) outcome = database_.run_script("ROLLBACK TO operation");
      if (outcome) outcome = database_.run_script("RELEASE operation");
    }
    results.push_back(std::move(result));
  }
  if (outcome) outcome = database_.run_script("COMMIT");
  if (!outcome) {
    database_.roll_back();
    if (results.empty()) results.push_back(outcome);
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    batch[first + i].done(outcome || !results[i] ? results[i] : outcome);
  }
  return first + results.size();
}

}  // namespace gogrid::store
