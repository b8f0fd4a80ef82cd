// Opens the store that the setting `store.url` names. Blocking, start-up only.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "store/store.hpp"

namespace gogrid::store {

// `where`: empty or "sqlite" is the file gogrid.db in the data directory, which is made if it is missing;
// "postgresql://user@host/database" a database that is there. Brings its tables up to date. conflict when another
// coordinator uses the database; invalid_argument for anything else. No error repeats a password of `where`.
Result<std::unique_ptr<Store>> open_store(const std::string& where, const std::filesystem::path& data_dir);

// Whether it can name a store, without looking for one.
Result<void> check_url(const std::string& where);
// For people to see.
std::string without_password(const std::string& where);

// As open_store(), for an SQLite file wherever it is.
Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& path);

}  // namespace gogrid::store
