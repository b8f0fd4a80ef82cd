// SqlThread: the one thread that uses the database. Works queue up; all that wait go into one transaction and share its
// one sync to disk (group commit). A work that fails is undone alone. post() is safe from any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "store/sql/connection.hpp"

namespace gogrid::store {

// Something to do with the database, and what came of it.
class Work {
 public:
  virtual ~Work() = default;
  // An error undoes what it did. Runs again when the transaction it was in was undone for another's sake. It must not
  // throw.
  virtual Result<void> run(Connection& connection) = 0;

  // It changes nothing: it needs no transaction.
  virtual bool only_reads() const { return false; }
  // It depends on nothing that was posted before it and has not completed.
  virtual bool may_go_first() const { return false; }
  // Works of one kind that follow each other run as one, by run_together() of the first; nullptr is a kind of its own.
  virtual const void* kind() const { return nullptr; }
  virtual Result<void> run_together(Connection& connection, std::span<Work* const> /*works*/) {
    return run(connection);
  }
};

class SqlThread {
 public:
  explicit SqlThread(std::unique_ptr<Connection> connection);
  // Finishes what is queued.
  ~SqlThread();

  // Called on this thread when the work's transaction is on disk, or with the error that undid it.
  using Done = std::function<void(Result<void>)>;
  void post(std::shared_ptr<Work> work, Done done);

 private:
  struct Operation {
    std::shared_ptr<Work> work;
    Done done;
  };
  void run();
  void run_all(std::span<Operation> operations);
  // Runs the first ones in one transaction and completes them; how many.
  std::size_t run_transaction(std::span<Operation> operations);
  void run_without_transaction(std::span<Operation> operations, const Result<void>& for_writes);
  Result<void> run_group(std::span<Operation> group);

  std::unique_ptr<Connection> connection_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Operation> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace gogrid::store
