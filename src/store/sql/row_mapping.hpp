// How keys, tokens, workers, engines and uploads stand in their tables. Used by SqlStore, on the SQL thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/records.hpp"
#include "store/sql/connection.hpp"

namespace gogrid::store {

// `conflict` when something that must be unique is taken.
Result<void> insert(Connection& connection, const KeyRecord& key);
Result<void> insert(Connection& connection, const TokenRecord& token);
Result<void> insert(Connection& connection, const WorkerRecord& worker);
Result<void> insert(Connection& connection, const EngineRecord& engine);
Result<void> insert(Connection& connection, const UploadRecord& upload);

// How many have this id: 0 or 1.
Result<std::int64_t> update(Connection& connection, const std::string& key_id, const KeyPolicy& policy);

// Several words in one column, separated by commas.
std::string join(const std::vector<std::string>& parts);
std::vector<std::string> split(std::string_view text);

// In the order they were added.
template <class Record>
Result<std::vector<Record>> select_all(Connection& connection);

// By id. For tokens and workers.
template <class Record>
Result<std::optional<Record>> find(Connection& connection, const std::string& id);

}  // namespace gogrid::store
