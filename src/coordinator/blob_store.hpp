// BlobStore: content-addressed files in the data directory: blobs/<sha256> when whole, uploads/<sha256>.part before.
// Blocking, any thread: called on the file pool. Callers see to it that two of them do not change one file at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"

namespace gogrid::coordinator {

class BlobStore {
 public:
  explicit BlobStore(const std::filesystem::path& data_dir)
      : blobs_(data_dir / "blobs"), uploads_(data_dir / "uploads") {}
  // Makes the two directories.
  Result<void> prepare() const;

  std::filesystem::path blob_path(const std::string& sha256) const { return blobs_ / sha256; }
  std::filesystem::path part_path(const std::string& sha256) const { return uploads_ / (sha256 + ".part"); }

  // nullopt when it is not there.
  std::optional<std::uint64_t> blob_bytes(const std::string& sha256) const;
  std::optional<std::uint64_t> part_bytes(const std::string& sha256) const;
  std::vector<std::string> list_blobs() const;
  std::vector<std::string> list_parts() const;

  Result<FileDescriptor> open_part(const std::string& sha256) const;
  // Durable when it returns.
  Result<void> part_to_blob(const std::string& sha256) const;
  Result<void> blob_to_part(const std::string& sha256) const;
  // What is not there is removed already.
  void remove_part(const std::string& sha256) const;
  void remove_blob(const std::string& sha256) const;
  Result<std::uint64_t> free_bytes() const { return gogrid::free_bytes(uploads_); }

 private:
  std::filesystem::path blobs_;
  std::filesystem::path uploads_;
};

// The digest of a whole file, in hexadecimal.
Result<std::string> sha256_of_file(const std::filesystem::path& path);

}  // namespace gogrid::coordinator
