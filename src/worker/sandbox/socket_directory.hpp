// SocketDirectory: where a confined program makes its Unix socket, seen from outside. Nothing the program put there is
// followed: a link in the socket's place would lead the worker to any socket of the host. Used on the event loop's
// thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/file.hpp"

namespace gogrid::worker {

// A socket that somebody bound, held by its inode: a name that can be connected to, whatever happens to the file.
class BoundSocket {
 public:
  explicit BoundSocket(FileDescriptor file) : file_(std::move(file)) {}
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

 private:
  FileDescriptor file_;
};

class SocketDirectory {
 public:
  SocketDirectory() = default;
  // A directory of the host's, for a program without a sandbox.
  explicit SocketDirectory(std::filesystem::path directory) : host_directory_(std::move(directory)) {}
  // `info` is the reading end of what bubblewrap writes to --info-fd: it names the process whose root is the sandbox.
  explicit SocketDirectory(FileDescriptor info);

  // Null while the sandbox is being made or there is no socket of that name.
  std::shared_ptr<const BoundSocket> find(const std::string& name);

 private:
  bool open();
  bool read_info();

  std::filesystem::path host_directory_;
  FileDescriptor info_;
  std::string text_;
  FileDescriptor directory_;
};

// The "child-pid" of what bubblewrap wrote so far; 0 while it is not there in full.
int child_pid(std::string_view info);

}  // namespace gogrid::worker
