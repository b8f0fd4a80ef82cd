#include "worker/sandbox/socket_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>

#include "worker/sandbox/bubblewrap_arguments.hpp"

namespace gogrid::worker {
namespace {

constexpr std::size_t max_info_bytes = 4096;
constexpr int directory_flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

FileDescriptor open_below(const FileDescriptor& directory, const std::string& name, int flags) {
  return FileDescriptor(::openat(directory.get(), name.c_str(), flags));
}

// Until bubblewrap has changed its root, the process still has the host's.
bool is_root_of_host(const FileDescriptor& root) {
  struct stat its {};
  struct stat ours {};
  return ::fstat(root.get(), &its) != 0 || ::stat("/", &ours) != 0 ||
         (its.st_dev == ours.st_dev && its.st_ino == ours.st_ino);
}

}  // namespace

int child_pid(std::string_view info) {
  constexpr std::string_view key = "\"child-pid\": ";
  const auto at = info.find(key);
  if (at == std::string_view::npos) return 0;
  info.remove_prefix(at + key.size());
  int pid = 0;
  const auto [end, error] = std::from_chars(info.data(), info.data() + info.size(), pid);
  // A number that ends with the text may go on in the next part.
  return error == std::errc() && end != info.data() + info.size() ? pid : 0;
}

SocketDirectory::SocketDirectory(FileDescriptor info) : info_(std::move(info)) {
  ::fcntl(info_.get(), F_SETFL, O_NONBLOCK);
}

bool SocketDirectory::read_info() {
  char buffer[512];
  while (child_pid(text_) == 0 && text_.size() < max_info_bytes) {
    const auto count = ::read(info_.get(), buffer, sizeof buffer);
    if (count <= 0) break;
    text_.append(buffer, static_cast<std::size_t>(count));
  }
  return child_pid(text_) != 0;
}

bool SocketDirectory::open() {
  if (directory_) return true;
  if (!host_directory_.empty()) {
    directory_ = FileDescriptor(::open(host_directory_.c_str(), directory_flags));
    return static_cast<bool>(directory_);
  }
  if (!info_ || !read_info()) return false;
  // The process is bubblewrap's own, the sandbox's first: not the confined program.
  const std::string root_name = "/proc/" + std::to_string(child_pid(text_)) + "/root";
  FileDescriptor place(::open(root_name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place || is_root_of_host(place)) return false;
  for (const auto& part : std::filesystem::path(sandbox_socket_dir).relative_path()) {
    place = open_below(place, part.string(), directory_flags);
    if (!place) return false;
  }
  directory_ = std::move(place);
  return true;
}

std::shared_ptr<const BoundSocket> SocketDirectory::find(const std::string& name) {
  if (!open()) return nullptr;
  FileDescriptor file = open_below(directory_, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISSOCK(info.st_mode)) return nullptr;
  return std::make_shared<const BoundSocket>(std::move(file));
}

}  // namespace gogrid::worker
