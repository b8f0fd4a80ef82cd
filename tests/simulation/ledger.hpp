// Ledger: what was promised to clients and what became of it, over all restarts of the coordinator. It believes nobody:
// promises are noted as clients read them, ends as the disk commits them. One thread.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "simulation/stage.hpp"
#include "store/records.hpp"

namespace gogrid::simulation {

class Ledger {
 public:
  explicit Ledger(Stage& stage) : stage_(stage) {}

  // The disk: these are committed.
  void job_added(const store::JobRecord& record);
  void job_retried(domain::JobId id);
  void job_ended(const store::JobRecord& record);

  // A client has read it.
  void acknowledged(domain::JobId id, const std::string& key, const std::string& idempotency_key);
  void cancel_confirmed(domain::JobId id);
  // Any coordinator gave it out.
  void leased(domain::JobId id, domain::LeaseId lease);

  // When all is well again and nothing is left to do.
  void check_end();

  std::size_t acknowledged_jobs() const { return acknowledged_; }
  std::size_t jobs() const { return jobs_.size(); }
  const std::map<domain::JobState, std::size_t>& ends() const { return ends_; }

 private:
  struct Entry {
    bool acknowledged = false;
    bool ended = false;
    domain::JobState state = domain::JobState::queued;
    unsigned successes = 0;
    domain::LeaseId last_lease = 0;
    std::string idempotency_key;
  };

  Stage& stage_;
  std::unordered_map<domain::JobId, Entry> jobs_;
  // Which job a client was told, by key and idempotency key.
  std::map<std::pair<std::string, std::string>, domain::JobId> told_;
  std::map<std::pair<std::string, std::string>, unsigned> successes_;
  std::size_t acknowledged_ = 0;
  std::map<domain::JobState, std::size_t> ends_;
};

}  // namespace gogrid::simulation
