// BatchService: batches from their creation to their output files. Each open one has a coroutine that takes it from
// state to state; every step is stored before the next begins, so that a batch goes on where it was after a crash.
// Lines become jobs portion by portion, so that few are open at a time. Owned by the Coordinator, used on the io
// thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/async_lock.hpp"
#include "base/clock.hpp"
#include "base/task_group.hpp"
#include "coordinator/api/error_response.hpp"
#include "coordinator/jobs/batch_input.hpp"
#include "coordinator/jobs/client_files.hpp"
#include "coordinator/jobs/job_queue.hpp"
#include "store/store.hpp"

namespace gogrid::coordinator {

class BatchService {
 public:
  struct Options {
    std::int64_t max_lines = 50'000;
    // Of one line of an input file.
    std::size_t max_line_bytes = 32 * 1024 * 1024;
    // Of one batch, open at a time.
    std::int64_t max_open_jobs = 1000;
    // That become jobs in one step.
    std::size_t portion_lines = 100;
    // Output files are kept this long.
    std::chrono::milliseconds retention = std::chrono::hours(24 * 7);
    // Names of models that a key may use; empty: all.
    std::function<std::vector<std::string>(const std::string& key_id)> allowed_models = {};
  };
  // All of them outlive it.
  BatchService(boost::asio::any_io_executor executor, store::Store& store, JobQueue& queue, ClientFiles& files,
               const Clock& clock, Options options);
  ~BatchService();

  // Goes on with what has not ended. Once, after the queue is loaded.
  store::Pending<> load();
  // Nothing more is begun; what has not ended goes on at the next start.
  void stop();
  boost::asio::awaitable<void> drain();

  // What somebody wants to be done; its id, state and times are set here. 404 when there is no such file of the key's,
  // 429 when the key has too many open batches.
  boost::asio::awaitable<ApiResult<store::BatchRecord>> create(store::BatchRecord wanted,
                                                               std::chrono::milliseconds window);
  // Stored when it returns: no more of its lines begin. 409 for one that is about to end or has ended, but for one that
  // is being cancelled or was.
  boost::asio::awaitable<ApiResult<store::BatchRecord>> cancel(store::BatchRecord batch);
  // A file that a batch still reads.
  bool uses(store::FileId file) const;
  // All of the key's that are open are cancelled.
  boost::asio::awaitable<void> cancel_of(std::string key_id);

 private:
  struct Batch;
  using Handle = std::shared_ptr<Batch>;
  struct Scan;

  void begin(store::BatchRecord record);
  boost::asio::awaitable<void> run(Handle batch);
  // What is next in its state. An error is the store's or the disk's: it is tried again.
  store::Pending<> step(Handle batch);
  // How it stands in the store, at the start and after an error.
  store::Pending<> read_again(Handle batch);
  store::Pending<> count_open(Handle batch);

  store::Pending<> validate(Handle batch);
  // Looks through the whole input file.
  store::Pending<Scan> scan(Handle batch);
  boost::asio::awaitable<void> scan_portion(Handle batch, InputPortion portion, Scan* scan);
  store::Pending<> feed(Handle batch);
  store::Pending<> feed_portion(Handle batch);
  store::Pending<> give_up(Handle batch, std::string reason);
  JobQueue::Wanted wanted_of(const Batch& batch, const InputLine& line) const;
  // A failed one for a line that is no request; the error is a reason to try again later.
  ApiResult<JobQueue::PreparedJob> make_job(const Batch& batch, InputLine line);
  // Until none of its jobs is open.
  store::Pending<> wait_for_jobs(Handle batch);
  store::Pending<> close(Handle batch);
  store::Pending<> finish_cancelled(Handle batch);
  store::Pending<> put_out(Handle batch);
  store::Pending<> add_output(store::BatchRecord record, store::FileId id, std::string kind, std::uint64_t size_bytes);
  store::Pending<InputPortion> read_input(Handle batch, InputPosition from, PortionLimits limits) const;
  // Stores the batch as `changed`, unless it is in another state than before by now.
  store::Pending<> change(Handle batch, store::BatchRecord changed);
  boost::asio::awaitable<void> wait(Handle batch, SystemTime until);
  void note_end(const JobQueue::Ended& ended);
  bool is_late(const Batch& batch) const;

  boost::asio::any_io_executor executor_;
  store::Store& store_;
  JobQueue& queue_;
  ClientFiles& files_;
  const Clock& clock_;
  const Options options_;
  OrderedIds ids_;
  TaskGroup tasks_;
  std::unordered_map<domain::BatchId, Handle> open_;
  // So that what is held in memory is of one batch at a time.
  AsyncLock scanning_;
  AsyncLock feeding_;
  AsyncLock putting_out_;
  bool stopping_ = false;
};

}  // namespace gogrid::coordinator
