// Backups as tar files: flat names and those in files/ and blobs/, nothing else. Blocking.
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace gogrid::coordinator {

// Every file in `directory`. `file` is made with mode 0600 and synced.
Result<void> pack(const std::filesystem::path& directory, const std::filesystem::path& file);

// Into `directory`, which is made. invalid_argument for a name that does not belong in a backup.
Result<void> unpack(const std::filesystem::path& file, const std::filesystem::path& directory);

}  // namespace gogrid::coordinator
