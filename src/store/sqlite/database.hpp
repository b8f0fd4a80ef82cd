// A thin, safe layer over SQLite's C interface: one connection, prepared statements kept, errors as values. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace gogrid::store {

// The rows of one query. At most one at a time for each SQL text; it gives its statement back when it is destroyed.
class Rows {
 public:
  Rows(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  ~Rows();
  Rows(Rows&& other) noexcept : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}
  Rows& operator=(Rows&&) = delete;

  // False after the last row.
  Result<bool> next();

  std::int64_t integer(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;
  SystemTime time(int column) const { return from_unix_seconds(integer(column)); }
  std::optional<SystemTime> optional_time(int column) const;

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_;
};

// A value for a "?" of a statement. Texts are not copied: they live until the statement has run.
class Parameter {
 public:
  Parameter(std::int64_t value) : kind_(Kind::integer), integer_(value) {}
  Parameter(std::string_view text) : kind_(Kind::text), text_(text) {}
  Parameter(const std::string& text) : kind_(Kind::text), text_(text) {}
  Parameter(SystemTime time) : Parameter(to_unix_seconds(time)) {}
  Parameter(std::nullopt_t) : kind_(Kind::null) {}
  template <class Value>
  Parameter(const std::optional<Value>& value) : Parameter(value ? Parameter(*value) : Parameter(std::nullopt)) {}

 private:
  friend class Database;
  enum class Kind { null, integer, text } kind_;
  std::int64_t integer_ = 0;
  std::string_view text_;
};

class Database {
 public:
  // Opens or makes the file (mode 0600): WAL, synchronous=FULL, foreign keys, five seconds of patience with other
  // processes.
  static Result<Database> open(const std::filesystem::path& path);
  Database(Database&&) noexcept;
  ~Database();

  // Several statements without parameters.
  Result<void> run_script(const char* sql);
  // `sql` must be a string literal: its statement is kept by its address.
  template <class... Values>
  Result<Rows> query(const char* sql, const Values&... values) {
    const Parameter parameters[] = {Parameter(values)..., Parameter(std::nullopt)};
    return bind(sql, parameters, sizeof...(values));
  }
  // For statements without rows: how many rows were changed.
  template <class... Values>
  Result<std::int64_t> change(const char* sql, const Values&... values) {
    auto rows = query(sql, values...);
    if (!rows) return rows.error();
    return finish_change(*rows);
  }

  // SQLite ends a transaction by itself on some faults (disk full).
  bool in_transaction() const;
  void roll_back();

 private:
  explicit Database(sqlite3* connection) : connection_(connection) {}
  Result<Rows> bind(const char* sql, const Parameter* parameters, std::size_t count);
  Result<std::int64_t> finish_change(Rows& rows);

  sqlite3* connection_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace gogrid::store
