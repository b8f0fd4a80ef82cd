#include "store/sql/sql_thread.hpp"

#include <algorithm>
#include <utility>

namespace gogrid::store {
namespace {

// Bounds how long the first of a batch waits for the last.
constexpr std::size_t max_batch = 512;

}  // namespace

SqlThread::SqlThread(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)), thread_([this] { run(); }) {}

SqlThread::~SqlThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void SqlThread::post(std::shared_ptr<Work> work, Done done) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({std::move(work), std::move(done)});
  }
  wake_.notify_one();
}

void SqlThread::run() {
  for (;;) {
    std::vector<Operation> batch;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      batch.swap(queue_);
    }
    for (std::span<Operation> left(batch); !left.empty();) {
      const auto some = left.first(std::min(left.size(), max_batch));
      std::stable_partition(some.begin(), some.end(), [](const Operation& one) { return one.work->may_go_first(); });
      run_all(some);
      connection_->tidy();
      left = left.subspan(some.size());
    }
  }
}

void SqlThread::run_all(std::span<Operation> operations) {
  const auto reads = [](const Operation& operation) { return operation.work->only_reads(); };
  if (std::all_of(operations.begin(), operations.end(), reads)) {
    run_without_transaction(operations, {});
    return;
  }
  while (!operations.empty())
    operations = operations.subspan(run_transaction(operations));
}

void SqlThread::run_without_transaction(std::span<Operation> operations, const Result<void>& for_writes) {
  for (Operation& operation : operations)
    operation.done(operation.work->only_reads() ? operation.work->run(*connection_) : for_writes);
}

Result<void> SqlThread::run_group(std::span<Operation> group) {
  if (group.size() == 1) return group.front().work->run(*connection_);
  std::vector<Work*> works;
  works.reserve(group.size());
  for (const Operation& operation : group)
    works.push_back(operation.work.get());
  return works.front()->run_together(*connection_, works);
}

std::size_t SqlThread::run_transaction(std::span<Operation> operations) {
  if (auto begun = connection_->begin(); !begun) {
    // A disk or a database that takes no writes can often be read.
    run_without_transaction(operations, begun);
    return operations.size();
  }
  std::vector<Result<void>> results;
  results.reserve(operations.size());
  const auto complete = [&](const Result<void>& transaction) {
    for (std::size_t i = 0; i < results.size(); ++i)
      operations[i].done(transaction || !results[i] ? results[i] : transaction);
    return results.size();
  };
  while (results.size() < operations.size()) {
    const auto next = operations.subspan(results.size());
    const void* kind = next.front().work->kind();
    const auto end = std::find_if(next.begin() + 1, next.end(), [kind](const Operation& operation) {
      return kind == nullptr || operation.work->kind() != kind;
    });
    const auto group = next.first(static_cast<std::size_t>(end - next.begin()));
    const std::int64_t changed_before = connection_->changed();
    const Result<void> result = run_group(group);
    const auto state = connection_->transaction();
    if (state == Connection::Transaction::none) {
      // The database gave the whole transaction up, and with it what the operations before did.
      connection_->roll_back();
      results.insert(results.end(), group.size(), result);
      const Result<void> lost = Error(ErrorCode::internal, "the database ended the transaction");
      return complete(result ? lost : result);
    }
    const bool half_done = state == Connection::Transaction::failed || connection_->changed() != changed_before;
    if (!result && (half_done || group.size() > 1)) {
      connection_->roll_back();
      if (operations.size() == 1) {
        operations.front().done(result);
        return 1;
      }
      // That is rare enough that the others are done again, without a savepoint for each one all the time.
      run_all(operations.first(results.size()));
      for (Operation& operation : group)
        run_all(std::span(&operation, 1));
      return results.size() + group.size();
    }
    results.insert(results.end(), group.size(), result);
  }
  const Result<void> committed = connection_->commit();
  if (!committed) connection_->roll_back();
  return complete(committed);
}

}  // namespace gogrid::store
