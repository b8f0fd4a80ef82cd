#include "worker/engine/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/file.hpp"

namespace gogrid::worker {
namespace {

constexpr std::size_t max_name_bytes = 1024;
constexpr std::size_t read_block_bytes = 64 * 1024;

Error refused(const std::string& why) {
  return Error(ErrorCode::invalid_argument, "the engine bundle is refused: " + why);
}

// For messages: what a stranger named a file, made harmless.
std::string shown(std::string_view name) {
  std::string text;
  for (const char c : name.substr(0, 100))
    text += c >= 0x20 && c < 0x7f ? c : '?';
  return "\"" + text + "\"";
}

struct ReadRelease {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
struct WriteRelease {
  void operator()(archive* handle) const { archive_write_free(handle); }
};
struct EntryRelease {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

std::string error_of(archive* handle) {
  const char* text = archive_error_string(handle);
  return text ? text : "unknown error";
}

class Unpacker {
 public:
  // `directory` must be canonical: libarchive refuses to write through a link, also one of the host's.
  Unpacker(std::filesystem::path directory, const ArchiveLimits& limits)
      : directory_(std::move(directory)), limits_(limits) {
    reader_.reset(archive_read_new());
    archive_read_support_format_tar(reader_.get());
    archive_read_support_filter_zstd(reader_.get());
    writer_.reset(archive_write_disk_new());
    // No owners, no set-user-id bits, no extended attributes; names were checked, and these hold libarchive to it as
    // well.
    archive_write_disk_set_options(writer_.get(), ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                                                      ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_NO_OVERWRITE);
  }

  Result<void> run(const std::filesystem::path& file) {
    if (archive_read_open_filename(reader_.get(), file.c_str(), read_block_bytes) != ARCHIVE_OK) {
      return refused("it is not a tar compressed with zstd (" + error_of(reader_.get()) + ")");
    }
    for (;;) {
      archive_entry* entry = nullptr;
      const int status = archive_read_next_header(reader_.get(), &entry);
      if (status == ARCHIVE_EOF) break;
      if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return refused(error_of(reader_.get()));
      if (auto taken = take(entry); !taken) return taken;
    }
    if (entries_ == 0) return refused("it is empty, or not a tar compressed with zstd");
    if (archive_write_close(writer_.get()) != ARCHIVE_OK) return write_error();
    return {};
  }

 private:
  Error write_error() {
    const int number = archive_errno(writer_.get());
    return Error(number == ENOSPC || number == EDQUOT ? ErrorCode::disk_full : ErrorCode::io,
                 "cannot unpack the engine bundle: " + error_of(writer_.get()));
  }

  Result<void> take(archive_entry* entry) {
    if (++entries_ > limits_.max_entries)
      return refused("it holds more than " + std::to_string(limits_.max_entries) + " files");
    const char* text = archive_entry_pathname(entry);
    if (!text) return refused("a name in it cannot be read");
    auto name = check_entry_name(text);
    if (!name) return name.error();
    if (name->empty()) return {};
    const char* hard_link = archive_entry_hardlink(entry);
    const auto type = archive_entry_filetype(entry);
    // Directories may be listed again; libarchive would pass over anything else in silence.
    const bool is_directory = !hard_link && type == AE_IFDIR;
    if (auto [place, is_new] = names_.emplace(name->string(), is_directory);
        !is_new && !(place->second && is_directory)) {
      return refused(shown(text) + " is in it twice");
    }
    if (hard_link) return take_hard_link(*name, hard_link);
    if (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK)
      return refused(shown(text) + " is neither a file, a directory nor a link");
    const std::unique_ptr<archive_entry, EntryRelease> made(archive_entry_new());
    archive_entry_copy_pathname(made.get(), (directory_ / *name).c_str());
    archive_entry_set_filetype(made.get(), type);
    if (type == AE_IFLNK) {
      const char* target = archive_entry_symlink(entry);
      if (auto checked = check_link_target(*name, target ? target : ""); !checked) return checked;
      archive_entry_copy_symlink(made.get(), target);
      archive_entry_set_perm(made.get(), 0777);
    } else {
      const bool runnable = type == AE_IFDIR || (archive_entry_perm(entry) & 0111) != 0;
      archive_entry_set_perm(made.get(), runnable ? 0755 : 0644);
    }
    if (type == AE_IFREG) files_.insert(name->string());
    if (type == AE_IFREG) archive_entry_set_size(made.get(), archive_entry_size(entry));
    return write(made.get(), type == AE_IFREG);
  }

