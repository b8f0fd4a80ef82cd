#include "coordinator/blob_store.hpp"

#include <fcntl.h>

#include <system_error>

#include "base/sha256.hpp"

namespace gogrid::coordinator {
namespace fs = std::filesystem;
namespace {

std::optional<std::uint64_t> size_of(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return std::nullopt;
  return size;
}

std::vector<std::string> list(const fs::path& folder, std::string_view suffix) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    std::string name = entry.path().filename().string();
    if (!name.ends_with(suffix)) continue;
    name.resize(name.size() - suffix.size());
    if (is_sha256(name)) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

Result<std::string> sha256_of_file(const fs::path& path) {
  constexpr std::size_t buffer_bytes = 1024 * 1024;
  auto file = open_file(path, O_RDONLY);
  if (!file) return file.error();
  Sha256 hash;
  std::vector<std::byte> buffer(buffer_bytes);
  for (;;) {
    const auto count = read_fully(file->get(), buffer);
    if (!count) return count.error();
    hash.update(std::span(buffer).first(*count));
    if (*count < buffer.size()) return hash.finish_hex();
  }
}

Result<void> BlobStore::prepare() const {
  if (auto made = make_directories(blobs_); !made) return made;
  return make_directories(uploads_);
}

std::optional<std::uint64_t> BlobStore::blob_bytes(const std::string& sha256) const {
  return size_of(blob_path(sha256));
}
std::optional<std::uint64_t> BlobStore::part_bytes(const std::string& sha256) const {
  return size_of(part_path(sha256));
}
std::vector<std::string> BlobStore::list_blobs() const { return list(blobs_, ""); }
std::vector<std::string> BlobStore::list_parts() const { return list(uploads_, ".part"); }

Result<FileDescriptor> BlobStore::open_part(const std::string& sha256) const {
  return open_file(part_path(sha256), O_WRONLY | O_CREAT, 0600);
}

Result<void> BlobStore::part_to_blob(const std::string& sha256) const {
  {
    auto file = open_file(part_path(sha256), O_RDONLY);
    if (!file) return file.error();
    if (auto synced = sync_file(file->get()); !synced) return synced;
  }
  std::error_code error;
  fs::rename(part_path(sha256), blob_path(sha256), error);
  if (error) return system_error("cannot move the upload to " + blobs_.string(), error.value());
  auto folder = open_file(blobs_, O_RDONLY | O_DIRECTORY);
  if (!folder) return folder.error();
  return sync_file(folder->get());
}

Result<void> BlobStore::blob_to_part(const std::string& sha256) const {
  std::error_code error;
  fs::rename(blob_path(sha256), part_path(sha256), error);
  if (error) return system_error("cannot move the upload to " + uploads_.string(), error.value());
  return {};
}

void BlobStore::remove_part(const std::string& sha256) const {
  std::error_code ignored;
  fs::remove(part_path(sha256), ignored);
}

void BlobStore::remove_blob(const std::string& sha256) const {
  std::error_code ignored;
  fs::remove(blob_path(sha256), ignored);
}

}  // namespace gogrid::coordinator
