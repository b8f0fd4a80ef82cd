// What memory of the machine a program and those it started hold, off /proc. Reading it walks their page tables, which
// takes a while for a large model: on a pool.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

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

}  // namespace gogrid::worker
