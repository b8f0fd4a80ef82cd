// For tests: a store that takes so many writes and then nothing more, as if the coordinator had died there.
#pragma once

#include <utility>

#include "store/store.hpp"

namespace gogrid::coordinator::test {

class CutStore final : public store::Store {
 public:
  template <class T = void>
  using Pending = store::Pending<T>;

  explicit CutStore(store::Store& inner) : inner_(inner) {}

  // Writes that are still taken.
  int writes_left = 1'000'000;
  int writes = 0;
  bool is_cut() const { return cut_; }

  Pending<> add_key(store::KeyRecord key) override { return inner_.add_key(std::move(key)); }
  Pending<std::vector<store::KeyRecord>> list_keys() override { return inner_.list_keys(); }
  Pending<> revoke_key(std::string id, SystemTime now) override { return inner_.revoke_key(std::move(id), now); }
  Pending<> set_key_policy(std::string id, store::KeyPolicy policy) override {
    return inner_.set_key_policy(std::move(id), std::move(policy));
  }
  Pending<> rename_key(std::string id, std::string name) override {
    return inner_.rename_key(std::move(id), std::move(name));
  }
  Pending<> note_key_uses(std::vector<LastUse> uses) override { return inner_.note_key_uses(std::move(uses)); }
  Pending<> add_token(store::TokenRecord token) override { return inner_.add_token(std::move(token)); }
  Pending<std::vector<store::TokenRecord>> list_tokens() override { return inner_.list_tokens(); }
  Pending<> remove_token(std::string id) override { return inner_.remove_token(std::move(id)); }
  Pending<std::optional<store::TokenRecord>> find_token(std::string id) override {
    return inner_.find_token(std::move(id));
  }
  Pending<store::WorkerRecord> enrol_worker(std::string token_id, SystemTime now, store::WorkerRecord worker) override {
    return inner_.enrol_worker(std::move(token_id), now, std::move(worker));
  }
  Pending<std::vector<store::WorkerRecord>> list_workers() override { return inner_.list_workers(); }
  Pending<> revoke_worker(std::string id, SystemTime now) override { return inner_.revoke_worker(std::move(id), now); }
  Pending<> set_worker_certificate(std::string id, std::string serial, SystemTime expires_at) override {
    return inner_.set_worker_certificate(std::move(id), std::move(serial), expires_at);
  }
  Pending<std::vector<store::WorkerRecord>> note_workers_seen(std::vector<Sighting> sightings) override {
    return inner_.note_workers_seen(std::move(sightings));
  }
  Pending<> put_model(store::ModelRecord model) override { return inner_.put_model(std::move(model)); }
  Pending<std::vector<store::ModelRecord>> list_models() override { return inner_.list_models(); }
  Pending<> put_measured_memory(store::MemoryRecord record) override {
    return inner_.put_measured_memory(std::move(record));
  }
  Pending<std::vector<store::MemoryRecord>> list_measured_memory() override { return inner_.list_measured_memory(); }
  Pending<> remove_model(std::string id) override { return inner_.remove_model(std::move(id)); }
  Pending<> set_worker_labels(std::string id, std::map<std::string, std::string> labels) override {
    return inner_.set_worker_labels(std::move(id), std::move(labels));
  }
  Pending<> put_alias(store::AliasRecord alias) override { return inner_.put_alias(std::move(alias)); }
  Pending<std::vector<store::AliasRecord>> list_aliases() override { return inner_.list_aliases(); }
  Pending<> remove_alias(std::string name) override { return inner_.remove_alias(std::move(name)); }
  Pending<> put_fetch(store::FetchRecord fetch) override { return inner_.put_fetch(std::move(fetch)); }
  Pending<std::vector<store::FetchRecord>> list_fetches() override { return inner_.list_fetches(); }
  Pending<> remove_fetch(std::string id) override { return inner_.remove_fetch(std::move(id)); }
  Pending<> put_engine(store::EngineRecord engine) override { return inner_.put_engine(std::move(engine)); }
  Pending<std::vector<store::EngineRecord>> list_engines() override { return inner_.list_engines(); }
  Pending<> remove_engine(std::string sha256) override { return inner_.remove_engine(std::move(sha256)); }
  Pending<> put_upload(store::UploadRecord upload) override { return inner_.put_upload(std::move(upload)); }
  Pending<std::vector<store::UploadRecord>> list_uploads() override { return inner_.list_uploads(); }
  Pending<> remove_upload(std::string sha256) override { return inner_.remove_upload(std::move(sha256)); }

