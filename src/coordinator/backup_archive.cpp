#include "coordinator/backup_archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/encoding.hpp"
#include "base/file.hpp"

namespace gogrid::coordinator {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t block_bytes = 256 * 1024;

struct CloseWriter {
  void operator()(archive* handle) const { archive_write_free(handle); }
};
struct CloseReader {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

Error fault(const fs::path& file, archive* handle) {
  const char* text = archive_error_string(handle);
  return Error(archive_errno(handle) == ENOSPC ? ErrorCode::disk_full : ErrorCode::io,
               file.string() + ": " + (text ? text : "it is no tar file"));
}

Result<void> pack_file(archive* handle, const fs::path& file, const std::string& name) {
  auto source = open_file(file, O_RDONLY);
  if (!source) return source.error();
  struct ::stat info {};
  if (::fstat(source->get(), &info) != 0) return system_error(file.string(), errno);
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), info.st_mode & 0777);
  archive_entry_set_size(entry.get(), info.st_size);
  archive_entry_set_mtime(entry.get(), info.st_mtime, 0);
  if (archive_write_header(handle, entry.get()) != ARCHIVE_OK) return fault(name, handle);
  std::vector<std::byte> block(block_bytes);
  for (;;) {
    const auto count = read_fully(source->get(), block);
    if (!count) return count.error();
    if (*count > 0 && archive_write_data(handle, block.data(), *count) < 0) return fault(name, handle);
    if (*count < block.size()) return {};
  }
}

// A name that a backup can hold, so that nothing is ever written elsewhere.
bool is_expected(std::string_view name) {
  for (const std::string_view folder : {"files/", "blobs/"}) {
    if (!name.starts_with(folder)) continue;
    name.remove_prefix(folder.size());
    break;
  }
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

Result<void> unpack_file(archive* handle, const fs::path& file) {
  auto target = open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!target) return target.error();
  std::vector<std::byte> block(block_bytes);
  for (;;) {
    const auto count = archive_read_data(handle, block.data(), block.size());
    if (count < 0) return fault(file, handle);
    if (count == 0) return {};
    if (auto written = write_fully(target->get(), std::span(block).first(static_cast<std::size_t>(count))); !written)
      return written;
  }
}

}  // namespace

Result<void> pack(const fs::path& directory, const fs::path& file) {
  auto target = open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!target) return target.error();
  const std::unique_ptr<archive, CloseWriter> handle(archive_write_new());
  if (archive_write_set_format_pax_restricted(handle.get()) != ARCHIVE_OK ||
      archive_write_open_fd(handle.get(), target->get()) != ARCHIVE_OK)
    return fault(file, handle.get());
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& found : fs::recursive_directory_iterator(directory, error))
    if (found.is_regular_file(error)) files.push_back(found.path());
  if (error) return system_error(directory.string(), error.value());
  std::sort(files.begin(), files.end());
  for (const fs::path& found : files) {
    if (auto packed = pack_file(handle.get(), found, fs::relative(found, directory).generic_string()); !packed)
      return packed;
  }
  if (archive_write_close(handle.get()) != ARCHIVE_OK) return fault(file, handle.get());
  return sync_file(target->get());
}

Result<void> unpack(const fs::path& file, const fs::path& directory) {
  const std::unique_ptr<archive, CloseReader> handle(archive_read_new());
  archive_read_support_format_tar(handle.get());
  if (archive_read_open_filename(handle.get(), file.c_str(), block_bytes) != ARCHIVE_OK)
    return fault(file, handle.get());
  if (auto made = make_directories(directory); !made) return made;
  for (;;) {
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(handle.get(), &entry);
    if (code == ARCHIVE_EOF) return {};
    if (code != ARCHIVE_OK) return fault(file, handle.get());
    const char* pathname = archive_entry_pathname(entry);
    const std::string name = pathname ? pathname : "";
    if (archive_entry_filetype(entry) != AE_IFREG || !is_expected(name))
      return Error(ErrorCode::invalid_argument, file.string() + " is no backup: it holds \"" + name + "\"");
    if (auto made = make_directories((directory / name).parent_path()); !made) return made;
    if (auto unpacked = unpack_file(handle.get(), directory / name); !unpacked) return unpacked;
  }
}

}  // namespace gogrid::coordinator
