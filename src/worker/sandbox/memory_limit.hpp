// MemoryLimit: how much memory, and how many tasks, the engines may use, and what holds them to it: control groups of
// their own where the worker may make them (version 2 or 1), otherwise limits on each process. Owned by the sandbox;
// event loop thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"

namespace gogrid::worker {

// Threads and processes of engines: enough for the largest, and nothing to a machine's table of them.
inline constexpr std::uint64_t max_engine_tasks = 8192;
// Those that run now, of everybody.
std::uint64_t machine_tasks();

class MemoryLimit {
 public:
  // Tries control groups, then falls back: never fails. `bytes` is the limit for all engines together, or for each of
  // them where there is no control group; 0: no limit.
  explicit MemoryLimit(std::uint64_t bytes);
  // Removes the control groups, if they are empty.
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

  std::uint64_t bytes() const { return bytes_; }
  // Writing "0" to each puts the writing process into the groups.
  std::vector<int> group_processes_fds() const;
  bool has_group() const { return version_ != 0; }
  bool limits_tasks() const { return limits_tasks_; }
  // "control group v2, 12.0 GB for all engines"
  std::string description() const;

 private:
  struct Group {
    std::filesystem::path path;
    FileDescriptor lock;
    FileDescriptor processes;
  };
  bool use_group(const std::filesystem::path& parent, const char* limit_file, std::uint64_t limit);

  std::uint64_t bytes_;
  std::vector<Group> groups_;
  int version_ = 0;
  bool limits_tasks_ = false;
};

// A controller's directory of this process, read off /proc/self/cgroup and /proc/self/mountinfo; empty: none. Version 2
// has one for all controllers.
std::filesystem::path find_control_group(std::string_view cgroup_text, std::string_view mountinfo_text, int version,
                                         std::string_view controller = "memory");
// The least that `group` and those above it allow; the largest number: no limit.
std::uint64_t group_memory_bytes(std::filesystem::path group);

// The limit for a setting of `max_memory_gb` on this machine: 0 leaves a tenth of its memory to others.
std::uint64_t memory_limit_bytes(double max_memory_gb, std::uint64_t machine_bytes);

// What this process may use: the machine's memory, or what the control group that it was started in allows.
std::uint64_t available_memory_bytes();

// What the coordinator may plan with: what the owner offers, at most what is there.
std::uint64_t offered_memory_bytes(double max_memory_gb, std::uint64_t available_bytes);

}  // namespace gogrid::worker
