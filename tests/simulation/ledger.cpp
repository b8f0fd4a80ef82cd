#include "simulation/ledger.hpp"

namespace gogrid::simulation {

void Ledger::job_added(const store::JobRecord& record) {
  auto& entry = jobs_[record.id];
  entry.idempotency_key = record.idempotency_key.value_or("");
}

void Ledger::job_retried(domain::JobId id) {
  auto& entry = jobs_[id];
  entry.ended = false;
  entry.state = domain::JobState::queued;
}

void Ledger::job_ended(const store::JobRecord& record) {
  auto& entry = jobs_[record.id];
  if (entry.ended) stage_.verdict.broken("ends once", record.id.text() + " has ended a second time");
  entry.ended = true;
  entry.state = record.state;
  ++ends_[record.state];
  if (record.state != domain::JobState::succeeded) return;
  if (++entry.successes > 1) stage_.verdict.broken("succeeds once", record.id.text() + " has succeeded twice");
  if (entry.idempotency_key.empty()) return;
  if (++successes_[std::pair(record.key_id, entry.idempotency_key)] > 1) {
    stage_.verdict.broken("idempotency",
                          "the idempotency key " + entry.idempotency_key + " of " + record.key_id + " succeeded twice");
  }
}

void Ledger::acknowledged(domain::JobId id, const std::string& key, const std::string& idempotency_key) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) {
    return stage_.verdict.broken("acknowledged is stored", id.text() + " was acknowledged and is not stored");
  }
  if (!found->second.acknowledged) ++acknowledged_;
  found->second.acknowledged = true;
  if (idempotency_key.empty()) return;
  const auto [told, is_new] = told_.emplace(std::pair(key, idempotency_key), id);
  if (told->second != id) {
    stage_.verdict.broken("idempotency", "the idempotency key " + idempotency_key + " of " + key + " gave " +
                                             told->second.text() + " and then " + id.text());
  }
}

void Ledger::cancel_confirmed(domain::JobId id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.state != domain::JobState::cancelled) {
    stage_.verdict.broken("cancelled stays so", id.text() + " was said to be cancelled and is not");
  }
}

void Ledger::leased(domain::JobId id, domain::LeaseId lease) {
  auto& entry = jobs_[id];
  if (lease <= entry.last_lease) {
    stage_.verdict.broken("leases grow", id.text() + " got the lease " + std::to_string(lease) + " after " +
                                             std::to_string(entry.last_lease));
  }
  entry.last_lease = lease;
}

void Ledger::check_end() {
  for (const auto& [id, entry] : jobs_) {
    if (!entry.ended) stage_.verdict.broken("everything ends", id.text() + " has not ended");
  }
}

}  // namespace gogrid::simulation
