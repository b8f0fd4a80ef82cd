#include "worker/sandbox/engine_limits.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <charconv>

#include "base/file.hpp"
#include "worker/sandbox/kernel_text.hpp"
#include "worker/sandbox/process.hpp"
#include "worker/sandbox/process_tree.hpp"

namespace gogrid::worker {
namespace {

constexpr rlim_t max_open_files = 4096;
constexpr std::size_t max_proc_file_bytes = 64 * 1024;
// What a group without a limit of memory is told, in version 1 as well.
constexpr const char* no_limit[] = {"-1", "max"};
// A thread that is made while we look at the others is seen by the next look.
constexpr int max_looks = 4;

// Of each of the processes and their threads.
template <class Change>
void for_each_thread(const std::vector<pid_t>& engines, Change change) {
  for (const pid_t engine : engines) {
    for (const pid_t pid : process_tree(engine)) {
      std::error_code error;
      for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", error)) {
        const std::string name = task.path().filename().string();
        pid_t thread = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), thread).ec == std::errc()) change(thread);
      }
    }
  }
}

void move_to_processors(const std::vector<pid_t>& engines, const std::vector<int>& processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int processor : processors)
    CPU_SET(static_cast<std::size_t>(processor), &set);
  for (int look = 0; look < max_looks; ++look)
    for_each_thread(engines, [&set](pid_t thread) { ::sched_setaffinity(thread, sizeof set, &set); });
}

}  // namespace

std::vector<int> own_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return processors;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(static_cast<std::size_t>(i), &set)) processors.push_back(i);
  }
  return processors;
}

std::vector<int> processor_share(const std::vector<int>& processors, double percent) {
  if (percent <= 0 || percent >= 100 || processors.empty()) return processors;
  const auto share = static_cast<std::size_t>(static_cast<double>(processors.size()) * percent / 100);
  // The first one serves most of the machine's interrupts.
  return {processors.end() - static_cast<std::ptrdiff_t>(std::max<std::size_t>(share, 1)), processors.end()};
}

std::uint64_t cpu_quota_us(double percent, std::size_t processors) {
  const double quota = percent / 100 * static_cast<double>(processors) * static_cast<double>(cpu_period_us);
  // The kernel's least.
  constexpr std::uint64_t least_us = 1000;
  return std::max(least_us, static_cast<std::uint64_t>(quota));
}

std::uint64_t memory_limit_bytes(double max_memory_gb, std::uint64_t machine_bytes) {
  if (max_memory_gb > 0) return static_cast<std::uint64_t>(max_memory_gb * 1e9);
  return machine_bytes / 10 * 9;
}

std::uint64_t available_memory_bytes() {
  const std::uint64_t bytes =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return std::min(bytes, OwnGroups().memory_bytes());
}

std::uint64_t offered_memory_bytes(double max_memory_gb, std::uint64_t available_bytes) {
  return max_memory_gb > 0 ? std::min(available_bytes, memory_limit_bytes(max_memory_gb, available_bytes))
                           : available_bytes;
}

std::uint64_t machine_tasks() {
  // "0.20 0.18 0.12 1/80 11206": the fourth is running/all.
  const auto text = read_file("/proc/loadavg", max_proc_file_bytes);
  std::uint64_t tasks = 0;
  const auto slash = text ? text->find('/') : std::string::npos;
  if (slash != std::string::npos) std::from_chars(text->data() + slash + 1, text->data() + text->size(), tasks);
  return tasks;
}

EngineLimits::EngineLimits(ResourceLimits limits) : limits_(limits) {
  const OwnGroups own;
  hold_memory(own);
  hold_processors(own);
  hold_tasks(own);
}

EngineLimits::~EngineLimits() = default;

std::shared_ptr<ControlGroup> EngineLimits::own_group(const OwnGroups& own, const char* controller, int& version) {
  version = 2;
  if (const auto parent = own.second(controller); !parent.empty()) {
    if (!second_) second_ = ControlGroup::make(parent);
    if (second_) return second_;
  }
  version = 1;
  return ControlGroup::make(own.first(controller));
}

void EngineLimits::hold_memory(const OwnGroups& own) {
  memory_ = own_group(own, "memory", memory_version_);
  if (memory_ && !set_memory(limits_.memory_bytes)) memory_ = nullptr;
  if (!memory_) return;
  // The kernel ends the engine, and not the whole group, one model's memory for another's.
  if (memory_version_ == 2) memory_->set("memory.oom.group", "0");
}

bool EngineLimits::set_memory(std::uint64_t bytes) {
  const std::string text = bytes > 0 ? std::to_string(bytes) : no_limit[memory_version_ - 1];
  // Swap would only move the trouble; not every kernel has these.
  if (memory_version_ == 2) {
    memory_->set("memory.swap.max", bytes > 0 ? "0" : "max");
    return memory_->set("memory.max", text);
  }
  // Version 1 wants the one for memory and swap never below the one for memory: which goes first depends.
  memory_->set("memory.memsw.limit_in_bytes", no_limit[0]);
  if (!memory_->set("memory.limit_in_bytes", text)) return false;
  memory_->set("memory.memsw.limit_in_bytes", text);
  return true;
}

void EngineLimits::hold_processors(const OwnGroups& own) {
  processor_ = own_group(own, "cpu", processor_version_);
  if (processor_ && !set_quota(limits_.cpu_percent)) processor_ = nullptr;
  if (processor_) {
    set_priority(limits_.idle_priority);
  } else {
    processors_ = limited_processors();
  }
}

