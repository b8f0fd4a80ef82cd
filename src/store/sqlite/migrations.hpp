// Versioned changes of the database's tables: src/store/migrations/*.sql, built in. Used by SqliteStore when it opens.
#pragma once

#include <span>

#include "base/result.hpp"

namespace gogrid::store {

class Database;

struct Migration {
  int version;
  const char* name;
  const char* sql;
};

// In order of version, from 1 without a gap.
std::span<const Migration> migrations();

// Brings the database to the last version, each step in a transaction of its own. unsupported when the database is
// newer.
Result<void> migrate(Database& database, std::span<const Migration> steps);

}  // namespace gogrid::store
