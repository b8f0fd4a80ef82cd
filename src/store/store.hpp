// The coordinator's durable state behind interfaces; SqliteStore implements them. A write has been synced to disk when
// its coroutine completes, and writes from many coroutines share one sync. Called on the io thread, which is never
// blocked. Errors: not_found, conflict as each function says; disk_full, unavailable (read-only, locked, closing),
// internal (damaged).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/records.hpp"

namespace gogrid::store {

template <class T = void>
using Pending = boost::asio::awaitable<Result<T>>;

class KeyStore {
 public:
  virtual ~KeyStore() = default;
  // conflict when the id is taken.
  virtual Pending<> add_key(KeyRecord key) = 0;
  // All, the oldest first; so are all lists here.
  virtual Pending<std::vector<KeyRecord>> list_keys() = 0;
  // not_found for an unknown id. The first time stays when it was revoked before.
  virtual Pending<> revoke_key(std::string id, SystemTime now) = 0;
  // Both: not_found for an unknown id.
  virtual Pending<> set_key_policy(std::string id, KeyPolicy policy) = 0;
  virtual Pending<> rename_key(std::string id, std::string name) = 0;
  struct LastUse {
    std::string id;
    SystemTime at;
  };
  // Unknown ids are skipped.
  virtual Pending<> note_key_uses(std::vector<LastUse> uses) = 0;
};

class TokenStore {
 public:
  virtual ~TokenStore() = default;
  virtual Pending<> add_token(TokenRecord token) = 0;
  virtual Pending<std::vector<TokenRecord>> list_tokens() = 0;
  virtual Pending<> remove_token(std::string id) = 0;
  virtual Pending<std::optional<TokenRecord>> find_token(std::string id) = 0;
};

class WorkerStore {
 public:
  virtual ~WorkerStore() = default;
  // Takes one use of the token and adds the worker, both or neither: not_found for an unknown token, permission_denied
  // for one that is used up or expired at `now`. A name that another worker has gets a number: "desk", "desk-2".
  // Returns the record as stored.
  virtual Pending<WorkerRecord> enrol_worker(std::string token_id, SystemTime now, WorkerRecord worker) = 0;
  virtual Pending<std::vector<WorkerRecord>> list_workers() = 0;
  virtual Pending<> revoke_worker(std::string id, SystemTime now) = 0;
  // permission_denied when the worker is revoked.
  virtual Pending<> set_worker_certificate(std::string id, std::string serial, SystemTime expires_at) = 0;
  struct Sighting {
    std::string id;
    SystemTime at;
    std::string version;
    std::string target;
    // What it calls itself, as it may be stored; empty: as before.
    std::string host_name = {};
    // Its owner chose that.
    bool named_by_owner = false;
  };
  // A worker that has another host name than before is named after it, with a number as in enrol_worker(). One that a
  // token named otherwise keeps that name unless its owner chose one. Returns the records whose name or host name
  // changed, as stored. Unknown ids are skipped, and revoked workers keep what they are called.
  virtual Pending<std::vector<WorkerRecord>> note_workers_seen(std::vector<Sighting> sightings) = 0;
  // not_found for an unknown id.
  virtual Pending<> set_worker_labels(std::string id, std::map<std::string, std::string> labels) = 0;
};

class ModelStore {
 public:
  virtual ~ModelStore() = default;
  // conflict when another model has the name.
  virtual Pending<> put_model(ModelRecord model) = 0;
  virtual Pending<std::vector<ModelRecord>> list_models() = 0;
  virtual Pending<> remove_model(std::string id) = 0;
  // Replaces the one of that name.
  virtual Pending<> put_alias(AliasRecord alias) = 0;
  virtual Pending<std::vector<AliasRecord>> list_aliases() = 0;
  virtual Pending<> remove_alias(std::string name) = 0;
};

class FetchStore {
 public:
  virtual ~FetchStore() = default;
  // Adds it or replaces the one of the same id.
  virtual Pending<> put_fetch(FetchRecord fetch) = 0;
  virtual Pending<std::vector<FetchRecord>> list_fetches() = 0;
  virtual Pending<> remove_fetch(std::string id) = 0;
};

class EngineStore {
 public:
  virtual ~EngineStore() = default;
  // One that is there already (same SHA-256) gets the new name and time.
  virtual Pending<> put_engine(EngineRecord engine) = 0;
  virtual Pending<std::vector<EngineRecord>> list_engines() = 0;
  virtual Pending<> remove_engine(std::string sha256) = 0;
};

class UploadStore {
 public:
  virtual ~UploadStore() = default;
  // Replaces what was said of the same SHA-256 before.
  virtual Pending<> put_upload(UploadRecord upload) = 0;
  virtual Pending<std::vector<UploadRecord>> list_uploads() = 0;
  virtual Pending<> remove_upload(std::string sha256) = 0;
};

// Jobs. Times are stored to the millisecond.
class JobStore {
 public:
  virtual ~JobStore() = default;

  // What became of each new job.
  struct Added {
    // The job itself, or the one that its key (key_id) has stored with its idempotency key before: then nothing was
    // added.
    domain::JobId id;
    bool is_new = true;
    // Of the job that is stored: differs from the new one's when the idempotency key was used for something else.
    std::string request_sha256;
  };
  // All or none, and with them, if it is given, the batch as it then stands (see put_batch): lines become jobs once.
  virtual Pending<std::vector<Added>> add_jobs(std::vector<NewJob> jobs,
                                               std::optional<BatchRecord> batch = std::nullopt) = 0;
  // In order, in one transaction. False for each change that did not apply (see JobLeased, JobEnded), which is no
  // error and leaves the others alone.
  virtual Pending<std::vector<bool>> change_jobs(std::vector<JobChange> changes) = 0;
  // `part` counts from 0. Replaces one of the same job, lease and number. conflict when `lease` is not the job's.
  virtual Pending<> put_result_part(domain::JobId job, domain::LeaseId lease, std::int64_t part, std::string bytes) = 0;

