// MemoryLimit: how much memory the engines may use, and what holds them to it: a control group of their own where the
// worker may make one (version 2 or 1), otherwise a limit on each process. Owned by the sandbox; event loop thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/result.hpp"

namespace gogrid::worker {

class MemoryLimit {
 public:
  // Tries control groups, then falls back: never fails. `bytes` is the limit for all engines together, or for each of
  // them where there is no control group; 0: no limit.
  explicit MemoryLimit(std::uint64_t bytes);
  // Removes the control group, if it is empty.
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

  std::uint64_t bytes() const { return bytes_; }
  // Writing "0" here puts the writing process into the group; -1 where there is none.
  int group_processes_fd() const { return processes_.get(); }
  bool has_group() const { return static_cast<bool>(processes_); }
  // "control group v2, 12.0 GB for all engines"
  std::string description() const;

 private:
  bool use_group(const std::filesystem::path& parent, const char* limit_file, int version);

  std::uint64_t bytes_;
  std::filesystem::path group_;
  FileDescriptor lock_;
  FileDescriptor processes_;
  int version_ = 0;
};

// The memory controller's directory of this process, read off /proc/self/cgroup and /proc/self/mountinfo; empty: none.
std::filesystem::path find_memory_group(std::string_view cgroup_text, std::string_view mountinfo_text, int version);

// The limit for a setting of `max_memory_gb` on this machine: 0 leaves a tenth of its memory to others.
std::uint64_t memory_limit_bytes(double max_memory_gb, std::uint64_t machine_bytes);

// Bytes of memory in this machine.
std::uint64_t machine_memory_bytes();

}  // namespace gogrid::worker
