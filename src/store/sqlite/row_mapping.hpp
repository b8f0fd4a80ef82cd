// How each record of the store stands in its table. Used by SqliteStore, on the SQL thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/records.hpp"
#include "store/sqlite/database.hpp"

namespace gogrid::store {

// `conflict` when something that must be unique is taken.
Result<void> insert(Database& database, const KeyRecord& key);
Result<void> insert(Database& database, const TokenRecord& token);
Result<void> insert(Database& database, const WorkerRecord& worker);
Result<void> insert(Database& database, const ModelRecord& model);
Result<void> insert(Database& database, const EngineRecord& engine);
Result<void> insert(Database& database, const UploadRecord& upload);

// The number of models with this id: 0 or 1.
Result<std::int64_t> update(Database& database, const ModelRecord& model);

// In the order they were added. For every record of the store.
template <class Record>
Result<std::vector<Record>> select_all(Database& database);

// By id. For tokens and workers.
template <class Record>
Result<std::optional<Record>> find(Database& database, const std::string& id);

}  // namespace gogrid::store
