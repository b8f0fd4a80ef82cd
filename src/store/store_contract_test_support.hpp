// What the contract suite's files share: the fixture that runs each test on every database, and records of jobs and
// batches to store.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "store/open_store.hpp"
#include "store/store_test_support.hpp"

namespace gogrid::store::test {

struct Backend {
  const char* name;
  // What `store.url` says for a new, empty store.
  std::string (*where)();
};
inline std::ostream& operator<<(std::ostream& out, const Backend& backend) { return out << backend.name; }

class StoreContract : public testing::TestWithParam<Backend> {
 protected:
  StoreContract() : where(GetParam().where()) { reopen(); }

  // Finds what was stored.
  void reopen() {
    store.reset();
    auto opened = open_store(where, directory.path());
    if (!opened) throw std::runtime_error(opened.error().detail);
    store = std::move(*opened);
  }
  template <class T>
  Result<T> run(Pending<T> task) {
    return loop.run(std::move(task));
  }
  template <class T>
  T good(Pending<T> task) {
    auto result = run(std::move(task));
    if (!result) throw std::runtime_error(result.error().detail);
    return std::move(*result);
  }
  void good(Pending<> task) {
    const auto result = run(std::move(task));
    if (!result) throw std::runtime_error(result.error().detail);
  }
  template <class T>
  ErrorCode bad(Pending<T> task) {
    const auto result = run(std::move(task));
    if (result) throw std::runtime_error("it succeeded");
    return result.error().code;
  }

  std::vector<JobStore::Added> add(std::vector<NewJob> jobs) { return good(store->add_jobs(std::move(jobs))); }
  bool change(JobChange one) {
    std::vector<JobChange> changes;
    changes.push_back(std::move(one));
    return good(store->change_jobs(std::move(changes))).at(0);
  }

  TemporaryDirectory directory;
  const std::string where;
  Loop loop;
  std::unique_ptr<Store> store;
};

// Every field is set to something.
inline JobRecord job_record(std::int64_t id, std::string key_id = "key_1") {
  JobRecord job;
  job.id = domain::JobId(id);
  job.key_id = std::move(key_id);
  job.model = "small";
  job.endpoint = "/v1/chat/completions";
  job.priority = 70;
  job.max_attempts = 5;
  job.created_at = at(1) + std::chrono::milliseconds(234);
  job.not_before = at(2) + std::chrono::milliseconds(1);
  job.deadline = at(1000);
  job.request_sha256 = std::string(64, 'e');
  job.request_bytes = 4;
  job.labels = R"({"team":"red"})";
  job.webhook_url = "https://example.com/hook";
  return job;
}

inline NewJob new_job(std::int64_t id, std::string key_id = "key_1") {
  NewJob job;
  job.record = job_record(id, std::move(key_id));
  job.request = std::string("{}\0\xff", 4);
  return job;
}

inline NewJob batch_line_job(std::int64_t id, std::int64_t batch, std::int64_t line) {
  NewJob job = new_job(id);
  job.record.batch = domain::BatchId(batch);
  job.record.batch_line = line;
  job.record.custom_id = "line-" + std::to_string(line);
  return job;
}

inline std::vector<NewJob> jobs_of(std::initializer_list<NewJob> jobs) { return jobs; }

inline JobLeased leased(std::int64_t id, domain::LeaseId lease, unsigned attempts = 1) {
  JobLeased change;
  change.job = domain::JobId(id);
  change.lease = lease;
  change.attempts = attempts;
  change.worker_id = "wrk_1";
  change.at = at(10);
  return change;
}

inline AttemptRecord attempt(unsigned number, domain::LeaseId lease, domain::AttemptOutcome outcome) {
  AttemptRecord record;
  record.number = number;
  record.lease = lease;
  record.worker_id = "wrk_1";
  record.started_at = at(10);
  record.ended_at = at(11) + std::chrono::milliseconds(5);
  record.outcome = outcome;
  record.reason = "because";
  return record;
}

inline JobEnded succeeded(std::int64_t id, domain::LeaseId lease, std::string result = "answer") {
  JobEnded change;
  change.job = domain::JobId(id);
  change.lease = lease;
  change.attempt = attempt(1, lease, domain::AttemptOutcome::succeeded);
  change.state = domain::JobState::succeeded;
  change.at = at(12);
  change.status = 200;
  change.content_type = "application/json";
  change.result = std::move(result);
  change.prompt_tokens = 7;
  change.completion_tokens = 9;
  return change;
}

inline JobEnded ended(std::int64_t id, domain::LeaseId lease, domain::JobState state, SystemTime when = at(12)) {
  JobEnded change;
  change.job = domain::JobId(id);
  change.lease = lease;
  change.state = state;
  change.at = when;
  change.error_code = "engine_failed";
  change.error_message = "it did not work";
  return change;
}

inline BatchRecord batch_record(std::int64_t id, std::string key_id = "key_1") {
  BatchRecord batch;
  batch.id = domain::BatchId(id);
  batch.key_id = std::move(key_id);
  batch.endpoint = "/v1/embeddings";
  batch.completion_window = "24h";
  batch.input_file = FileId(id + 1000);
  batch.metadata = R"({"a":"b"})";
  batch.priority = 30;
  batch.created_at = at(1) + std::chrono::milliseconds(7);
  batch.expires_at = at(86'400);
  return batch;
}

inline FileRecord file_record(std::int64_t id, std::string key_id = "key_1") {
  FileRecord file;
  file.id = FileId(id);
  file.key_id = std::move(key_id);
  file.name = "lines.jsonl";
  file.purpose = "batch";
  file.size_bytes = 12'345'678'901;
  file.created_at = at(3);
  return file;
}

}  // namespace gogrid::store::test