  Result<void> take_hard_link(const std::filesystem::path& name, const char* link) {
    auto target = check_entry_name(link);
    if (!target) return target.error();
    // Only to what this archive brought as a file: never through a link to somewhere else.
    if (!files_.contains(target->string()))
      return refused("the hard link " + shown(name.string()) + " has no file in it");
    const std::unique_ptr<archive_entry, EntryRelease> made(archive_entry_new());
    archive_entry_copy_pathname(made.get(), (directory_ / name).c_str());
    archive_entry_copy_hardlink(made.get(), (directory_ / *target).c_str());
    archive_entry_set_filetype(made.get(), AE_IFREG);
    return write(made.get(), false);
  }

  Result<void> write(archive_entry* entry, bool has_data) {
    if (archive_write_header(writer_.get(), entry) != ARCHIVE_OK) {
      if (auto error = write_error(); error.code == ErrorCode::disk_full) return error;
      return refused(error_of(writer_.get()));
    }
    while (has_data) {
      const void* data = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int status = archive_read_data_block(reader_.get(), &data, &size, &offset);
      if (status == ARCHIVE_EOF) break;
      if (status != ARCHIVE_OK) return refused(error_of(reader_.get()));
      bytes_ += size;
      // A sparse file's holes count: its end is what it will take.
      if (bytes_ > limits_.max_bytes || static_cast<std::uint64_t>(offset) > limits_.max_bytes) {
        return refused("it unpacks to more than " + std::to_string(limits_.max_bytes) + " bytes");
      }
      if (bytes_ > limits_.room_bytes) {
        return Error(ErrorCode::disk_full, "the engine bundle unpacks to more than the " +
                                               std::to_string(limits_.room_bytes / 1'000'000) + " MB there are");
      }
      if (archive_write_data_block(writer_.get(), data, size, offset) != ARCHIVE_OK) return write_error();
    }
    if (archive_write_finish_entry(writer_.get()) != ARCHIVE_OK) return write_error();
    return {};
  }

  std::filesystem::path directory_;
  ArchiveLimits limits_;
  std::unique_ptr<archive, ReadRelease> reader_;
  std::unique_ptr<archive, WriteRelease> writer_;
  std::set<std::string> files_;
  // What was made, and whether it is a directory.
  std::map<std::string, bool> names_;
  std::uint64_t bytes_ = 0;
  std::uint64_t entries_ = 0;
};

}  // namespace

Result<std::filesystem::path> check_entry_name(std::string_view name) {
  if (name.empty() || name.size() > max_name_bytes) return refused("a name in it is empty or too long");
  if (name.find('\0') != std::string_view::npos) return refused("a name in it holds a zero byte");
  if (name.front() == '/') return refused(shown(name) + " is an absolute name");
  std::filesystem::path clean;
  std::size_t begin = 0;
  while (begin <= name.size()) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    if (part == "..") return refused(shown(name) + " leads out of it");
    if (part.size() > 255) return refused("a name in it is too long");
    if (!part.empty() && part != ".") clean /= part;
    begin = end + 1;
  }
  return clean;
}

Result<void> check_link_target(const std::filesystem::path& name, std::string_view target) {
  if (target.empty() || target.size() > max_name_bytes || target.find('\0') != std::string_view::npos) {
    return refused("the link " + shown(name.string()) + " has an empty or too long target");
  }
  // How deep the link's directory is below the root.
  long depth = target.front() == '/' ? 0 : static_cast<long>(std::distance(name.begin(), name.end())) - 1;
  std::size_t begin = 0;
  while (begin <= target.size()) {
    const auto end = std::min(target.find('/', begin), target.size());
    const auto part = target.substr(begin, end - begin);
    if (part == "..")
      --depth;
    else if (!part.empty() && part != ".")
      ++depth;
    if (depth < 0) return refused("the link " + shown(name.string()) + " leads out of it");
    begin = end + 1;
  }
  return {};
}

Result<void> unpack_archive(const std::filesystem::path& archive, const std::filesystem::path& directory,
                            const ArchiveLimits& limits) {
  std::error_code error;
  auto canonical = std::filesystem::canonical(directory, error);
  if (error) return Error(ErrorCode::io, directory.string() + ": " + error.message());
  return Unpacker(std::move(canonical), limits).run(archive);
}

}  // namespace gogrid::worker
