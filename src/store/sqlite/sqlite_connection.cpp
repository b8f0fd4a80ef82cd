#include "store/sqlite/sqlite_connection.hpp"

#include <fcntl.h>
#include <sqlite3.h>

#include <cassert>
#include <utility>

#include "base/file.hpp"

namespace gogrid::store {
namespace {

constexpr int busy_timeout_ms = 5000;

constexpr auto settings =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; "
    "PRAGMA cache_size = -32768;";

// SQLite would make it with the umask's mode, and leave its name to chance in a crash.
Result<void> make_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) return {};
  if (auto made = open_file(path, O_RDWR | O_CREAT, 0600); !made) return made.error();
  return sync_name(path);
}

Error fault(sqlite3* handle, int code) {
  const std::string message = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Error(ErrorCode::disk_full, "the database cannot grow, the disk is full: free some space");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return Error(ErrorCode::unavailable,
                   "the database cannot be written (" + message + "): check the permissions of the data directory");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(ErrorCode::unavailable, "the database is locked by another process");
    case SQLITE_IOERR:
      return Error(ErrorCode::unavailable, "reading or writing the database failed (" + message + "): check the disk");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(ErrorCode::internal, "the database is damaged (" + message + "): restore it from a backup");
    case SQLITE_CONSTRAINT:
      return Error(ErrorCode::conflict, message);
    default:
      return Error(ErrorCode::internal, "the database: " + message);
  }
}

int bind_one(sqlite3_stmt* statement, int place, const Parameter& parameter) {
  // A null pointer would be NULL.
  const char* data = parameter.text().data() ? parameter.text().data() : "";
  switch (parameter.kind()) {
    case Parameter::Kind::null:
      return sqlite3_bind_null(statement, place);
    case Parameter::Kind::integer:
      return sqlite3_bind_int64(statement, place, parameter.integer());
    case Parameter::Kind::real:
      return sqlite3_bind_double(statement, place, parameter.real());
    case Parameter::Kind::text:
      return sqlite3_bind_text64(statement, place, data, parameter.text().size(), SQLITE_STATIC, SQLITE_UTF8);
    case Parameter::Kind::bytes:
      return sqlite3_bind_blob64(statement, place, data, parameter.text().size(), SQLITE_STATIC);
  }
  return SQLITE_MISUSE;
}

// Gives the statement back when it goes.
class Use {
 public:
  explicit Use(sqlite3_stmt* statement) : statement_(statement) {}
  ~Use() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Use(Use&&) = delete;

 private:
  sqlite3_stmt* statement_;
};

class SqliteCursor final : public Cursor {
 public:
  SqliteCursor(sqlite3* handle, sqlite3_stmt* statement) : handle_(handle), statement_(statement), use_(statement) {}

  Result<bool> next() override {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return fault(handle_, sqlite3_extended_errcode(handle_));
  }
  bool is_null(int column) const override { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t integer(int column) const override { return sqlite3_column_int64(statement_, column); }
  double real(int column) const override { return sqlite3_column_double(statement_, column); }
  std::string text(int column) const override {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return text ? std::string(text, length(column)) : std::string();
  }
  std::string bytes(int column) const override {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return data ? std::string(data, length(column)) : std::string();
  }

 private:
  std::size_t length(int column) const { return static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)); }

  sqlite3* handle_;
  sqlite3_stmt* statement_;
  Use use_;
};

}  // namespace

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open_with(const std::filesystem::path& path, int flags,
                                                                      const char* vfs) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(handle));
  if (code != SQLITE_OK) return fault(handle, code);
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  return connection;
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::filesystem::path& path, Options options) {
  if (!options.vfs) {
    if (auto made = make_file(path); !made) return made.error();
  }
  auto connection = open_with(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, options.vfs);
  if (!connection) return connection;
  const auto set = (*connection)->run_script(settings);
  if (!set) return Error(set.error().code, path.string() + ": " + set.error().detail);
  const auto count_pages = [](void* pages, sqlite3*, const char*, int in_log) {
    *static_cast<int*>(pages) = in_log;
    return SQLITE_OK;
  };
  (*connection)->checkpoint_pages_ = options.checkpoint_pages;
  sqlite3_wal_hook((*connection)->handle_, count_pages, &(*connection)->log_pages_);
  return connection;
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open_to_read(const std::filesystem::path& path) {
  auto connection = open_with(path, SQLITE_OPEN_READWRITE, nullptr);
  if (!connection) return connection;
  const auto set = (*connection)->run_script("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;");
  if (!set) return Error(set.error().code, path.string() + ": " + set.error().detail);
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (const auto& [sql, statement] : statements_)
    sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Result<void> SqliteConnection::run_script(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fault(handle_, code);
  return {};
}

Result<sqlite3_stmt*> SqliteConnection::prepare(const char* sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement) return statement;
  const int code = sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return fault(handle_, code);
  // SQLite numbers them as they appear, whatever they are called.
  for (int place = 1; place <= sqlite3_bind_parameter_count(statement); ++place) {
    const char* name = sqlite3_bind_parameter_name(statement, place);
    assert(name && "$" + std::to_string(place) == name);
  }
  return statement;
}

Result<void> SqliteConnection::bind(sqlite3_stmt* statement, std::span<const Parameter> parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const int code = bind_one(statement, static_cast<int>(i) + 1, parameters[i]);
    if (code != SQLITE_OK) return fault(handle_, code);
  }
  return {};
}

Result<Rows> SqliteConnection::query_with(const char* sql, std::span<const Parameter> parameters) {
  const auto statement = prepare(sql);
  if (!statement) return statement.error();
  Rows rows(std::make_unique<SqliteCursor>(handle_, *statement));
  if (auto bound = bind(*statement, parameters); !bound) return bound.error();
  return rows;
}

Result<std::int64_t> SqliteConnection::change_with(const char* sql, std::span<const Parameter> parameters) {
  const auto statement = prepare(sql);
  if (!statement) return statement.error();
  const Use use(*statement);
  if (auto bound = bind(*statement, parameters); !bound) return bound.error();
  const int code = sqlite3_step(*statement);
  if (code != SQLITE_DONE && code != SQLITE_ROW) return fault(handle_, sqlite3_extended_errcode(handle_));
  return sqlite3_changes64(handle_);
}

Result<std::vector<std::int64_t>> SqliteConnection::change_all(const Changes& changes) {
  std::vector<std::int64_t> counts;
  counts.reserve(changes.size());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto count = change_with(changes.sql(i), changes.parameters(i));
    if (!count) return count.error();
    counts.push_back(*count);
  }
  return counts;
}

Result<void> SqliteConnection::begin() {
  const auto begun = change_with("BEGIN IMMEDIATE", {});
  if (!begun) return begun.error();
  return {};
}

Result<void> SqliteConnection::commit() {
  const auto committed = change_with("COMMIT", {});
  if (!committed) return committed.error();
  return {};
}

void SqliteConnection::roll_back() {
  if (transaction() != Transaction::none) (void)run_script("ROLLBACK");
}

Connection::Transaction SqliteConnection::transaction() const {
  return sqlite3_get_autocommit(handle_) != 0 ? Transaction::none : Transaction::open;
}

std::int64_t SqliteConnection::changed() const { return sqlite3_total_changes64(handle_); }

void SqliteConnection::tidy() {
  if (log_pages_ < checkpoint_pages_) return;
  // Another process that reads keeps it from finishing; the next one will.
  (void)sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  log_pages_ = 0;
}

}  // namespace gogrid::store
