// The contract of MemoryStore: see store_contract_test.cpp.
#include "store/postgres/postgres_test_support.hpp"
#include "store/sqlite/sqlite_connection.hpp"
#include "store/store_contract_test_support.hpp"

namespace gogrid::store::test {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_P(StoreContract, MeasuredMemoryKeepsEveryFieldOverAReopening) {
  EXPECT_THAT(good(store->list_measured_memory()), IsEmpty());
  MemoryRecord of_the_cpu = memory_record();
  of_the_cpu.key.kv_type = domain::KvType::f16;
  of_the_cpu.key.device = "cpu";
  of_the_cpu.key.device_count = of_the_cpu.key.device_layers = 0;
  of_the_cpu.memory = {0, 9'000'000'000, 0};
  of_the_cpu.measured_at = at(1);
  good(store->put_measured_memory(memory_record()));
  good(store->put_measured_memory(of_the_cpu));
  reopen();
  EXPECT_THAT(good(store->list_measured_memory()), ElementsAre(of_the_cpu, memory_record()));
}

TEST_P(StoreContract, MemoryThatIsMeasuredAgainIsReplaced) {
  MemoryRecord other = memory_record();
  other.key.slots = 1;
  other.measured_at = at(20);
  good(store->put_measured_memory(memory_record()));
  good(store->put_measured_memory(other));
  MemoryRecord again = memory_record();
  again.memory = {1, 2, 3};
  again.measured_at = at(30);
  good(store->put_measured_memory(again));
  EXPECT_THAT(good(store->list_measured_memory()), ElementsAre(other, again));
  // The last one put counts, whatever its time.
  again.measured_at = at(10);
  good(store->put_measured_memory(again));
  EXPECT_THAT(good(store->list_measured_memory()), ElementsAre(again, other));
}

TEST_P(StoreContract, MemoryIsAnothersWhenAnyPartOfItsKeyIs) {
  using Key = domain::MemoryKey;
  const auto changes = {+[](Key&) {},
                        +[](Key& key) { key.model_sha256.back() = 'd'; },
                        +[](Key& key) { key.size_bytes += 1; },
                        +[](Key& key) { key.context_tokens += 1; },
                        +[](Key& key) { key.slots += 1; },
                        +[](Key& key) { key.kv_type = domain::KvType::q4_0; },
                        +[](Key& key) { key.device += ' '; },
                        +[](Key& key) { key.device_count += 1; },
                        +[](Key& key) { key.device_layers += 1; }};
  std::vector<MemoryRecord> wanted;
  for (const auto change : changes) {
    MemoryRecord& record = wanted.emplace_back(memory_record());
    change(record.key);
    record.memory.host_bytes += wanted.size();
    good(store->put_measured_memory(record));
  }
  EXPECT_EQ(good(store->list_measured_memory()), wanted);
}

TEST_P(StoreContract, OfTooMuchMeasuredMemoryTheOldestGoes) {
  // As if so many had been put, one a millisecond: n slots, measured n ms after 1970.
  store.reset();
  const std::string fill =
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
      std::to_string(MemoryStore::max_measured) +
      ") INSERT INTO measured_memory (model_sha256, size_bytes, context_tokens, slots, kv_type, device, device_count, "
      "device_layers, device_bytes, host_bytes, mapped_bytes, measured_at) "
      "SELECT 'abc', 77, 512, i, 'f16', 'cpu', 0, 0, 0, 5, 6, i FROM n";
  if (where.empty())
    std::move(SqliteConnection::open(directory.path() / "gogrid.db").value())->run_script(fill).value();
  else
    run_sql(where, fill);
  reopen();
  auto records = good(store->list_measured_memory());
  ASSERT_EQ(records.size(), std::size_t{MemoryStore::max_measured});
  // One that is there already takes nobody's place.
  MemoryRecord again = records.front();
  again.measured_at = at(1);
  good(store->put_measured_memory(again));
  EXPECT_EQ(good(store->list_measured_memory()).size(), std::size_t{MemoryStore::max_measured});
  good(store->put_measured_memory(memory_record()));
  records = good(store->list_measured_memory());
  ASSERT_EQ(records.size(), std::size_t{MemoryStore::max_measured});
  EXPECT_EQ(records.front().key.slots, 3u);
  EXPECT_EQ(records.at(records.size() - 2), again);
  EXPECT_EQ(records.back(), memory_record());
}

}  // namespace gogrid::store::test
