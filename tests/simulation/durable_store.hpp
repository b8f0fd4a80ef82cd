// DurableStore: a model of what the store guarantees about jobs (store/store.hpp). Writes take time and are committed
// in groups in the order in which they came; the disk fails for a while; a crash of the coordinator loses what was not
// committed, and the news of what was.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "simulation/ledger.hpp"
#include "simulation/stage.hpp"
#include "simulation/work.hpp"
#include "store/records.hpp"

namespace gogrid::simulation {

class DurableStore {
 public:
  struct Row {
    store::JobRecord record;
    Work work;
  };
  struct Added {
    domain::JobId id;
    bool is_new = true;
    bool is_same_request = true;
  };
  // nullopt: nothing was stored.
  template <class Value>
  using Done = std::function<void(std::optional<Value>)>;

  DurableStore(Stage& stage, Ledger& ledger) : stage_(stage), ledger_(ledger) {}

  void add_job(store::JobRecord record, Work work, Done<Added> done);
  void change_jobs(std::vector<store::JobChange> changes, Done<std::vector<bool>> done);
  // Of the job as it then stands; an empty id when it has not ended or has succeeded.
  void retry_job(domain::JobId id, Done<store::JobRecord> done);
  void next_epoch(Done<std::int64_t> done);
  // A write that changes nothing: whether the disk works again.
  void probe(Done<bool> done);

  const std::map<domain::JobId, Row>& rows() const { return rows_; }
  const Row* find(domain::JobId id) const;
  std::size_t open_jobs() const { return open_jobs_; }
  std::int64_t last_id() const { return rows_.empty() ? 0 : rows_.rbegin()->first.value(); }

  void coordinator_crashed();
  void set_failing(bool is_failing) { is_failing_ = is_failing; }
  void set_stall(Duration stall) { stall_ = stall; }

 private:
  struct Transaction {
    std::function<void()> apply;
    std::function<void(bool)> done;
  };

  void enter(Transaction transaction);
  void begin_group();
  void finish_group();
  bool apply(const store::JobLeased& change);
  bool apply(const store::JobEnded& change);

  Stage& stage_;
  Ledger& ledger_;
  std::map<domain::JobId, Row> rows_;
  std::map<std::pair<std::string, std::string>, domain::JobId> by_idempotency_key_;
  std::size_t open_jobs_ = 0;
  std::int64_t epoch_ = 0;

  std::vector<Transaction> waiting_;
  std::vector<Transaction> group_;
  // Of the coordinator that writes now: a group that an earlier one began is not finished for it.
  std::uint64_t life_ = 0;
  bool is_failing_ = false;
  Duration stall_{0};
};

}  // namespace gogrid::simulation
