// The tables of a store as they are found in an SQLite file of it, and copying them from one database to another, row
// by row. Blocking.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "store/sql/connection.hpp"
#include "store/sqlite/sqlite_connection.hpp"

namespace gogrid::store {

struct Table {
  std::string name;
  std::vector<Parameter::Kind> kinds;
  // What its rows are counted by, if the database does that; empty otherwise.
  std::string counted_column;
  // All rows in the order of the primary key.
  std::string select;
  std::string select_any;
  // The next rows of PostgreSQL's cursor over `select`.
  std::string fetch;
  std::string insert;
};

// All but the list of versions. `file` has the newest version.
Result<std::vector<Table>> find_tables(SqliteConnection& file);

Result<bool> all_empty(Connection& connection, const std::vector<Table>& tables);

// Both are in a transaction. The connections keep statements by the addresses of their texts in `tables`, so that it
// must outlive them.
Result<void> copy_rows(Connection& from, Connection& to, const std::vector<Table>& tables);

// Calls `take` for each row; the error it returns is the end.
Result<void> for_each_row(Connection& connection, const Table& table,
                          const std::function<Result<void>(const Rows&)>& take);

}  // namespace gogrid::store
