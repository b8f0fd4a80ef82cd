// SqlStore's measurements of memory.
#include <utility>

#include "store/sql/sql_store_impl.hpp"

namespace gogrid::store {
namespace {

std::uint32_t small(std::int64_t number) { return static_cast<std::uint32_t>(number); }
std::uint64_t large(std::int64_t number) { return static_cast<std::uint64_t>(number); }

}  // namespace

void read(const Rows& row, MemoryRecord& record) {
  record.key.model_sha256 = row.text(0);
  record.key.size_bytes = large(row.integer(1));
  record.key.context_tokens = small(row.integer(2));
  record.key.slots = small(row.integer(3));
  record.key.kv_type = domain::kv_type_from_string(row.text(4)).value_or(domain::KvType::f16);
  record.key.device = row.text(5);
  record.key.device_count = small(row.integer(6));
  record.key.device_layers = small(row.integer(7));
  record.memory.device_bytes = large(row.integer(8));
  record.memory.host_bytes = large(row.integer(9));
  record.memory.mapped_bytes = large(row.integer(10));
  record.measured_at = ms_time(row, 11);
}

namespace {

void put(Changes& changes, const MemoryRecord& record) {
  const auto& [key, memory, measured_at] = record;
  changes.add(
      "INSERT INTO measured_memory (model_sha256, size_bytes, context_tokens, slots, kv_type, device, device_count, "
      "device_layers, device_bytes, host_bytes, mapped_bytes, measured_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
      "ON CONFLICT (model_sha256, size_bytes, context_tokens, slots, kv_type, device, device_count, device_layers) "
      "DO UPDATE SET device_bytes = excluded.device_bytes, host_bytes = excluded.host_bytes, "
      "mapped_bytes = excluded.mapped_bytes, measured_at = excluded.measured_at",
      key.model_sha256, key.size_bytes, key.context_tokens, key.slots, domain::to_string(key.kv_type), key.device,
      key.device_count, key.device_layers, memory.device_bytes, memory.host_bytes, memory.mapped_bytes,
      ms(measured_at));
}

void drop_oldest(Changes& changes) {
  changes.add(
      "DELETE FROM measured_memory WHERE (measured_at, seq) <= (SELECT measured_at, seq FROM measured_memory "
      "ORDER BY measured_at DESC, seq DESC LIMIT 1 OFFSET $1)",
      MemoryStore::max_measured);
}

}  // namespace

Pending<> SqlStore::put_measured_memory(MemoryRecord record) {
  return run<void>([record = std::move(record)](Connection& connection) -> Result<void> {
    Changes changes;
    put(changes, record);
    drop_oldest(changes);
    if (auto made = connection.change_all(changes); !made) return made.error();
    return {};
  });
}

Pending<std::vector<MemoryRecord>> SqlStore::list_measured_memory() {
  return look<std::vector<MemoryRecord>>([](Connection& connection) {
    return read_all<MemoryRecord>(
        connection.query("SELECT model_sha256, size_bytes, context_tokens, slots, kv_type, device, device_count, "
                         "device_layers, device_bytes, host_bytes, mapped_bytes, measured_at FROM measured_memory "
                         "ORDER BY measured_at, seq"));
  });
}

}  // namespace gogrid::store
