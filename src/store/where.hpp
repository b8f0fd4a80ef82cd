// What the setting `store.url` can say. Pure functions, any thread.
#pragma once

#include <filesystem>
#include <string>

namespace gogrid::store {

inline bool is_sqlite(const std::string& where) { return where.empty() || where == "sqlite"; }
inline std::filesystem::path sqlite_file(const std::filesystem::path& data_dir) { return data_dir / "gogrid.db"; }

}  // namespace gogrid::store
