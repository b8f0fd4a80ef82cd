// SqlStore: the store over any Connection. Its functions are in a file a part of Store: sql_store.cpp (keys to
// uploads), sql_model_store.cpp, sql_job_store.cpp, sql_batch_store.cpp and sql_memory_store.cpp. Used on the io
// thread; all SQL runs on a thread of its own.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "store/sql/reading.hpp"
#include "store/sql/sql_thread.hpp"
#include "store/store.hpp"

namespace gogrid::store {

inline Error not_found(std::string_view what) {
  return Error(ErrorCode::not_found, "there is no such " + std::string(what));
}

inline Result<void> changed_one(const Result<std::int64_t>& count, std::string_view what) {
  if (!count) return count.error();
  if (*count == 0) return not_found(what);
  return {};
}

// So that last_ordered_id() still knows an id whose row is being removed.
inline void note_removed(Changes& changes, std::int64_t id) {
  changes.add(
      "INSERT INTO numbers (name, value) VALUES ('last_id', $1) ON CONFLICT (name) DO UPDATE SET value = "
      "CASE WHEN excluded.value > numbers.value THEN excluded.value ELSE numbers.value END",
      id);
}

// A work that is one function of the connection.
template <class Value, class Function>
class FunctionWork final : public Work {
 public:
  FunctionWork(Function function, bool only_reads) : function_(std::move(function)), only_reads_(only_reads) {}
  Result<void> run(Connection& connection) override {
    value_.emplace(function_(connection));
    if (!value_->has_value()) return value_->error();
    return {};
  }
  bool only_reads() const override { return only_reads_; }
  Result<Value> take() { return std::move(*value_); }

 private:
  Function function_;
  bool only_reads_;
  std::optional<Result<Value>> value_;
};

class SqlStore final : public Store {
 public:
  explicit SqlStore(std::unique_ptr<Connection> connection) : thread_(std::move(connection)) {}

  Pending<> add_key(KeyRecord key) override;
  Pending<std::vector<KeyRecord>> list_keys() override;
  Pending<> revoke_key(std::string id, SystemTime now) override;
  Pending<> set_key_policy(std::string id, KeyPolicy policy) override;
  Pending<> rename_key(std::string id, std::string name) override;
  Pending<> note_key_uses(std::vector<LastUse> uses) override;

  Pending<> add_token(TokenRecord token) override;
  Pending<std::vector<TokenRecord>> list_tokens() override;
  Pending<> remove_token(std::string id) override;
  Pending<std::optional<TokenRecord>> find_token(std::string id) override;

  Pending<WorkerRecord> enrol_worker(std::string token_id, SystemTime now, WorkerRecord worker) override;
  Pending<std::vector<WorkerRecord>> list_workers() override;
  Pending<> revoke_worker(std::string id, SystemTime now) override;
  Pending<> set_worker_certificate(std::string id, std::string serial, SystemTime expires_at) override;
  Pending<std::vector<WorkerRecord>> note_workers_seen(std::vector<Sighting> sightings) override;
  Pending<> set_worker_labels(std::string id, std::map<std::string, std::string> labels) override;

  Pending<> put_model(ModelRecord model) override;
  Pending<std::vector<ModelRecord>> list_models() override;
  Pending<> remove_model(std::string id) override;
  Pending<> put_alias(AliasRecord alias) override;
  Pending<std::vector<AliasRecord>> list_aliases() override;
  Pending<> remove_alias(std::string name) override;
  Pending<> put_fetch(FetchRecord fetch) override;
  Pending<std::vector<FetchRecord>> list_fetches() override;
  Pending<> remove_fetch(std::string id) override;
  Pending<> put_engine(EngineRecord engine) override;
  Pending<std::vector<EngineRecord>> list_engines() override;
  Pending<> remove_engine(std::string sha256) override;
  Pending<> put_upload(UploadRecord upload) override;
  Pending<std::vector<UploadRecord>> list_uploads() override;
  Pending<> remove_upload(std::string sha256) override;

