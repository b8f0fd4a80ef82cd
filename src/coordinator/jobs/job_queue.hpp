// JobQueue: jobs from their submission to their stored end. A job is durable before it is acknowledged; the scheduler
// decides when it runs and what becomes of it; here that is written down, carried out and told to whoever watches.
// Owned by the Coordinator, used on the io thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/task_group.hpp"
#include "coordinator/api/error_response.hpp"
#include "coordinator/dispatch.hpp"
#include "coordinator/jobs/job_writer.hpp"
#include "coordinator/jobs/request_cache.hpp"
#include "store/store.hpp"
#include "wire/openai_request.hpp"

namespace gogrid::coordinator {

class Metrics;
class ModelLibrary;
class UsageMeter;

class JobQueue final : private JobActions {
 public:
  struct Options {
    // Jobs that have ended are kept this long.
    std::chrono::milliseconds retention = std::chrono::hours(24 * 7);
  };
  // All of them outlive it.
  JobQueue(boost::asio::any_io_executor executor, store::Store& store, Dispatcher& dispatcher,
           const ModelLibrary& models, UsageMeter& usage, Metrics& metrics, const Clock& clock, Options options);
  ~JobQueue() override;

  // Finds the queue again as it was left. Once, after the models and the expected workers are known to the dispatcher.
  store::Pending<> load();
  // Removes what has been kept long enough. Returns after stop().
  boost::asio::awaitable<void> run();
  // No job is given to a worker from now on.
  void hold();
  // What happens to jobs from now on is not written down: they are found again as they are.
  void stop();
  // Until nothing runs, and all that is to be stored is, or cannot be. Call it when no worker is connected any more.
  boost::asio::awaitable<void> drain();
  // The store takes what it is given, as far as is known.
  bool store_available() const { return writer_.healthy(); }

  // What somebody wants to be done.
  struct Wanted {
    std::string key_id;
    // Names of models that the key may use; empty: all.
    std::vector<std::string> allowed_models = {};
    wire::InferenceEndpoint endpoint = wire::InferenceEndpoint::chat_completions;
    // The body of the inference request.
    std::string request;
    int priority = domain::default_priority;
    unsigned max_attempts = domain::default_max_attempts;
    std::optional<SystemTime> not_before = {};
    std::optional<SystemTime> deadline = {};
    std::optional<std::string> idempotency_key = {};
    // A JSON object of strings.
    std::string labels = "{}";
    std::string webhook_url = {};
    domain::BatchId batch = {};
    std::int64_t batch_line = 0;
    std::string custom_id = {};
  };
  struct PreparedJob {
    store::NewJob job;
    // For the scheduler.
    domain::PrefixHash prefix = 0;
    std::uint32_t prompt_tokens = 0;
  };
  // Checks the request as the inference API does, and gives the job its id. What is wrong is told as there.
  ApiResult<PreparedJob> make_job(Wanted wanted);

  struct Submitted {
    store::JobRecord record;
    // False: it is the one that was submitted with the same idempotency key before.
    bool is_new = true;
  };
  boost::asio::awaitable<ApiResult<Submitted>> submit(PreparedJob job);
  // Lines of a batch: all or none, and with them the batch as it then stands. Lines that are `failed` already are
  // stored only. Needs no room in the key's queue: a batch feeds it line by line.
  boost::asio::awaitable<ApiResult<void>> submit_lines(std::vector<PreparedJob> jobs, store::BatchRecord batch);
  // For a line of a batch that cannot run, and why.
  PreparedJob make_failed_line(Wanted wanted, const ErrorResponse& error);

  // The record, with what only the scheduler knows: whether it runs. nullopt: there is none.
  store::Pending<std::optional<store::JobRecord>> find(domain::JobId id);
  // The same for a record that was read from the store.
  void update(store::JobRecord& record) const;
  // Why it waits; nullopt when it does not.
  std::optional<domain::Explanation> explain(domain::JobId id) const;

  // Until all that has happened so far is stored.
  boost::asio::awaitable<void> stored() { return writer_.flushed(); }

