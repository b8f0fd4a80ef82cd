// Process: one child with its output, started with nothing of ours but what it is given, and gone when we are; so are
// its own children, which come to us when it ends (the program becomes their reaper). Whoever starts processes in
// another way loses them here. Exit comes as an event (pidfd), never by polling. Used on the executor's thread.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"

namespace gogrid::worker {

struct ProcessOptions {
  // argv[0] is the program's absolute path.
  std::vector<std::string> arguments;
  // "NAME=value"; nothing is inherited.
  std::vector<std::string> environment;
  // Empty: "/".
  std::string directory;
  // Become descriptors 3, 4, … of the child. Standard input is /dev/null, output and errors are read by us.
  std::vector<FileDescriptor> descriptors;
  // RLIMIT_…; where the system allows less, that.
  std::vector<std::pair<int, rlim_t>> limits;
  // cgroup.procs files of the groups to enter.
  std::vector<int> group_processes_fds;
  // The least claim on the machine that there is: on its processors, on its disks.
  bool background = false;
  // Those it may use, by number; empty: all.
  std::vector<int> processors;
};

struct ExitStatus {
  int code = 0;    // when it exited
  int signal = 0;  // when a signal ended it

  bool success() const { return code == 0 && signal == 0; }
  // "exited with code 1", "was killed by signal 9 (Killed)"
  std::string text() const;
};

class Process {
 public:
  // The child dies with the calling thread: call it on the event loop's. It is the first to go when the machine runs
  // out of memory. The error names the step that failed; not_found when the program is missing.
  static Result<std::unique_ptr<Process>> start(boost::asio::any_io_executor executor, ProcessOptions options);
  // Kills and reaps it.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // 0 once it was reaped: another process may have the number then.
  pid_t pid() const { return status_ ? 0 : pid_; }
  // SIGKILL to it and its process group, which is a session of its own.
  void kill() noexcept;
  // Completes when it has ended and was reaped.
  boost::asio::awaitable<ExitStatus> exited();
  // Hands each part of its output to `sink`, until it and all who share its output are gone. Call once.
  boost::asio::awaitable<void> read_output(std::function<void(std::string_view)> sink);

 private:
  struct Handles;
  Process(pid_t pid, std::unique_ptr<Handles> handles);
  void reap(bool wait);

  pid_t pid_;
  std::unique_ptr<Handles> handles_;
  std::optional<ExitStatus> status_;
};

}  // namespace gogrid::worker
