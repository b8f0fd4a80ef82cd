// Files: owned descriptors, whole-file reads with a bound, writes that are there in full or not at all. Blocking; any
// thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace gogrid {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() { reset(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// `flags` and `mode` as for open(2); close-on-exec is added. The error names the path.
Result<FileDescriptor> open_file(const std::filesystem::path& path, int flags, mode_t mode = 0600);

// Reads until the buffer is full or the file ends; the number of bytes read.
Result<std::size_t> read_fully(int fd, std::span<std::byte> buffer);
Result<void> write_fully(int fd, std::span<const std::byte> bytes);
Result<void> sync_file(int fd);
// Syncs the directory that holds `path`: what was made, renamed or removed there stays so after a crash.
Result<void> sync_name(const std::filesystem::path& path);

// The whole file; more than `limit_bytes` is too_large.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit_bytes);

// Writes beside `path`, syncs, and renames over it, so that after a crash the old or the new text is there in full.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text, mode_t mode);

// Makes the directory and its parents; one that is made gets `mode`.
Result<void> make_directories(const std::filesystem::path& path, mode_t mode = 0700);

// Bytes an ordinary user may still write to the file system that holds `path`.
Result<std::uint64_t> free_bytes(const std::filesystem::path& path);

}  // namespace gogrid