  // False when it has ended, or its end is being stored.
  bool cancel(domain::JobId id, const std::string& reason);
  // All that have not ended. Returns how many.
  store::Pending<std::size_t> cancel_all(store::JobFilter filter, std::string reason);
  boost::asio::awaitable<ApiResult<store::JobRecord>> retry(domain::JobId id);

  // A job has ended, and that is stored.
  struct Ended {
    domain::JobId job;
    domain::BatchId batch;
    domain::JobState state = domain::JobState::succeeded;
    // A webhook was stored with it.
    bool has_webhook = false;
  };
  // Called on the io thread, must not suspend. For every end.
  void on_ended(std::function<void(const Ended&)> listener) { ended_listeners_.push_back(std::move(listener)); }

  // For as long as it lives: somebody who wants to know when something about a job changes, but for its place in the
  // queue. The queue outlives it.
  class Watch {
   public:
    Watch(JobQueue& queue, domain::JobId id, std::function<void()> on_change);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    void tell() const { on_change_(); }

   private:
    JobQueue& queue_;
    domain::JobId id_;
    std::function<void()> on_change_;
  };
  // `on_change` must not suspend, nor make or end watches.
  std::unique_ptr<Watch> watch(domain::JobId id, std::function<void()> on_change);

 private:
  // What only a few jobs have, and their end needs.
  struct Extra {
    domain::BatchId batch;
    std::string key_id;
    std::string webhook_url;
  };
  struct Run;

  // JobActions.
  void lease(const domain::Lease& lease, std::shared_ptr<WorkerLink> worker) override;
  void resume(const domain::Resume& resume, std::shared_ptr<WorkerLink> worker) override;
  void revoke(const domain::Revoke& revoke) override;
  void settle(domain::Settle settle) override;

  void begin(std::shared_ptr<Run> run);
  boost::asio::awaitable<void> serve(std::shared_ptr<Run> run);
  // Its end is stored: the worker may forget it.
  void confirm_stored(const std::shared_ptr<Run>& run);
  boost::asio::awaitable<void> confirm(std::shared_ptr<Run> run);
  // nullopt: what comes of it does not count, or its worker is gone.
  boost::asio::awaitable<std::optional<domain::AttemptEnd>> attempt(std::shared_ptr<Run> run);
  boost::asio::awaitable<std::optional<domain::AttemptEnd>> read_answer(std::shared_ptr<Run> run);
  boost::asio::awaitable<bool> store_part(std::shared_ptr<Run> run);
  std::optional<domain::AttemptEnd> answer_complete(Run& run) const;
  std::optional<domain::AttemptEnd> broken_off(const Run& run, const Error& error) const;
  boost::asio::awaitable<Result<std::string>> request_of(domain::JobId id);
  domain::Job schedulable(const store::JobRecord& record, domain::PrefixHash prefix, std::uint32_t prompt_tokens) const;
  store::JobEnded stored_end(const domain::Settle& settle);
  void remember(const store::JobRecord& record);
  void ended(domain::JobId id, domain::JobState state);
  void changed(domain::JobId id);

  boost::asio::any_io_executor executor_;
  store::Store& store_;
  Dispatcher& dispatcher_;
  const ModelLibrary& models_;
  UsageMeter& usage_;
  Metrics& metrics_;
  const Clock& clock_;
  const Options options_;
  TaskGroup tasks_;
  JobWriter writer_;
  RequestCache requests_;
  OrderedIds ids_;
  std::unordered_map<domain::JobId, Extra> extras_;
  // Those whose lease was not revoked; the newest one of a lease that was resumed.
  std::unordered_map<domain::LeaseId, std::shared_ptr<Run>> runs_;
  std::unordered_multimap<domain::JobId, Watch*> watches_;
  std::vector<std::function<void(const Ended&)>> ended_listeners_;
  boost::asio::steady_timer retention_timer_;
  bool held_ = false;
  bool stopping_ = false;
};

}  // namespace gogrid::coordinator
