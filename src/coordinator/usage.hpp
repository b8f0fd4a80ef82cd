// UsageMeter: how many requests and tokens each key used of each model on each day. Counted in memory and written to
// the store together, now and then. Owned by the Coordinator, used on the io thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/async_lock.hpp"
#include "base/clock.hpp"
#include "store/store.hpp"

namespace gogrid::coordinator {

// The days of UsageRecord.
std::int64_t day_of(SystemTime time);

class UsageMeter {
 public:
  UsageMeter(store::UsageStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  // A request was answered now. `model`: its name.
  void note(const std::string& key_id, const std::string& model, const domain::Usage& usage);

  // Called when there is something to write, and again when writing it failed.
  void on_unwritten(std::function<void()> listener) { unwritten_listener_ = std::move(listener); }
  // What could not be written is kept for the next time.
  store::Pending<> flush();

  // As UsageStore::list_usage(), with what is not written yet.
  store::Pending<std::vector<store::UsageRecord>> list(std::int64_t from_day, std::int64_t to_day, std::string key_id);

 private:
  // Day, key and model: the order of lists.
  using Place = std::tuple<std::int64_t, std::string, std::string>;
  struct Counts {
    std::int64_t requests = 0;
    std::int64_t prompt_tokens = 0;
    std::int64_t completion_tokens = 0;
  };
  using Table = std::map<Place, Counts>;
  static void add(Table& table, const store::UsageRecord& record);
  static void subtract(Table& table, const store::UsageRecord& record);
  static std::vector<store::UsageRecord> records_of(const Table& table);

  store::UsageStore& store_;
  const Clock& clock_;
  Table unwritten_;
  // While something is on its way to the store nobody reads there: it would be seen twice or not at all.
  AsyncLock lock_;
  std::function<void()> unwritten_listener_;
};

}  // namespace gogrid::coordinator
