// A connection to an SQLite file: one handle, prepared statements kept. One thread at a time.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>

#include "store/sql/connection.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace gogrid::store {

class SqliteConnection final : public Connection {
 public:
  struct Options {
    // The SQLite file system to use; nullptr is the default one.
    const char* vfs = nullptr;
    // How long the write-ahead log may grow before it is moved into the database. The default is 16 MB: more in one go
    // is cheaper, and takes longer to open after a crash.
    int checkpoint_pages = 4000;
  };
  // Opens or makes the file (mode 0600): WAL, synchronous=FULL, foreign keys, five seconds of patience with other
  // processes.
  static Result<std::unique_ptr<SqliteConnection>> open(const std::filesystem::path& path, Options options);
  static Result<std::unique_ptr<SqliteConnection>> open(const std::filesystem::path& path) { return open(path, {}); }
  // A file that is there, only to be read.
  static Result<std::unique_ptr<SqliteConnection>> open_to_read(const std::filesystem::path& path);
  ~SqliteConnection() override;
  SqliteConnection(SqliteConnection&&) = delete;

  Dialect dialect() const override { return Dialect::sqlite; }
  Result<void> run_script(const std::string& sql) override;
  Result<Rows> query_with(const char* sql, std::span<const Parameter> parameters) override;
  Result<std::int64_t> change_with(const char* sql, std::span<const Parameter> parameters) override;
  Result<std::vector<std::int64_t>> change_all(const Changes& changes) override;
  Result<void> begin() override;
  Result<void> commit() override;
  void roll_back() override;
  // Of its own accord SQLite ends a transaction on some faults (disk full).
  Transaction transaction() const override;
  std::int64_t changed() const override;
  // Moves what was committed from the write-ahead log to the database once there is enough of it.
  void tidy() override;

 private:
  explicit SqliteConnection(sqlite3* handle) : handle_(handle) {}
  static Result<std::unique_ptr<SqliteConnection>> open_with(const std::filesystem::path& path, int flags,
                                                             const char* vfs);
  Result<sqlite3_stmt*> prepare(const char* sql);
  Result<void> bind(sqlite3_stmt* statement, std::span<const Parameter> parameters);

  sqlite3* handle_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
  int checkpoint_pages_ = 0;
  int log_pages_ = 0;
};

}  // namespace gogrid::store
