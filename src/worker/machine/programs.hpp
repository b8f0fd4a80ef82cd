// Programs: whether one of the programs on a list runs, a game for example. The kernel tells of each program that
// starts where it may (process events), otherwise /proc is looked at now and then; of those that were found it always
// tells when they end. With an empty list nothing is done at all. Event loop thread.
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"
#include "base/task_group.hpp"

namespace gogrid::worker {

// Without regard to case; "*" stands for any text, also for none.
bool matches_pattern(std::string_view pattern, std::string_view name);
// `command` is the kernel's name of a process, which has 15 bytes at most; `program` its file's, or empty where that is
// not shown.
bool matches_program(std::string_view pattern, std::string_view command, std::string_view program);

struct RunningProgram {
  pid_t pid = 0;
  std::string name;

  bool operator==(const RunningProgram&) const = default;
};

struct ProgramsOptions {
  // Ask the kernel to tell.
  bool use_events = true;
  // Between two looks, where it does not.
  std::chrono::milliseconds look_pause{10'000};
};

class Programs {
 public:
  // `on_change`: another set of programs runs.
  Programs(boost::asio::any_io_executor executor, ProgramsOptions options, std::function<void()> on_change);
  ~Programs();

  // Of the programs that are looked for. Takes effect at once.
  void set_patterns(std::vector<std::string> patterns);
  // Both may be called again and again.
  void start();
  void stop();
  // After stop().
  boost::asio::awaitable<void> stopped();

  // At most 64 of them.
  const std::vector<RunningProgram>& running() const { return running_; }
  // Why the kernel does not tell when one starts; empty: it does, or nothing is looked for.
  const std::string& trouble() const { return trouble_; }

 private:
  struct Watch;
  void begin();
  void end();
  boost::asio::awaitable<void> watch(std::shared_ptr<Watch> watch);
  boost::asio::awaitable<Result<void>> hear_events(std::shared_ptr<Watch> watch);
  boost::asio::awaitable<void> wait_for_end(std::shared_ptr<Watch> watch, std::shared_ptr<FileDescriptor> process,
                                            pid_t pid);
  void look(const std::shared_ptr<Watch>& watch);
  bool look_at(const std::shared_ptr<Watch>& watch, pid_t pid);
  void forget(const std::shared_ptr<Watch>& watch, pid_t pid);

  boost::asio::any_io_executor executor_;
  ProgramsOptions options_;
  std::function<void()> on_change_;
  std::vector<std::string> patterns_;
  std::vector<RunningProgram> running_;
  std::string trouble_;
  bool started_ = false;
  // While it is started and there is something to look for.
  std::shared_ptr<Watch> watch_;
  TaskGroup tasks_;
};

// What the kernel's process events say, message by message.
struct ProcessEvent {
  enum class Kind {
    accepted,  // events will come
    refused,   // none will
    program,   // the process is another program, or has another name
    other,
  };
  Kind kind = Kind::other;
  pid_t pid = 0;
  int error = 0;
};
// Of a datagram of the kernel's; what is cut off or strange is left out.
std::vector<ProcessEvent> parse_process_events(std::span<const std::byte> datagram);

}  // namespace gogrid::worker