  Pending<std::vector<Added>> add_jobs(std::vector<NewJob> jobs, std::optional<BatchRecord> batch) override;
  Pending<std::vector<bool>> change_jobs(std::vector<JobChange> changes) override;
  Pending<> put_result_part(domain::JobId job, domain::LeaseId lease, std::int64_t part, std::string bytes) override;
  Pending<std::optional<JobRecord>> find_job(domain::JobId id) override;
  Pending<std::vector<JobRecord>> list_jobs(JobFilter filter, domain::JobId before, std::size_t limit) override;
  Pending<std::vector<JobRecord>> list_open_jobs(domain::JobId after, std::size_t limit) override;
  Pending<std::string> job_request(domain::JobId id) override;
  Pending<std::string> result_part(domain::JobId id, std::int64_t part) override;
  Pending<std::vector<AttemptRecord>> list_attempts(domain::JobId id) override;
  Pending<JobRecord> retry_job(domain::JobId id, SystemTime now) override;
  Pending<std::int64_t> remove_old_jobs(SystemTime before, std::size_t limit) override;
  Pending<std::int64_t> next_epoch() override;
  Pending<std::int64_t> last_ordered_id() override;

  Pending<> add_webhook(WebhookRecord webhook) override;
  Pending<std::vector<WebhookRecord>> list_webhooks(std::size_t limit) override;
  Pending<> postpone_webhook(std::int64_t sequence, unsigned attempts, SystemTime next_at) override;
  Pending<> remove_webhook(std::int64_t sequence) override;

  Pending<> add_file(FileRecord file) override;
  Pending<std::optional<FileRecord>> find_file(FileId id) override;
  Pending<std::vector<FileRecord>> list_files(std::string key_id, std::string purpose, FileId before,
                                              std::size_t limit) override;
  Pending<std::vector<FileRecord>> list_expired_files(SystemTime now) override;
  Pending<> remove_file(FileId id) override;
  Pending<> put_batch(BatchRecord batch) override;
  Pending<std::optional<BatchRecord>> find_batch(domain::BatchId id) override;
  Pending<std::vector<BatchRecord>> list_batches(std::string key_id, domain::BatchId before,
                                                 std::size_t limit) override;
  Pending<std::vector<BatchRecord>> list_open_batches() override;
  Pending<BatchCounts> count_batch(domain::BatchId id) override;
  Pending<std::vector<JobRecord>> list_batch_lines(domain::BatchId id, std::int64_t after, std::size_t limit) override;

  Pending<> add_usage(std::vector<UsageRecord> usage) override;
  Pending<std::vector<UsageRecord>> list_usage(std::int64_t from_day, std::int64_t to_day, std::string key_id) override;
  Pending<> put_measured_memory(MemoryRecord record) override;
  Pending<std::vector<MemoryRecord>> list_measured_memory() override;
  Pending<> add_audit(AuditRecord act) override;
  Pending<std::vector<AuditRecord>> list_audit(std::int64_t before, std::size_t limit) override;

 private:
  // Runs `function` on the SQL thread and resumes the caller on its own executor when its transaction is on disk.
  template <class Value, class Function>
  Pending<Value> run(Function function) {
    using TheWork = FunctionWork<Value, Function>;
    return complete<Value, TheWork>(std::make_shared<TheWork>(std::move(function), false));
  }
  // The same for one that changes nothing.
  template <class Value, class Function>
  Pending<Value> look(Function function) {
    using TheWork = FunctionWork<Value, Function>;
    return complete<Value, TheWork>(std::make_shared<TheWork>(std::move(function), true));
  }

  // The work is shared by the two ends; the SQL thread is done with it before the caller looks.
  template <class Value, class TheWork>
  Pending<Value> complete(std::shared_ptr<TheWork> work) {
    auto initiate = [this](auto handler, std::shared_ptr<Work> its_work) {
      auto executor = boost::asio::get_associated_executor(handler);
      auto guard = boost::asio::make_work_guard(executor);
      auto shared = std::make_shared<decltype(handler)>(std::move(handler));
      thread_.post(std::move(its_work),
                   [shared = std::move(shared), executor, guard = std::move(guard)](Result<void> outcome) mutable {
                     boost::asio::post(executor, [shared = std::move(shared), outcome = std::move(outcome)]() mutable {
                       (*shared)(std::move(outcome));
                     });
                   });
    };
    std::shared_ptr<Work> posted = work;
    Result<void> outcome =
        co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(Result<void>)>(
            initiate, boost::asio::use_awaitable, std::move(posted));
    if (!outcome) co_return outcome.error();
    co_return work->take();
  }

  SqlThread thread_;
};

}  // namespace gogrid::store
