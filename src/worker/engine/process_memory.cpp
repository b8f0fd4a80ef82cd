#include "worker/engine/process_memory.hpp"

#include <algorithm>
#include <string>

#include "base/file.hpp"
#include "worker/sandbox/kernel_text.hpp"
#include "worker/sandbox/process_tree.hpp"

namespace gogrid::worker {
namespace {

constexpr std::size_t max_proc_file_bytes = 256 * 1024;

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

std::optional<HostMemory> read_host_memory(pid_t pid) {
  std::optional<HostMemory> sum;
  for (const pid_t one : process_tree(pid)) {
    const auto text = read_file("/proc/" + std::to_string(one) + "/smaps_rollup", max_proc_file_bytes);
    const auto memory = text ? parse_smaps_rollup(*text) : std::nullopt;
    if (!memory) continue;
    if (!sum) sum.emplace();
    sum->held_bytes += memory->held_bytes;
    sum->mapped_bytes += memory->mapped_bytes;
  }
  return sum;
}

}  // namespace gogrid::worker
