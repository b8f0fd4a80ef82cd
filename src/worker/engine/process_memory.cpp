#include "worker/engine/process_memory.hpp"

#include <charconv>
#include <string>
#include <vector>

#include "base/file.hpp"

namespace gogrid::worker {
namespace {

constexpr std::size_t max_proc_file_bytes = 256 * 1024;
constexpr std::size_t max_processes = 256;

// The number after `name` at the beginning of a line.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    std::uint64_t number = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), number).ec != std::errc()) return std::nullopt;
    return number;
  }
  return std::nullopt;
}

std::vector<pid_t> children(pid_t pid) {
  const std::string id = std::to_string(pid);
  const auto text = read_file("/proc/" + id + "/task/" + id + "/children", max_proc_file_bytes);
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

std::optional<HostMemory> parse_smaps_rollup(std::string_view text) {
  constexpr std::uint64_t kibibyte = 1024;
  const auto all = number_after(text, "Pss:");
  if (!all) return std::nullopt;
  HostMemory memory;
  memory.mapped_bytes = std::min(number_after(text, "Pss_File:").value_or(0), *all) * kibibyte;
  memory.held_bytes = *all * kibibyte - memory.mapped_bytes + number_after(text, "SwapPss:").value_or(0) * kibibyte;
  return memory;
}

std::vector<pid_t> descendants(pid_t pid) {
  std::vector<pid_t> found = children(pid);
  for (std::size_t i = 0; i < found.size() && found.size() < max_processes; ++i) {
    for (const pid_t child : children(found[i]))
      found.push_back(child);
  }
  return found;
}

std::optional<HostMemory> read_host_memory(pid_t pid) {
  std::optional<HostMemory> sum;
  std::vector<pid_t> processes = descendants(pid);
  processes.push_back(pid);
  for (const pid_t process : processes) {
    const auto text = read_file("/proc/" + std::to_string(process) + "/smaps_rollup", max_proc_file_bytes);
    const auto memory = text ? parse_smaps_rollup(*text) : std::nullopt;
    if (!memory) continue;
    if (!sum) sum.emplace();
    sum->held_bytes += memory->held_bytes;
    sum->mapped_bytes += memory->mapped_bytes;
  }
  return sum;
}

std::optional<std::uint64_t> parse_oom_kills(std::string_view vmstat) { return number_after(vmstat, "oom_kill "); }

std::optional<std::uint64_t> read_oom_kills() {
  const auto text = read_file("/proc/vmstat", max_proc_file_bytes);
  return text ? parse_oom_kills(*text) : std::nullopt;
}

}  // namespace gogrid::worker
