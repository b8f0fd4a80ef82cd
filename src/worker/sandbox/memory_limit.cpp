#include "worker/sandbox/memory_limit.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <vector>

#include "base/encoding.hpp"

namespace gogrid::worker {
namespace {

constexpr std::string_view group_prefix = "gogrid-engines-";
constexpr std::size_t max_proc_file_bytes = 1024 * 1024;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    if (end != 0 && !text.empty()) parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool has_word(std::string_view text, std::string_view word, char separator) {
  for (const auto part : split(text, separator)) {
    if (part == word) return true;
  }
  return false;
}

// The path of this process in the hierarchy, as the line of /proc/self/cgroup says it ("0::/x" or "4:memory:/x").
std::optional<std::string> own_path(std::string_view cgroup_text, int version, std::string_view controller) {
  for (const auto line : split(cgroup_text, '\n')) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const bool matches = version == 2 ? line.starts_with("0::") : has_word(controllers, controller, ',');
    if (matches) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

bool write_text(const std::filesystem::path& path, const std::string& text) {
  auto file = open_file(path, O_WRONLY);
  return file && ::write(file->get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::string read_text(const std::filesystem::path& path) {
  auto text = read_file(path, max_proc_file_bytes);
  return text ? std::move(*text) : std::string();
}

std::string read_line(const std::filesystem::path& path) {
  std::string text = read_text(path);
  return text.substr(0, text.find('\n'));
}

// Version 2 lets a group have processes or limited children, not both: this one steps aside, if it is alone.
bool enable_controllers(const std::filesystem::path& group) {
  if (!has_word(read_line(group / "cgroup.controllers"), "memory", ' ')) return false;
  if (has_word(read_line(group / "cgroup.subtree_control"), "memory", ' ')) return true;
  std::string processes = read_text(group / "cgroup.procs");
  if (processes != std::to_string(::getpid()) + "\n") return false;
  const auto aside = group / "gogrid-worker";
  if (::mkdir(aside.c_str(), 0755) != 0 && errno != EEXIST) return false;
  if (!write_text(aside / "cgroup.procs", "0")) return false;
  return write_text(group / "cgroup.subtree_control", "+memory");
}

// A worker holds a lock on its group's directory for as long as it lives.
FileDescriptor lock_group(const std::filesystem::path& group) {
  auto directory = open_file(group, O_RDONLY | O_DIRECTORY);
  if (!directory || ::flock(directory->get(), LOCK_EX | LOCK_NB) != 0) return FileDescriptor();
  return std::move(*directory);
}

// Groups of workers that were killed: nobody holds their lock.
void remove_left_groups(const std::filesystem::path& parent) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
    if (!entry.path().filename().string().starts_with(group_prefix)) continue;
    if (lock_group(entry.path())) ::rmdir(entry.path().c_str());
  }
}

}  // namespace

std::filesystem::path find_control_group(std::string_view cgroup_text, std::string_view mountinfo_text, int version,
                                         std::string_view controller) {
  const auto own = own_path(cgroup_text, version, controller);
  if (!own) return {};
  for (const auto line : split(mountinfo_text, '\n')) {
    // "36 35 98:0 /root /mount/point options... - type source super-options" (proc(5))
    const auto separator = line.find(" - ");
    if (separator == std::string_view::npos) continue;
    const auto before = split(line.substr(0, separator), ' ');
    const auto after = split(line.substr(separator + 3), ' ');
    if (before.size() < 6 || after.size() < 3) continue;
    const bool matches =
        version == 2 ? after[0] == "cgroup2" : after[0] == "cgroup" && has_word(after[2], controller, ',');
    if (!matches) continue;
    std::string_view path = *own;
    const std::string_view mounted = before[3];
    if (mounted != "/") {
      if (!path.starts_with(mounted)) continue;
      path.remove_prefix(mounted.size());
    }
    while (path.starts_with('/'))
      path.remove_prefix(1);
    return path.empty() ? std::filesystem::path(before[4]) : std::filesystem::path(before[4]) / path;
  }
  return {};
}

std::uint64_t memory_limit_bytes(double max_memory_gb, std::uint64_t machine_bytes) {
  if (max_memory_gb > 0) return static_cast<std::uint64_t>(max_memory_gb * 1e9);
  return machine_bytes / 10 * 9;
}

std::uint64_t group_memory_bytes(std::filesystem::path group) {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (; group.has_relative_path(); group = group.parent_path()) {
    for (const char* file : {"memory.max", "memory.limit_in_bytes"}) {
      const std::string text = read_line(group / file);
      std::uint64_t bytes = 0;
      // "max" is no number.
      if (std::from_chars(text.data(), text.data() + text.size(), bytes).ec == std::errc())
        least = std::min(least, bytes);
    }
  }
  return least;
}

std::uint64_t available_memory_bytes() {
  std::uint64_t bytes =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::string cgroup = read_text("/proc/self/cgroup");
  const std::string mounts = read_text("/proc/self/mountinfo");
  for (const int version : {1, 2})
    bytes = std::min(bytes, group_memory_bytes(find_control_group(cgroup, mounts, version)));
  return bytes;
}

std::uint64_t offered_memory_bytes(double max_memory_gb, std::uint64_t available_bytes) {
  return max_memory_gb > 0 ? std::min(available_bytes, memory_limit_bytes(max_memory_gb, available_bytes))
                           : available_bytes;
}

std::uint64_t machine_tasks() {
  // "0.20 0.18 0.12 1/80 11206": the fourth is running/all.
  const std::string text = read_line("/proc/loadavg");
  std::uint64_t tasks = 0;
  const auto slash = text.find('/');
  if (slash != std::string::npos) std::from_chars(text.data() + slash + 1, text.data() + text.size(), tasks);
  return tasks;
}

MemoryLimit::MemoryLimit(std::uint64_t bytes) : bytes_(bytes) {
  if (bytes_ == 0) return;
  const std::string cgroup = read_text("/proc/self/cgroup");
  const std::string mounts = read_text("/proc/self/mountinfo");
  // Swap would only move the trouble; not every kernel has these.
  const auto second = find_control_group(cgroup, mounts, 2);
  if (!second.empty() && enable_controllers(second) && use_group(second, "memory.max", bytes_)) {
    version_ = 2;
    write_text(groups_.back().path / "memory.swap.max", "0");
    write_text(second / "cgroup.subtree_control", "+pids");
    limits_tasks_ = write_text(groups_.back().path / "pids.max", std::to_string(max_engine_tasks));
    return;
  }
  if (use_group(find_control_group(cgroup, mounts, 1), "memory.limit_in_bytes", bytes_)) {
    version_ = 1;
    write_text(groups_.back().path / "memory.memsw.limit_in_bytes", std::to_string(bytes_));
  }
  limits_tasks_ = use_group(find_control_group(cgroup, mounts, 1, "pids"), "pids.max", max_engine_tasks);
}

bool MemoryLimit::use_group(const std::filesystem::path& parent, const char* limit_file, std::uint64_t limit) {
  if (parent.empty() || ::access(parent.c_str(), W_OK) != 0) return false;
  remove_left_groups(parent);
  // Random, not the pid: workers in other process namespaces may share the hierarchy.
  Group group;
  group.path = parent / (std::string(group_prefix) + to_hex(as_bytes(random_bytes(8))));
  if (::mkdir(group.path.c_str(), 0755) != 0) return false;
  group.lock = lock_group(group.path);
  if (!group.lock) return false;
  auto processes = open_file(group.path / "cgroup.procs", O_WRONLY);
  if (!write_text(group.path / limit_file, std::to_string(limit)) || !processes) {
    ::rmdir(group.path.c_str());
    return false;
  }
  group.processes = std::move(*processes);
  groups_.push_back(std::move(group));
  return true;
}

MemoryLimit::~MemoryLimit() {
  for (Group& group : groups_) {
    group.processes.reset();
    ::rmdir(group.path.c_str());
  }
}

std::vector<int> MemoryLimit::group_processes_fds() const {
  std::vector<int> descriptors;
  for (const Group& group : groups_)
    descriptors.push_back(group.processes.get());
  return descriptors;
}

std::string MemoryLimit::description() const {
  if (bytes_ == 0) return "no limit";
  const double gigabytes = static_cast<double>(bytes_) / 1e9;
  if (has_group()) return fmt::format("control group v{}, {:.1f} GB for all engines", version_, gigabytes);
  return fmt::format("soft limit, {:.1f} GB for each engine (no control group may be made here)", gigabytes);
}

}  // namespace gogrid::worker
