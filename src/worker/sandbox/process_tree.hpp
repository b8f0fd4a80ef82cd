// A process and what it started, off /proc: an engine is its sandbox's first process and those below it. Any thread.
#pragma once

#include <sys/types.h>

#include <vector>

namespace gogrid::worker {

// `pid` and all its descendants, it first; at most 256.
std::vector<pid_t> process_tree(pid_t pid);

}  // namespace gogrid::worker
