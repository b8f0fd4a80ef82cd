#include "worker/sandbox/process_tree.hpp"

#include <charconv>
#include <string>

#include "base/file.hpp"

namespace gogrid::worker {
namespace {

constexpr std::size_t max_children_bytes = 256 * 1024;
constexpr std::size_t max_processes = 256;

std::vector<pid_t> children(pid_t pid) {
  const std::string id = std::to_string(pid);
  const auto text = read_file("/proc/" + id + "/task/" + id + "/children", max_children_bytes);
  std::vector<pid_t> found;
  if (!text) return found;
  const char* at = text->data();
  const char* const end = at + text->size();
  while (at < end) {
    pid_t child = 0;
    const auto parsed = std::from_chars(at, end, child);
    if (parsed.ec == std::errc()) found.push_back(child);
    at = parsed.ptr + 1;
  }
  return found;
}

}  // namespace

std::vector<pid_t> process_tree(pid_t pid) {
  std::vector<pid_t> processes = {pid};
  for (std::size_t i = 0; i < processes.size(); ++i) {
    for (const pid_t child : children(processes[i])) {
      if (processes.size() == max_processes) return processes;
      processes.push_back(child);
    }
  }
  return processes;
}

}  // namespace gogrid::worker
