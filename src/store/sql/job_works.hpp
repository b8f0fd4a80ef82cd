// The writes that come in great numbers: new jobs and changes of jobs. Those of many callers run together, in few
// exchanges with the database. Used by SqlStore, on the SQL thread.
#pragma once

#include <optional>
#include <vector>

#include "store/sql/sql_thread.hpp"
#include "store/store.hpp"

namespace gogrid::store {

class AddJobs final : public Work {
 public:
  AddJobs(std::vector<NewJob> jobs, std::optional<BatchRecord> batch)
      : jobs_(std::move(jobs)), batch_(std::move(batch)) {}
  Result<void> run(Connection& connection) override;
  bool may_go_first() const override { return !batch_; }
  const void* kind() const override;
  Result<void> run_together(Connection& connection, std::span<Work* const> works) override;

  Result<std::vector<JobStore::Added>> take() { return std::move(added_); }

 private:
  std::vector<NewJob> jobs_;
  std::optional<BatchRecord> batch_;
  std::vector<JobStore::Added> added_;
};

class ChangeJobs final : public Work {
 public:
  explicit ChangeJobs(std::vector<JobChange> changes) : changes_(std::move(changes)) {}
  Result<void> run(Connection& connection) override;
  const void* kind() const override;
  Result<void> run_together(Connection& connection, std::span<Work* const> works) override;

  Result<std::vector<bool>> take() { return std::move(applied_); }

 private:
  std::vector<JobChange> changes_;
  std::vector<bool> applied_;
};

}  // namespace gogrid::store
