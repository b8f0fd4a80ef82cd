#include "simulation/durable_store.hpp"

#include <memory>

namespace gogrid::simulation {

using namespace std::chrono_literals;

void DurableStore::add_job(store::JobRecord record, Work work, Done<Added> done) {
  auto added = std::make_shared<Added>();
  enter({[this, record = std::move(record), work, added] {
           if (record.idempotency_key) {
             const auto [known, is_new] =
                 by_idempotency_key_.emplace(std::pair(record.key_id, *record.idempotency_key), record.id);
             if (!is_new) {
               added->id = known->second;
               added->is_new = false;
               added->is_same_request = rows_.at(known->second).record.request_sha256 == record.request_sha256;
               return;
             }
           }
           added->id = record.id;
           rows_.emplace(record.id, Row{record, work});
           ++open_jobs_;
           ledger_.job_added(record);
         },
         [added, done = std::move(done)](bool stored) { done(stored ? std::optional(*added) : std::nullopt); }});
}

void DurableStore::change_jobs(std::vector<store::JobChange> changes, Done<std::vector<bool>> done) {
  auto applied = std::make_shared<std::vector<bool>>();
  enter({[this, changes = std::move(changes), applied] {
           for (const auto& change : changes)
             applied->push_back(std::visit([this](const auto& one) { return apply(one); }, change));
         },
         [applied, done = std::move(done)](bool stored) { done(stored ? std::optional(*applied) : std::nullopt); }});
}

void DurableStore::retry_job(domain::JobId id, Done<store::JobRecord> done) {
  auto record = std::make_shared<store::JobRecord>();
  enter({[this, id, record] {
           const auto found = rows_.find(id);
           if (found == rows_.end()) return;
           auto& stored = found->second.record;
           if (!domain::is_final(stored.state) || stored.state == domain::JobState::succeeded) return;
           stored.state = domain::JobState::queued;
           stored.attempts = 0;
           stored.retry_at.reset();
           stored.finished_at.reset();
           stored.error_code.clear();
           stored.error_message.clear();
           ++open_jobs_;
           ledger_.job_retried(id);
           *record = stored;
         },
         [record, done = std::move(done)](bool stored) { done(stored ? std::optional(*record) : std::nullopt); }});
}

void DurableStore::next_epoch(Done<std::int64_t> done) {
  auto epoch = std::make_shared<std::int64_t>();
  enter({[this, epoch] { *epoch = ++epoch_; },
         [epoch, done = std::move(done)](bool stored) { done(stored ? std::optional(*epoch) : std::nullopt); }});
}

void DurableStore::probe(Done<bool> done) {
  enter({[] {}, [done = std::move(done)](bool stored) { done(stored ? std::optional(true) : std::nullopt); }});
}

const DurableStore::Row* DurableStore::find(domain::JobId id) const {
  const auto found = rows_.find(id);
  return found == rows_.end() ? nullptr : &found->second;
}

void DurableStore::coordinator_crashed() {
  ++life_;
  waiting_.clear();
  // The crash may have come just after the disk was through with it: then it is stored and nobody knows.
  const bool was_committed = !is_failing_ && stage_.random.chance(0.5);
  for (auto& transaction : group_) {
    if (was_committed) transaction.apply();
  }
  group_.clear();
}

void DurableStore::enter(Transaction transaction) {
  waiting_.push_back(std::move(transaction));
  if (group_.empty()) begin_group();
}

void DurableStore::begin_group() {
  group_ = std::move(waiting_);
  waiting_.clear();
  const Duration sync = 1ms + stage_.random.exponential(4ms) + stall_;
  stage_.timeline.after(sync, [this, life = life_] {
    if (life == life_) finish_group();
  });
}

void DurableStore::finish_group() {
  const bool stored = !is_failing_;
  auto finished = std::make_shared<std::vector<Transaction>>(std::move(group_));
  group_.clear();
  if (stored) {
    for (auto& transaction : *finished)
      transaction.apply();
  }
  // The coordinator's loop learns of it a little later; in between it may crash.
  stage_.timeline.after(stage_.random.between(10us, 500us), [this, life = life_, finished, stored] {
    for (auto& transaction : *finished) {
      if (life == life_) transaction.done(stored);
    }
  });
  if (!waiting_.empty()) begin_group();
}

bool DurableStore::apply(const store::JobLeased& change) {
  const auto found = rows_.find(change.job);
  if (found == rows_.end()) return false;
  auto& record = found->second.record;
  if (domain::is_final(record.state) || change.lease <= record.lease) return false;
  record.state = domain::JobState::leased;
  record.lease = change.lease;
  record.attempts = change.attempts;
  record.worker_id = change.worker_id;
  record.leased_at = change.at;
  record.retry_at.reset();
  return true;
}

bool DurableStore::apply(const store::JobEnded& change) {
  const auto found = rows_.find(change.job);
  if (found == rows_.end()) return false;
  auto& record = found->second.record;
  if (domain::is_final(record.state)) return false;
  if (change.lease != 0 && (change.lease != record.lease || record.state != domain::JobState::leased)) return false;
  record.state = change.state;
  if (change.attempts) record.attempts = *change.attempts;
  record.retry_at = change.retry_at;
  record.error_code = change.error_code;
  record.error_message = change.error_message;
  record.status = change.status;
  if (domain::is_final(change.state)) {
    record.finished_at = change.at;
    --open_jobs_;
    ledger_.job_ended(record);
  }
  return true;
}

}  // namespace gogrid::simulation