  virtual Pending<std::optional<JobRecord>> find_job(domain::JobId id) = 0;
  // Newest first, `limit` at most, those before `before` if that is given.
  virtual Pending<std::vector<JobRecord>> list_jobs(JobFilter filter, domain::JobId before, std::size_t limit) = 0;
  // Oldest first: those that have not ended, after `after`: how the coordinator finds its queue again, page by page.
  virtual Pending<std::vector<JobRecord>> list_open_jobs(domain::JobId after, std::size_t limit) = 0;
  // The body of its request; not_found.
  virtual Pending<std::string> job_request(domain::JobId id) = 0;
  // A part of the result of a job that has ended with one, from 0 to result_parts - 1; not_found.
  virtual Pending<std::string> result_part(domain::JobId id, std::int64_t part) = 0;
  virtual Pending<std::vector<AttemptRecord>> list_attempts(domain::JobId id) = 0;
  // A final job becomes queued again, with all its attempts to come; what it left is removed. conflict for one that has
  // not ended or has succeeded.
  virtual Pending<JobRecord> retry_job(domain::JobId id, SystemTime now) = 0;
  // Removes jobs that ended before `before` with all that belongs to them, except those of batches that have not ended;
  // `limit` at most. Returns how many.
  virtual Pending<std::int64_t> remove_old_jobs(SystemTime before, std::size_t limit) = 0;

  // Grows with each call: the upper half of this run's lease ids.
  virtual Pending<std::int64_t> next_epoch() = 0;
  // The largest id of a job, a batch or a file that was ever stored; 0 for none.
  virtual Pending<std::int64_t> last_ordered_id() = 0;
};

class WebhookStore {
 public:
  virtual ~WebhookStore() = default;
  virtual Pending<> add_webhook(WebhookRecord webhook) = 0;
  // By next_at, the earliest first.
  virtual Pending<std::vector<WebhookRecord>> list_webhooks(std::size_t limit) = 0;
  virtual Pending<> postpone_webhook(std::int64_t sequence, unsigned attempts, SystemTime next_at) = 0;
  // Sent, or given up.
  virtual Pending<> remove_webhook(std::int64_t sequence) = 0;
};

class BatchStore {
 public:
  virtual ~BatchStore() = default;
  virtual Pending<> add_file(FileRecord file) = 0;
  virtual Pending<std::optional<FileRecord>> find_file(FileId id) = 0;
  // Newest first, `limit` at most; those before `before` if that is not empty. An empty key or purpose is any.
  virtual Pending<std::vector<FileRecord>> list_files(std::string key_id, std::string purpose, FileId before,
                                                      std::size_t limit) = 0;
  // Those that have expired at `now`.
  virtual Pending<std::vector<FileRecord>> list_expired_files(SystemTime now) = 0;
  virtual Pending<> remove_file(FileId id) = 0;

  // Adds it or replaces the one of the same id.
  virtual Pending<> put_batch(BatchRecord batch) = 0;
  virtual Pending<std::optional<BatchRecord>> find_batch(domain::BatchId id) = 0;
  // As list_files().
  virtual Pending<std::vector<BatchRecord>> list_batches(std::string key_id, domain::BatchId before,
                                                         std::size_t limit) = 0;
  // The oldest first: those that have not ended.
  virtual Pending<std::vector<BatchRecord>> list_open_batches() = 0;
  virtual Pending<BatchCounts> count_batch(domain::BatchId id) = 0;
  // Of its jobs that have ended, by line, after line `after`.
  virtual Pending<std::vector<JobRecord>> list_batch_lines(domain::BatchId id, std::int64_t after,
                                                           std::size_t limit) = 0;
};

class UsageStore {
 public:
  virtual ~UsageStore() = default;
  // Added to what is there for the same day, key and model.
  virtual Pending<> add_usage(std::vector<UsageRecord> usage) = 0;
  // From day to day, both counted, by day, key and model. An empty key is every key.
  virtual Pending<std::vector<UsageRecord>> list_usage(std::int64_t from_day, std::int64_t to_day,
                                                       std::string key_id) = 0;
};

class MemoryStore {
 public:
  virtual ~MemoryStore() = default;
  // How many are kept: those measured longest ago go.
  static constexpr std::int64_t max_measured = 10'000;
  // Adds it or replaces the one of the same key.
  virtual Pending<> put_measured_memory(MemoryRecord record) = 0;
  // By measured_at.
  virtual Pending<std::vector<MemoryRecord>> list_measured_memory() = 0;
};

class AuditStore {
 public:
  virtual ~AuditStore() = default;
  virtual Pending<> add_audit(AuditRecord act) = 0;
  // Newest first, `limit` at most; those before `before` (a sequence) if it is not 0.
  virtual Pending<std::vector<AuditRecord>> list_audit(std::int64_t before, std::size_t limit) = 0;
};

class Store : public KeyStore,
              public TokenStore,
              public WorkerStore,
              public ModelStore,
              public FetchStore,
              public EngineStore,
              public UploadStore,
              public JobStore,
              public WebhookStore,
              public BatchStore,
              public UsageStore,
              public MemoryStore,
              public AuditStore {};

}  // namespace gogrid::store
