// Reading rows into records, and what numbers and times of records are in a database. For each record there is a
// read(row, record) in namespace store. Used on the SQL thread.
#pragma once

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "store/sql/connection.hpp"

namespace gogrid::store {

// Milliseconds since 1970.
inline std::int64_t ms(SystemTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
inline std::optional<std::int64_t> ms(const std::optional<SystemTime>& time) {
  if (!time) return std::nullopt;
  return ms(*time);
}
inline SystemTime ms_time(const Rows& row, int column) {
  return SystemTime(std::chrono::milliseconds(row.integer(column)));
}
inline std::optional<SystemTime> optional_ms_time(const Rows& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return ms_time(row, column);
}

// Success, if the statement succeeded.
inline Result<void> changed(const Result<std::int64_t>& count) {
  if (!count) return count.error();
  return {};
}

template <class Record>
Result<std::vector<Record>> read_all(Result<Rows> rows) {
  if (!rows) return rows.error();
  std::vector<Record> records;
  for (;;) {
    const auto more = rows->next();
    if (!more) return more.error();
    if (!*more) return records;
    read(*rows, records.emplace_back());
  }
}

template <class Record>
Result<std::optional<Record>> read_one(Result<Rows> rows) {
  auto records = read_all<Record>(std::move(rows));
  if (!records) return records.error();
  if (records->empty()) return std::optional<Record>();
  return std::optional<Record>(std::move(records->front()));
}

// The whole number in the first column of the first row; nullopt for NULL and without a row.
inline Result<std::optional<std::int64_t>> read_number(Result<Rows> rows) {
  if (!rows) return rows.error();
  const auto more = rows->next();
  if (!more) return more.error();
  if (!*more || rows->is_null(0)) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(rows->integer(0));
}

}  // namespace gogrid::store
