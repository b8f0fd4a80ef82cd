// SqliteStore: the store in one SQLite file, for a coordinator without a database server. Used on the io thread; all
// SQL runs on a thread of its own.
#pragma once

#include <filesystem>
#include <memory>

#include "store/store.hpp"

namespace gogrid::store {

class Database;

// Opens or makes the file and brings its tables up to date. Blocking. Operations that are under way when the store is
// destroyed are finished first; the executors that wait for them must live until then.
Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& path);

// For a database that is open and up to date.
std::unique_ptr<Store> make_sqlite_store(Database database);

}  // namespace gogrid::store
