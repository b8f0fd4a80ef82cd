// Copies of a whole store: one SQLite file holds all of it, whichever database it came from, and goes back into either.
// Blocking; for commands on the coordinator's own machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace gogrid::store {

// The store as it is at one moment, while a coordinator may run on it. `where` as for open_store(). `file` is replaced
// when the copy is complete and on disk. not_found when there is no store.
Result<void> backup_store(const std::string& where, const std::filesystem::path& data_dir,
                          const std::filesystem::path& file);

// Puts the backup in place of a store that holds nothing; conflict for one that does, unless `replace`. No coordinator
// may run. A store that is not complete when this is interrupted is not left behind: it is the old one, none, or the
// new one.
Result<void> restore_store(const std::filesystem::path& file, const std::string& where,
                           const std::filesystem::path& data_dir, bool replace);

// What is wrong with the store, one line for a person each; none when it is whole. The coordinator may run.
Result<std::vector<std::string>> check_store(const std::string& where, const std::filesystem::path& data_dir);

// A file that the store says is in the coordinator's blobs.
struct NamedBlob {
  // "model small", "engine cpu"
  std::string owner;
  std::string sha256;
  std::uint64_t size_bytes = 0;
};
// All of them, also several of one SHA-256. The coordinator may run.
Result<std::vector<NamedBlob>> list_named_blobs(const std::string& where, const std::filesystem::path& data_dir);

}  // namespace gogrid::store
