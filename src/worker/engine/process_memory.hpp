// What memory of the machine a program and those it started hold, off /proc. Reading it walks their page tables, which
// takes a while for a large model: on a pool.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace gogrid::worker {

struct HostMemory {
  // Shared pages count by their share (PSS).
  std::uint64_t held_bytes = 0;
  // Pages of files that are mapped, a model's weights above all: the system can drop them and read them again.
  std::uint64_t mapped_bytes = 0;
};

// /proc/PID/smaps_rollup (Linux' Documentation/filesystems/proc.rst), older kernels' without Pss_Anon included; nullopt
// for anything else.
std::optional<HostMemory> parse_smaps_rollup(std::string_view text);

// Of `pid` and all its descendants; nullopt when nothing of it can be read.
std::optional<HostMemory> read_host_memory(pid_t pid);

// Those that it started, and those that they started, as far as they can be seen.
std::vector<pid_t> descendants(pid_t pid);

// How many processes the kernel has ended because memory was short, of the whole machine (/proc/vmstat); nullopt when
// it does not say.
std::optional<std::uint64_t> parse_oom_kills(std::string_view vmstat);
std::optional<std::uint64_t> read_oom_kills();

}  // namespace gogrid::worker
