// SqliteThread: the one thread that uses the database. Operations queue up; all that wait go into one transaction and
// share its one sync to disk (group commit). An operation that fails is undone alone. post() is safe from any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "store/sqlite/database.hpp"

namespace gogrid::store {

class SqliteThread {
 public:
  explicit SqliteThread(Database database);
  // Finishes what is queued.
  ~SqliteThread();

  struct Operation {
    // An error undoes what it did. It must not throw.
    std::function<Result<void>(Database&)> work;
    // Called on this thread when the transaction is on disk, or with the error that undid it.
    std::function<void(Result<void>)> done;
  };
  void post(Operation operation);

 private:
  void run();
  // Runs operations from `first` on in one transaction and completes them; the index after the last one that was run.
  std::size_t run_transaction(std::vector<Operation>& batch, std::size_t first);

  Database database_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Operation> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace gogrid::store
