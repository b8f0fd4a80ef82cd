#include "worker/sandbox/memory_limit.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
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
std::optional<std::string> own_path(std::string_view cgroup_text, int version) {
  for (const auto line : split(cgroup_text, '\n')) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const bool matches = version == 2 ? line.starts_with("0::") : has_word(controllers, "memory", ',');
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
bool enable_memory_controller(const std::filesystem::path& group) {
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

std::filesystem::path find_memory_group(std::string_view cgroup_text, std::string_view mountinfo_text, int version) {
  const auto own = own_path(cgroup_text, version);
  if (!own) return {};
  for (const auto line : split(mountinfo_text, '\n')) {
    // "36 35 98:0 /root /mount/point options... - type source super-options" (proc(5))
    const auto separator = line.find(" - ");
    if (separator == std::string_view::npos) continue;
    const auto before = split(line.substr(0, separator), ' ');
    const auto after = split(line.substr(separator + 3), ' ');
    if (before.size() < 6 || after.size() < 3) continue;
    const bool matches =
        version == 2 ? after[0] == "cgroup2" : after[0] == "cgroup" && has_word(after[2], "memory", ',');
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

std::uint64_t machine_memory_bytes() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

MemoryLimit::MemoryLimit(std::uint64_t bytes) : bytes_(bytes) {
  if (bytes_ == 0) return;
  const std::string cgroup = read_text("/proc/self/cgroup");
  const std::string mounts = read_text("/proc/self/mountinfo");
  const auto second = find_memory_group(cgroup, mounts, 2);
  if (!second.empty() && ::access(second.c_str(), W_OK) == 0 && enable_memory_controller(second) &&
      use_group(second, "memory.max", 2)) {
    return;
  }
  const auto first = find_memory_group(cgroup, mounts, 1);
  if (!first.empty() && ::access(first.c_str(), W_OK) == 0) use_group(first, "memory.limit_in_bytes", 1);
}

bool MemoryLimit::use_group(const std::filesystem::path& parent, const char* limit_file, int version) {
  remove_left_groups(parent);
  // Random, not the pid: workers in other process namespaces may share the hierarchy.
  const auto group = parent / (std::string(group_prefix) + to_hex(as_bytes(random_bytes(8))));
  if (::mkdir(group.c_str(), 0755) != 0) return false;
  auto lock = lock_group(group);
  if (!lock) return false;
  auto processes = open_file(group / "cgroup.procs", O_WRONLY);
  if (!write_text(group / limit_file, std::to_string(bytes_)) || !processes) {
    ::rmdir(group.c_str());
    return false;
  }
  // Swap would only move the trouble; not every kernel has these.
  write_text(group / (version == 2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes"),
             version == 2 ? "0" : std::to_string(bytes_));
  group_ = group;
  lock_ = std::move(lock);
  processes_ = std::move(*processes);
  version_ = version;
  return true;
}

MemoryLimit::~MemoryLimit() {
  processes_.reset();
  if (!group_.empty()) ::rmdir(group_.c_str());
}

std::string MemoryLimit::description() const {
  if (bytes_ == 0) return "no limit";
  const double gigabytes = static_cast<double>(bytes_) / 1e9;
  if (has_group()) return fmt::format("control group v{}, {:.1f} GB for all engines", version_, gigabytes);
  return fmt::format("process limit, {:.1f} GB for each engine (no control group may be made here)", gigabytes);
}

}  // namespace gogrid::worker
