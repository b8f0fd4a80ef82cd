#include "base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/encoding.hpp"

namespace gogrid {

void FileDescriptor::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<FileDescriptor> open_file(const std::filesystem::path& path, int flags, mode_t mode) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return system_error(path.string(), errno);
  return FileDescriptor(fd);
}

Result<std::size_t> read_fully(int fd, std::span<std::byte> buffer) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t count = ::read(fd, buffer.data() + done, buffer.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read", errno);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<void> write_fully(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> sync_file(int fd) {
  if (::fsync(fd) != 0) return system_error("fsync", errno);
  return {};
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit_bytes) {
  auto file = open_file(path, O_RDONLY);
  if (!file) return file.error();
  std::string text;
  std::size_t chunk = 4096;
  for (;;) {
    const std::size_t old_size = text.size();
    text.resize(old_size + chunk);
    const auto count = read_fully(file->get(), std::as_writable_bytes(std::span(text.data() + old_size, chunk)));
    if (!count) return Error(count.error().code, path.string() + ": " + count.error().detail);
    text.resize(old_size + *count);
    if (text.size() > limit_bytes) {
      return Error(ErrorCode::too_large, path.string() + " is larger than " + std::to_string(limit_bytes) + " bytes");
    }
    if (*count < chunk) return text;
    chunk *= 2;
  }
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text, mode_t mode) {
  const std::filesystem::path temporary = path.string() + "." + to_hex(as_bytes(random_bytes(4))) + ".tmp";
  const auto write = [&]() -> Result<void> {
    auto file = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (!file) return file.error();
    // The mode at open is narrowed by the umask; what was asked for is what stands.
    if (::fchmod(file->get(), mode) != 0) return system_error(temporary.string(), errno);
    if (auto written = write_fully(file->get(), as_bytes(text)); !written) return written.error();
    if (auto synced = sync_file(file->get()); !synced) return synced.error();
    if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error(path.string(), errno);
    return {};
  };
  auto written = write();
  if (!written) {
    ::unlink(temporary.c_str());
    return Error(written.error().code, "cannot write " + path.string() + ": " + written.error().detail);
  }
  return sync_name(path);
}

Result<void> sync_name(const std::filesystem::path& path) {
  const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  auto directory = open_file(parent, O_RDONLY | O_DIRECTORY);
  if (!directory) return directory.error();
  return sync_file(directory->get());
}

Result<void> make_directories(const std::filesystem::path& path, mode_t mode) {
  if (path.empty()) return {};
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return {};
    return Error(ErrorCode::conflict, path.string() + " exists and is not a directory");
  }
  if (path.has_parent_path() && path.parent_path() != path) {
    if (auto made = make_directories(path.parent_path(), mode); !made) return made;
  }
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    const Error error = system_error("cannot make directory " + path.string(), errno);
    return error;
  }
  return {};
}

Result<std::uint64_t> free_bytes(const std::filesystem::path& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return system_error(path.string(), errno);
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace gogrid