// A group's counts among the groups beside it.
void EngineLimits::set_priority(bool idle) {
  if (processor_->set("cpu.idle", idle ? "1" : "0")) return;
  // Before Linux 5.15: the least share that there is, or the usual one.
  if (processor_version_ == 2) {
    processor_->set("cpu.weight", idle ? "1" : "100");
  } else {
    processor_->set("cpu.shares", idle ? "2" : "1024");
  }
}

bool EngineLimits::set_quota(double percent) {
  const auto count = own_processors().size();
  const bool limited = percent > 0 && percent < 100 && count > 0;
  const std::string quota = limited ? std::to_string(cpu_quota_us(percent, count)) : no_limit[processor_version_ - 1];
  const std::string period = std::to_string(cpu_period_us);
  if (processor_version_ == 2) return processor_->set("cpu.max", quota + " " + period);
  return processor_->set("cpu.cfs_period_us", period) && processor_->set("cpu.cfs_quota_us", quota);
}

std::vector<int> EngineLimits::limited_processors() const {
  const auto own = own_processors();
  auto share = processor_share(own, limits_.cpu_percent);
  return share.size() < own.size() ? std::move(share) : std::vector<int>();
}

void EngineLimits::hold_tasks(const OwnGroups& own) {
  int version = 0;
  tasks_ = own_group(own, "pids", version);
  if (tasks_ && !tasks_->set("pids.max", std::to_string(max_engine_tasks))) tasks_ = nullptr;
}

void EngineLimits::apply(ProcessOptions& process) const {
  process.background = limits_.idle_priority;
  process.processors = processors_;
  process.limits = {{RLIMIT_CORE, 0}, {RLIMIT_NOFILE, max_open_files}};
  if (!tasks_) process.limits.emplace_back(RLIMIT_NPROC, machine_tasks() + max_engine_tasks);
  // RLIMIT_DATA counts what a process allocates and not the model it maps; RLIMIT_AS would count both and every
  // reserved stack.
  if (!memory_ && limits_.memory_bytes > 0) process.limits.emplace_back(RLIMIT_DATA, limits_.memory_bytes);
  std::vector<const ControlGroup*> groups;
  for (const ControlGroup* group : {memory_.get(), processor_.get(), tasks_.get()}) {
    if (group == nullptr || std::find(groups.begin(), groups.end(), group) != groups.end()) continue;
    groups.push_back(group);
    process.group_processes_fds.push_back(group->processes_fd());
  }
}

Result<void> EngineLimits::set(ResourceLimits limits, const std::vector<pid_t>& engines) {
  const ResourceLimits before = std::exchange(limits_, limits);
  if (limits.cpu_percent != before.cpu_percent) {
    if (processor_) {
      set_quota(limits.cpu_percent);
    } else {
      processors_ = limited_processors();
      move_to_processors(engines, processors_.empty() ? own_processors() : processors_);
    }
  }
  if (processor_ && limits.idle_priority != before.idle_priority) set_priority(limits.idle_priority);
  if (limits.memory_bytes == before.memory_bytes) return {};
  if (memory_) {
    if (set_memory(limits.memory_bytes)) return {};
    limits_.memory_bytes = before.memory_bytes;
    set_memory(before.memory_bytes);
    return Error(ErrorCode::resource_exhausted, "engines hold more memory than that, and it cannot be taken back");
  }
  // Only root may raise it for those that run.
  const rlimit data{limits.memory_bytes > 0 ? limits.memory_bytes : RLIM_INFINITY,
                    limits.memory_bytes > 0 ? limits.memory_bytes : RLIM_INFINITY};
  for (const pid_t engine : engines) {
    for (const pid_t pid : process_tree(engine))
      ::prlimit(pid, RLIMIT_DATA, &data, nullptr);
  }
  return {};
}

unsigned EngineLimits::max_threads() const {
  const auto own = own_processors();
  const auto share = processor_share(own, limits_.cpu_percent);
  return share.size() < own.size() ? static_cast<unsigned>(share.size()) : 0;
}

std::optional<std::uint64_t> EngineLimits::oom_kills() const {
  if (memory_ && memory_version_ == 2) return memory_->number("memory.events", "oom_kill");
  if (memory_) return memory_->number("memory.oom_control", "oom_kill");
  const auto machine = read_file("/proc/vmstat", max_proc_file_bytes);
  return machine ? number_after(*machine, "oom_kill") : std::nullopt;
}

std::string EngineLimits::memory_text() const {
  if (limits_.memory_bytes == 0) return "no limit";
  const double gigabytes = static_cast<double>(limits_.memory_bytes) / 1e9;
  if (memory_) return fmt::format("control group v{}, {:.1f} GB for all engines", memory_version_, gigabytes);
  return fmt::format("soft limit, {:.1f} GB for each engine (no control group may be made here)", gigabytes);
}

std::string EngineLimits::processors_text() const {
  const auto count = own_processors().size();
  if (limits_.cpu_percent <= 0 || limits_.cpu_percent >= 100) return "no limit";
  if (processor_) {
    return fmt::format("control group v{}, {:g} % of {} for all engines", processor_version_, limits_.cpu_percent,
                       count);
  }
  // Where it is more than what was asked for, that is said too.
  return fmt::format("engines are kept on {} of {}, as {:g} % (no control group may be made here)",
                     processors_.empty() ? count : processors_.size(), count, limits_.cpu_percent);
}

std::string EngineLimits::description() const {
  return "memory: " + memory_text() + "; processors: " + processors_text() +
         (limits_.idle_priority ? ", after everybody else" : "");
}

}  // namespace gogrid::worker
