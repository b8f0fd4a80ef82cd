// StateDirectory: where a worker keeps its identity, blobs, engines and sockets, and the lock that holds one daemon to
// one of them. Blocking; made once at start-up.
#pragma once

#include <filesystem>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"

namespace gogrid::worker {

class StateDirectory {
 public:
  // Only names; nothing is made. Large files live below `cache_dir`, if one is given.
  explicit StateDirectory(std::filesystem::path path, std::filesystem::path cache_dir = {});

  // Makes what is missing with mode 0700. The error says what to do when it cannot be written to or its name is too
  // long for the sockets in it.
  Result<void> make() const;
  // One daemon for each state directory, and for each cache: `conflict` while another holds one of them. Held until
  // destruction.
  Result<void> lock();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path identity() const { return path_ / "identity"; }
  std::filesystem::path pause_file() const { return path_ / "paused"; }
  std::filesystem::path history_file() const { return path_ / "history.json"; }
  std::filesystem::path run() const { return path_ / "run"; }
  // Of answers that are kept while there is no connection.
  std::filesystem::path spool() const { return path_ / "spool"; }
  std::filesystem::path control_socket() const { return run() / "control.sock"; }
  std::filesystem::path blobs() const { return cache_ / "blobs"; }
  std::filesystem::path engines() const { return cache_ / "engines"; }

 private:
  std::filesystem::path path_;
  std::filesystem::path cache_;
  FileDescriptor lock_;
  FileDescriptor cache_lock_;
};

}  // namespace gogrid::worker
