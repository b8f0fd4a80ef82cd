// Versioned changes of the database's tables: src/store/migrations/*.sql for SQLite and postgres/*.sql there for
// PostgreSQL, built in. Used when a store is opened.
#pragma once

#include <span>

#include "store/sql/connection.hpp"

namespace gogrid::store {

struct Migration {
  int version;
  const char* name;
  const char* sql;
};

// In order of version, from 1 without a gap. One version is the same tables in every dialect.
std::span<const Migration> migrations(Dialect dialect);

// Brings the database to the last version, each step in a transaction of its own. unsupported when the database is
// newer.
Result<void> migrate(Connection& connection, std::span<const Migration> steps);
Result<void> migrate(Connection& connection);

// unsupported when the database is older or newer than this program, not_found when it is no store. Changes nothing.
Result<void> has_newest_version(Connection& connection);

}  // namespace gogrid::store
