// Unpacks an engine bundle, a tar compressed with zstd that is not trusted: nothing leaves the target directory,
// nothing but files, directories and links is made, and no more than the limits say. Blocking; runs on the pool.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string_view>

#include "base/result.hpp"

namespace gogrid::worker {

struct ArchiveLimits {
  std::uint64_t max_bytes = 8ull << 30;  // unpacked, all files together
  std::uint64_t max_entries = 100'000;
  // What the disk has for it.
  std::uint64_t room_bytes = std::numeric_limits<std::uint64_t>::max();
};

// invalid_argument for an absolute name, "..", an empty name, one over 1,024 bytes, or one that names the root itself
// by another way. Returns the name without "./" and without slashes at its end; empty means the root directory's own
// entry.
Result<std::filesystem::path> check_entry_name(std::string_view name);

// A symbolic link's target, seen from `name`: the sandbox's root is the bundle, so an absolute target stays inside; one
// that climbs above the root is invalid_argument.
Result<void> check_link_target(const std::filesystem::path& name, std::string_view target);

// Into `directory`, which must exist and be empty. On failure it holds a part: the caller removes it. disk_full when it
// does not fit.
Result<void> unpack_archive(const std::filesystem::path& archive, const std::filesystem::path& directory,
                            const ArchiveLimits& limits);

}  // namespace gogrid::worker
