#include "worker/state_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

namespace gogrid::worker {
namespace {

// Of the longest socket name below run(): "/e-12345678/engine.sock".
constexpr std::size_t socket_name_bytes = 24;

Result<FileDescriptor> lock_file(const std::filesystem::path& name, const std::string& what_to_do) {
  auto file = open_file(name, O_RDWR | O_CREAT, 0600);
  if (!file) return file.error();
  if (::flock(file->get(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) return system_error(name.string(), errno);
  return Error(ErrorCode::conflict, "a gogrid-worker is already running on " + what_to_do);
}

}  // namespace

StateDirectory::StateDirectory(std::filesystem::path path, std::filesystem::path cache_dir)
    : path_(std::move(path)), cache_(cache_dir.empty() ? path_ : std::move(cache_dir)) {}

Result<void> StateDirectory::make() const {
  const std::size_t room = sizeof(sockaddr_un{}.sun_path) - 1 - socket_name_bytes;
  if (run().native().size() > room) {
    return Error(ErrorCode::invalid_argument, "the state directory's name " + path_.string() +
                                                  " is too long for the sockets in it; choose one of at most " +
                                                  std::to_string(room - 4) + " bytes with --state-dir");
  }
  for (const auto& directory : {path_, run(), spool(), blobs(), engines()}) {
    auto made = make_directories(directory, 0700);
    if (!made)
      return Error(made.error().code, made.error().detail + "; choose another with --state-dir or worker.cache_dir");
    if (::access(directory.c_str(), W_OK | X_OK) != 0) {
      return Error(ErrorCode::permission_denied,
                   "cannot write to " + directory.string() +
                       "; change its owner, or choose another with --state-dir or worker.cache_dir");
    }
  }
  return {};
}

Result<void> StateDirectory::lock() {
  auto state =
      lock_file(run() / "lock", path_.string() + "; stop it with `gogrid-worker stop`, or use another --state-dir");
  if (!state) return state.error();
  // Two that share a cache would write into each other's downloads and delete each other's engines.
  auto cache = lock_file(cache_ / "lock", cache_.string() + "; stop it, or use another worker.cache_dir");
  if (!cache) return cache.error();
  lock_ = std::move(*state);
  cache_lock_ = std::move(*cache);
  return {};
}

}  // namespace gogrid::worker
