#include "store/backup.hpp"

#include <fcntl.h>

#include "base/file.hpp"
#include "store/postgres/postgres_connection.hpp"
#include "store/sql/migrations.hpp"
#include "store/sql/reading.hpp"
#include "store/sql/tables.hpp"
#include "store/sqlite/sqlite_connection.hpp"
#include "store/where.hpp"

namespace gogrid::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* companions[] = {"-wal", "-shm", "-journal"};

void remove_database(const fs::path& file) {
  std::error_code ignored;
  fs::remove(file, ignored);
  for (const char* companion : companions)
    fs::remove(file.string() + companion, ignored);
}

Result<void> sync_content(const fs::path& file) {
  auto opened = open_file(file, O_RDONLY);
  if (!opened) return opened.error();
  return sync_file(opened->get());
}

// `temporary` is complete: it takes the name `file`, on disk.
Result<void> put_in_place(const fs::path& temporary, const fs::path& file) {
  if (auto synced = sync_content(temporary); !synced) return synced;
  std::error_code error;
  fs::rename(temporary, file, error);
  if (error) return system_error("cannot write " + file.string(), error.value());
  return sync_name(file);
}

// An empty file of mode 0600 is what SQLite then fills.
Result<void> make_empty(const fs::path& file) {
  remove_database(file);
  auto made = open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!made) return made.error();
  return {};
}

Result<void> copy_sqlite(const fs::path& database, const fs::path& to) {
  auto source = SqliteConnection::open_to_read(database);
  if (!source) return source.error();
  // It changes nothing in its source, and needs this all the same.
  if (auto set = (*source)->run_script("PRAGMA query_only = OFF"); !set) return set;
  return changed((*source)->change("VACUUM INTO $1", to.string()));
}

Result<void> copy_postgres(const std::string& url, const fs::path& to) {
  auto target = SqliteConnection::open(to);
  if (!target) return target.error();
  // It is no one's yet, and is synced when it is complete.
  if (auto set = (*target)->run_script("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;"); !set) return set;
  if (auto migrated = migrate(**target); !migrated) return migrated;
  const auto tables = find_tables(**target);
  if (!tables) return tables.error();
  auto source = PostgresConnection::open(url, PostgresConnection::Use::read);
  if (!source) return source.error();
  if (auto begun = (*source)->begin(); !begun) return begun;
  if (auto same = has_newest_version(**source); !same) return same;
  if (auto begun = (*target)->begin(); !begun) return begun;
  if (auto copied = copy_rows(**source, **target, *tables); !copied) return copied;
  return (*target)->commit();
}

// A copy of the backup with the newest tables; checks that it is one.
Result<void> make_restorable(const fs::path& backup, const fs::path& copy) {
  if (auto made = make_empty(copy); !made) return made;
  std::error_code error;
  fs::copy_file(backup, copy, fs::copy_options::overwrite_existing, error);
  if (error) return system_error("cannot copy " + backup.string(), error.value());
  fs::permissions(copy, fs::perms::owner_read | fs::perms::owner_write, error);
  auto opened = SqliteConnection::open(copy);
  if (!opened) return Error(opened.error().code, backup.string() + " is no backup: " + opened.error().detail);
  auto rows = (*opened)->query("SELECT 1 FROM api_keys LIMIT 1");
  if (!rows) return Error(ErrorCode::invalid_argument, backup.string() + " is no backup of a GoGrid coordinator");
  if (auto migrated = migrate(**opened); !migrated)
    return Error(migrated.error().code, backup.string() + ": " + migrated.error().detail);
  return {};
}

Error holds_something(const std::string& what) {
  return Error(ErrorCode::conflict, what + " holds a store with something in it; say --replace to lose that");
}

Result<void> restore_sqlite(const fs::path& copy, const fs::path& database, bool replace) {
  std::error_code ignored;
  if (!replace && fs::exists(database, ignored)) {
    auto old = SqliteConnection::open(database);
    if (!old) return old.error();
    if (auto migrated = migrate(**old); !migrated) return migrated;
    const auto tables = find_tables(**old);
    if (!tables) return tables.error();
    const auto empty = all_empty(**old, *tables);
    if (!empty) return empty.error();
    if (!*empty) return holds_something(database.string());
  }
  // The old one's log would be taken for the new one's.
  remove_database(database);
  return put_in_place(copy, database);
}

Result<void> restore_postgres(const fs::path& copy, const std::string& url, bool replace) {
  auto source = SqliteConnection::open(copy);
  if (!source) return source.error();
  const auto tables = find_tables(**source);
  if (!tables) return tables.error();
  auto target = PostgresConnection::open(url, PostgresConnection::Use::store);
  if (!target) return target.error();
  if (replace) {
    std::string drop = "DROP FUNCTION IF EXISTS audit_is_append_only CASCADE; DROP TABLE IF EXISTS schema_version";
    for (const Table& table : *tables)
      drop += ", " + table.name;
    if (auto dropped = (*target)->run_script(drop); !dropped) return dropped;
  }
  if (auto migrated = migrate(**target); !migrated) return migrated;
  const auto empty = all_empty(**target, *tables);
  if (!empty) return empty.error();
  if (!*empty) return holds_something("the database");
  if (auto begun = (*source)->begin(); !begun) return begun;
  if (auto begun = (*target)->begin(); !begun) return begun;
  if (auto copied = copy_rows(**source, **target, *tables); !copied) return copied;
  return (*target)->commit();
}

// Runs a step and removes the file it works on, unless that has gone to its place.
template <class Step>
Result<void> with_temporary(const fs::path& temporary, Step step) {
  auto done = step();
  remove_database(temporary);
  return done;
}

}  // namespace

Result<void> backup_store(const std::string& where, const fs::path& data_dir, const fs::path& file) {
  const fs::path temporary = file.string() + ".part";
  return with_temporary(temporary, [&]() -> Result<void> {
    if (auto made = make_empty(temporary); !made) return made;
    auto copied = is_sqlite(where) ? copy_sqlite(sqlite_file(data_dir), temporary) : copy_postgres(where, temporary);
    if (!copied) return copied;
    return put_in_place(temporary, file);
  });
}

Result<void> restore_store(const fs::path& file, const std::string& where, const fs::path& data_dir, bool replace) {
  const fs::path temporary = sqlite_file(data_dir).string() + ".restoring";
  return with_temporary(temporary, [&]() -> Result<void> {
    if (auto made = make_restorable(file, temporary); !made) return made;
    return is_sqlite(where) ? restore_sqlite(temporary, sqlite_file(data_dir), replace)
                            : restore_postgres(temporary, where, replace);
  });
}

}  // namespace gogrid::store
