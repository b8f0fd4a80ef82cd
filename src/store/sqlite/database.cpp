#include "store/sqlite/database.hpp"

#include <fcntl.h>
#include <sqlite3.h>

#include <utility>

#include "base/file.hpp"

namespace gogrid::store {
namespace {

constexpr int busy_timeout_ms = 5000;

Error fault(sqlite3* database, int code) {
  const std::string message = database ? sqlite3_errmsg(database) : sqlite3_errstr(code);
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
      return Error(ErrorCode::io, "reading or writing the database failed (" + message + "): check the disk");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(ErrorCode::internal, "the database is damaged (" + message + "): restore it from a backup");
    case SQLITE_CONSTRAINT:
      return Error(ErrorCode::conflict, message);
    default:
      return Error(ErrorCode::internal, "the database: " + message);
  }
}

}  // namespace

Rows::~Rows() {
  if (!statement_) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Result<bool> Rows::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fault(database_, sqlite3_extended_errcode(database_));
}

std::int64_t Rows::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Rows::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text ? std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))) : std::string();
}

bool Rows::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::optional<SystemTime> Rows::optional_time(int column) const {
  if (is_null(column)) return std::nullopt;
  return time(column);
}

Result<Database> Database::open(const std::filesystem::path& path) {
  // SQLite would make it with the umask's mode.
  if (auto made = open_file(path, O_RDWR | O_CREAT, 0600); !made) return made.error();
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &connection,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database database(connection);
  if (code != SQLITE_OK) return fault(connection, code);
  sqlite3_busy_timeout(connection, busy_timeout_ms);
  const auto set = database.run_script(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;");
  if (!set) return Error(set.error().code, path.string() + ": " + set.error().detail);
  return database;
}

Database::Database(Database&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)), statements_(std::move(other.statements_)) {
  other.statements_.clear();
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_)
    sqlite3_finalize(statement);
  sqlite3_close(connection_);
}

Result<void> Database::run_script(const char* sql) {
  const int code = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fault(connection_, code);
  return {};
}

Result<Rows> Database::bind(const char* sql, const Parameter* parameters, std::size_t count) {
  sqlite3_stmt*& statement = statements_[sql];
  if (!statement) {
    const int code = sqlite3_prepare_v3(connection_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return fault(connection_, code);
  }
  Rows rows(connection_, statement);
  for (std::size_t i = 0; i < count; ++i) {
    const Parameter& parameter = parameters[i];
    const int place = static_cast<int>(i) + 1;
    int code = SQLITE_OK;
    switch (parameter.kind_) {
      case Parameter::Kind::null:
        code = sqlite3_bind_null(statement, place);
        break;
      case Parameter::Kind::integer:
        code = sqlite3_bind_int64(statement, place, parameter.integer_);
        break;
      case Parameter::Kind::text: {
        const char* text = parameter.text_.data() ? parameter.text_.data() : "";
        code = sqlite3_bind_text64(statement, place, text, parameter.text_.size(), SQLITE_STATIC, SQLITE_UTF8);
        break;
      }
    }
    if (code != SQLITE_OK) return fault(connection_, code);
  }
  return rows;
}

Result<std::int64_t> Database::finish_change(Rows& rows) {
  const auto stepped = rows.next();
  if (!stepped) return stepped.error();
  return sqlite3_changes64(connection_);
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(connection_) == 0; }

void Database::roll_back() {
  if (in_transaction()) (void)run_script("ROLLBACK");
}

}  // namespace gogrid::store
