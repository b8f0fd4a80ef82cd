#include "coordinator/usage.hpp"

#include <chrono>
#include <utility>

namespace gogrid::coordinator {

std::int64_t day_of(SystemTime time) { return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count(); }

void UsageMeter::note(const std::string& key_id, const std::string& model, const domain::Usage& usage) {
  const bool first = unwritten_.empty();
  Counts& counts = unwritten_[Place(day_of(clock_.system_now()), key_id, model)];
  ++counts.requests;
  counts.prompt_tokens += static_cast<std::int64_t>(usage.prompt_tokens);
  counts.completion_tokens += static_cast<std::int64_t>(usage.completion_tokens);
  if (first && unwritten_listener_) unwritten_listener_();
}

store::Pending<> UsageMeter::flush() {
  const AsyncLock::Turn turn = co_await lock_.take();
  const std::vector<store::UsageRecord> records = records_of(unwritten_);
  if (records.empty()) co_return Result<void>();
  auto written = co_await store_.add_usage(records);
  if (written) {
    for (const auto& record : records)
      subtract(unwritten_, record);
  }
  if (!unwritten_.empty() && unwritten_listener_) unwritten_listener_();
  co_return written;
}

store::Pending<std::vector<store::UsageRecord>> UsageMeter::list(std::int64_t from_day, std::int64_t to_day,
                                                                 std::string key_id) {
  const AsyncLock::Turn turn = co_await lock_.take();
  auto stored = co_await store_.list_usage(from_day, to_day, key_id);
  if (!stored) co_return stored;
  Table table;
  for (const auto& record : *stored)
    add(table, record);
  for (const auto& record : records_of(unwritten_)) {
    const bool wanted = record.day >= from_day && record.day <= to_day && (key_id.empty() || record.key_id == key_id);
    if (wanted) add(table, record);
  }
  co_return records_of(table);
}

void UsageMeter::add(Table& table, const store::UsageRecord& record) {
  Counts& counts = table[Place(record.day, record.key_id, record.model)];
  counts.requests += record.requests;
  counts.prompt_tokens += record.prompt_tokens;
  counts.completion_tokens += record.completion_tokens;
}

void UsageMeter::subtract(Table& table, const store::UsageRecord& record) {
  const auto found = table.find(Place(record.day, record.key_id, record.model));
  Counts& counts = found->second;
  counts.requests -= record.requests;
  counts.prompt_tokens -= record.prompt_tokens;
  counts.completion_tokens -= record.completion_tokens;
  if (counts.requests == 0) table.erase(found);
}

std::vector<store::UsageRecord> UsageMeter::records_of(const Table& table) {
  std::vector<store::UsageRecord> records;
  records.reserve(table.size());
  for (const auto& [place, counts] : table) {
    store::UsageRecord record;
    std::tie(record.day, record.key_id, record.model) = place;
    record.requests = counts.requests;
    record.prompt_tokens = counts.prompt_tokens;
    record.completion_tokens = counts.completion_tokens;
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace gogrid::coordinator
