// ControlGroup: a group of processes of our own that the kernel holds to something: memory, processor time, tasks; in
// either version of control groups. And where such groups may be made. Owned by EngineLimits; event loop thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"

namespace gogrid::worker {

class ControlGroup {
 public:
  // A new group below `parent`; null where none may be made. Those that killed workers left there are removed.
  static std::unique_ptr<ControlGroup> make(const std::filesystem::path& parent);
  // Removes it, if it is empty.
  ~ControlGroup();
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;

  // False when the kernel does not know the file or refuses the value.
  bool set(const char* file, const std::string& value) const;
  // See number_after() (kernel_text.hpp).
  std::optional<std::uint64_t> number(const char* file, std::string_view key) const;
  const std::filesystem::path& path() const { return path_; }
  // Writing "0" to it puts the writing process into the group.
  int processes_fd() const { return processes_.get(); }

 private:
  ControlGroup(std::filesystem::path path, FileDescriptor lock, FileDescriptor processes);

  std::filesystem::path path_;
  FileDescriptor lock_;
  FileDescriptor processes_;
};

// Where this process is in the hierarchies, and what may be done below it.
struct OwnGroups {
  OwnGroups();

  // Version 1 has a hierarchy for each controller. Empty: it has none.
  std::filesystem::path first(std::string_view controller) const;
  // Version 2 has one for all; empty: there is none, or groups below this one cannot be given `controller`. Makes this
  // process step aside in its group, if it is alone there.
  std::filesystem::path second(std::string_view controller) const;
  // The least memory that the groups of either version allow; the largest number: no limit.
  std::uint64_t memory_bytes() const;

 private:
  std::string cgroup_text_;
  std::string mountinfo_text_;
};

// A controller's directory of this process, read off /proc/self/cgroup and /proc/self/mountinfo; empty: none. Version 2
// has one for all controllers.
std::filesystem::path find_control_group(std::string_view cgroup_text, std::string_view mountinfo_text, int version,
                                         std::string_view controller = "memory");
// The least that `group` and those above it allow; the largest number: no limit.
std::uint64_t group_memory_bytes(std::filesystem::path group);

}  // namespace gogrid::worker
