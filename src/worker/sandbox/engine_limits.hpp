// EngineLimits: how much memory and processor time, and how many tasks, the engines may use, and what holds them to it:
// control groups of their own where the worker may make them (version 2 or 1), otherwise limits on each process. Owned
// by the sandbox; event loop thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "worker/sandbox/control_group.hpp"

namespace gogrid::worker {

struct ProcessOptions;

struct ResourceLimits {
  // For all engines together, or for each of them where there is no control group; 0: no limit.
  std::uint64_t memory_bytes = 0;
  // Of all the processors that the worker may use, for all engines together; 0: no limit.
  double cpu_percent = 0;
  // Engines run only when nobody else wants the processor or the disk; otherwise as everybody does.
  bool idle_priority = true;

  bool operator==(const ResourceLimits&) const = default;
};

// Threads and processes of engines: enough for the largest, and nothing to a machine's table of them.
inline constexpr std::uint64_t max_engine_tasks = 8192;
// Those that run now, of everybody.
std::uint64_t machine_tasks();

class EngineLimits {
 public:
  // Tries control groups, then falls back: never fails.
  explicit EngineLimits(ResourceLimits limits);
  ~EngineLimits();
  EngineLimits(const EngineLimits&) = delete;
  EngineLimits& operator=(const EngineLimits&) = delete;

  const ResourceLimits& limits() const { return limits_; }
  // For a process that is about to be started: it gets all that holds it.
  void apply(ProcessOptions& process) const;
  // Other limits, also for those that run: `engines` are their first processes, whose children count too. The error
  // says that more memory is in use and cannot be taken back; the processors are limited all the same. What a process
  // is started with it keeps: its own priority, and without a control group what it may allocate when that is raised.
  Result<void> set(ResourceLimits limits, const std::vector<pid_t>& engines);

  // The control group of version 2 that all engines are in; empty: there is none.
  std::filesystem::path group() const { return second_ ? second_->path() : std::filesystem::path(); }
  // One limit for all engines together, or one for each.
  bool shares_memory() const { return memory_ != nullptr; }
  // Memory that RLIMIT_DATA does not count has to be denied.
  bool counts_process_data() const { return !memory_ && limits_.memory_bytes > 0; }
  // An engine must not choose its processors itself.
  bool fixes_processors() const { return !processors_.empty(); }
  // More threads than this would only be in each other's way; 0: no such number.
  unsigned max_threads() const;
  // How often memory was so short that the kernel ended a process: an engine's by its group's limit, or else any of the
  // machine's; nullopt when it does not say.
  std::optional<std::uint64_t> oom_kills() const;
  // "memory: control group v2, 12.0 GB for all engines; processors: …"
  std::string description() const;

 private:
  void hold_memory(const OwnGroups& own);
  void hold_processors(const OwnGroups& own);
  void hold_tasks(const OwnGroups& own);
  std::shared_ptr<ControlGroup> own_group(const OwnGroups& own, const char* controller, int& version);
  bool set_memory(std::uint64_t bytes);
  bool set_quota(double percent);
  void set_priority(bool idle);
  std::vector<int> limited_processors() const;
  std::string memory_text() const;
  std::string processors_text() const;

  ResourceLimits limits_;
  // In version 2 one group is all three.
  std::shared_ptr<ControlGroup> second_;
  std::shared_ptr<ControlGroup> memory_;
  int memory_version_ = 0;
  std::shared_ptr<ControlGroup> processor_;
  int processor_version_ = 0;
  std::shared_ptr<ControlGroup> tasks_;
  // Without a group: those that engines may use; empty: all.
  std::vector<int> processors_;
};

// The processors that this process may use, by number.
std::vector<int> own_processors();
// The share of them that a percentage is: the last ones, at least one; all of them for 0.
std::vector<int> processor_share(const std::vector<int>& processors, double percent);
// Processor time in each period, in microseconds, for a percentage of `processors`.
std::uint64_t cpu_quota_us(double percent, std::size_t processors);
inline constexpr std::uint64_t cpu_period_us = 100'000;

// The limit for a setting of `max_memory_gb` on this machine: 0 leaves a tenth of its memory to others.
std::uint64_t memory_limit_bytes(double max_memory_gb, std::uint64_t machine_bytes);

// What this process may use: the machine's memory, or what the control group that it was started in allows.
std::uint64_t available_memory_bytes();

// What the coordinator may plan with: what the owner offers, at most what is there.
std::uint64_t offered_memory_bytes(double max_memory_gb, std::uint64_t available_bytes);

}  // namespace gogrid::worker