  Pending<std::vector<Added>> add_jobs(std::vector<store::NewJob> jobs,
                                       std::optional<store::BatchRecord> batch) override {
    return write([this, jobs = std::move(jobs), batch = std::move(batch)]() mutable {
      return inner_.add_jobs(std::move(jobs), std::move(batch));
    });
  }
  Pending<std::vector<bool>> change_jobs(std::vector<store::JobChange> changes) override {
    return write([this, changes = std::move(changes)]() mutable { return inner_.change_jobs(std::move(changes)); });
  }
  Pending<> put_result_part(domain::JobId job, domain::LeaseId lease, std::int64_t part, std::string bytes) override {
    return write([this, job, lease, part, bytes = std::move(bytes)]() mutable {
      return inner_.put_result_part(job, lease, part, std::move(bytes));
    });
  }
  Pending<std::optional<store::JobRecord>> find_job(domain::JobId id) override { return inner_.find_job(id); }
  Pending<std::vector<store::JobRecord>> list_jobs(store::JobFilter filter, domain::JobId before,
                                                   std::size_t limit) override {
    return inner_.list_jobs(std::move(filter), before, limit);
  }
  Pending<std::vector<store::JobRecord>> list_open_jobs(domain::JobId after, std::size_t limit) override {
    return inner_.list_open_jobs(after, limit);
  }
  Pending<std::string> job_request(domain::JobId id) override { return inner_.job_request(id); }
  Pending<std::string> result_part(domain::JobId id, std::int64_t part) override {
    return inner_.result_part(id, part);
  }
  Pending<std::vector<store::AttemptRecord>> list_attempts(domain::JobId id) override {
    return inner_.list_attempts(id);
  }
  Pending<store::JobRecord> retry_job(domain::JobId id, SystemTime now) override { return inner_.retry_job(id, now); }
  Pending<std::int64_t> remove_old_jobs(SystemTime before, std::size_t limit) override {
    return inner_.remove_old_jobs(before, limit);
  }
  Pending<std::int64_t> next_epoch() override { return inner_.next_epoch(); }
  Pending<std::int64_t> last_ordered_id() override { return inner_.last_ordered_id(); }

  Pending<> add_webhook(store::WebhookRecord webhook) override { return inner_.add_webhook(std::move(webhook)); }
  Pending<std::vector<store::WebhookRecord>> list_webhooks(std::size_t limit) override {
    return inner_.list_webhooks(limit);
  }
  Pending<> postpone_webhook(std::int64_t sequence, unsigned attempts, SystemTime next_at) override {
    return inner_.postpone_webhook(sequence, attempts, next_at);
  }
  Pending<> remove_webhook(std::int64_t sequence) override { return inner_.remove_webhook(sequence); }

  Pending<> add_file(store::FileRecord file) override {
    return write([this, file = std::move(file)]() mutable { return inner_.add_file(std::move(file)); });
  }
  Pending<std::optional<store::FileRecord>> find_file(store::FileId id) override { return inner_.find_file(id); }
  Pending<std::vector<store::FileRecord>> list_files(std::string key_id, std::string purpose, store::FileId before,
                                                     std::size_t limit) override {
    return inner_.list_files(std::move(key_id), std::move(purpose), before, limit);
  }
  Pending<std::vector<store::FileRecord>> list_expired_files(SystemTime now) override {
    return inner_.list_expired_files(now);
  }
  Pending<> remove_file(store::FileId id) override {
    return write([this, id] { return inner_.remove_file(id); });
  }
  Pending<> put_batch(store::BatchRecord batch) override {
    return write([this, batch = std::move(batch)]() mutable { return inner_.put_batch(std::move(batch)); });
  }
  Pending<std::optional<store::BatchRecord>> find_batch(domain::BatchId id) override { return inner_.find_batch(id); }
  Pending<std::vector<store::BatchRecord>> list_batches(std::string key_id, domain::BatchId before,
                                                        std::size_t limit) override {
    return inner_.list_batches(std::move(key_id), before, limit);
  }
  Pending<std::vector<store::BatchRecord>> list_open_batches() override { return inner_.list_open_batches(); }
  Pending<store::BatchCounts> count_batch(domain::BatchId id) override { return inner_.count_batch(id); }
  Pending<std::vector<store::JobRecord>> list_batch_lines(domain::BatchId id, std::int64_t after,
                                                          std::size_t limit) override {
    return inner_.list_batch_lines(id, after, limit);
  }

  Pending<> add_usage(std::vector<store::UsageRecord> usage) override { return inner_.add_usage(std::move(usage)); }
  Pending<std::vector<store::UsageRecord>> list_usage(std::int64_t from_day, std::int64_t to_day,
                                                      std::string key_id) override {
    return inner_.list_usage(from_day, to_day, std::move(key_id));
  }
  Pending<> add_audit(store::AuditRecord act) override { return inner_.add_audit(std::move(act)); }
  Pending<std::vector<store::AuditRecord>> list_audit(std::int64_t before, std::size_t limit) override {
    return inner_.list_audit(before, limit);
  }

 private:
  template <class Write>
  std::invoke_result_t<Write> write(Write its_write) {
    if (cut_ || writes_left == 0) {
      cut_ = true;
      co_return Error(ErrorCode::unavailable, "the store was cut off");
    }
    --writes_left;
    ++writes;
    co_return co_await its_write();
  }

  store::Store& inner_;
  bool cut_ = false;
};

}  // namespace gogrid::coordinator::test
