#include "worker/sandbox/control_group.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <vector>

#include "base/encoding.hpp"
#include "worker/sandbox/kernel_text.hpp"

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
bool enable_controller(const std::filesystem::path& group, std::string_view controller) {
  if (!has_word(read_line(group / "cgroup.controllers"), controller, ' ')) return false;
  if (has_word(read_line(group / "cgroup.subtree_control"), controller, ' ')) return true;
  const std::string enable = "+" + std::string(controller);
  if (write_text(group / "cgroup.subtree_control", enable)) return true;
  std::string processes = read_text(group / "cgroup.procs");
  if (processes != std::to_string(::getpid()) + "\n") return false;
  const auto aside = group / "gogrid-worker";
  if (::mkdir(aside.c_str(), 0755) != 0 && errno != EEXIST) return false;
  if (!write_text(aside / "cgroup.procs", "0")) return false;
  return write_text(group / "cgroup.subtree_control", enable);
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

OwnGroups::OwnGroups()
    : cgroup_text_(read_text("/proc/self/cgroup")), mountinfo_text_(read_text("/proc/self/mountinfo")) {}

std::filesystem::path OwnGroups::first(std::string_view controller) const {
  return find_control_group(cgroup_text_, mountinfo_text_, 1, controller);
}

std::filesystem::path OwnGroups::second(std::string_view controller) const {
  const auto group = find_control_group(cgroup_text_, mountinfo_text_, 2);
  return !group.empty() && enable_controller(group, controller) ? group : std::filesystem::path();
}

std::uint64_t OwnGroups::memory_bytes() const {
  return std::min(group_memory_bytes(find_control_group(cgroup_text_, mountinfo_text_, 1)),
                  group_memory_bytes(find_control_group(cgroup_text_, mountinfo_text_, 2)));
}

std::unique_ptr<ControlGroup> ControlGroup::make(const std::filesystem::path& parent) {
  if (parent.empty() || ::access(parent.c_str(), W_OK) != 0) return nullptr;
  remove_left_groups(parent);
  // Random, not the pid: workers in other process namespaces may share the hierarchy.
  const auto path = parent / (std::string(group_prefix) + to_hex(as_bytes(random_bytes(8))));
  if (::mkdir(path.c_str(), 0755) != 0) return nullptr;
  FileDescriptor lock = lock_group(path);
  auto processes = open_file(path / "cgroup.procs", O_WRONLY);
  if (!lock || !processes) {
    ::rmdir(path.c_str());
    return nullptr;
  }
  return std::unique_ptr<ControlGroup>(new ControlGroup(path, std::move(lock), std::move(*processes)));
}

ControlGroup::ControlGroup(std::filesystem::path path, FileDescriptor lock, FileDescriptor processes)
    : path_(std::move(path)), lock_(std::move(lock)), processes_(std::move(processes)) {}

ControlGroup::~ControlGroup() {
  processes_.reset();
  ::rmdir(path_.c_str());
}

bool ControlGroup::set(const char* file, const std::string& value) const { return write_text(path_ / file, value); }

std::optional<std::uint64_t> ControlGroup::number(const char* file, std::string_view key) const {
  return number_after(read_text(path_ / file), key);
}

}  // namespace gogrid::worker
