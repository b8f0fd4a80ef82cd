// The system calls an engine may make: a list of what computing, files, threads and Unix sockets need. All else fails
// with ENOSYS. Nobody's: a value made at start-up.
#pragma once

#include "base/file.hpp"
#include "base/result.hpp"

namespace gogrid::worker {

struct SeccompOptions {
  // Allows what the drivers of GPUs ask of their device nodes.
  bool gpu = false;
  // Denies memory that RLIMIT_DATA does not count: shared, in files without a name, or growing downwards.
  bool counted_memory_only = false;
  // Denies choosing other processors.
  bool fixed_processors = false;
};

// The compiled filter in a sealed memory file, ready for bubblewrap's --seccomp. Its offset must be 0 for each reader:
// pass each process its own copy.
Result<FileDescriptor> compile_seccomp_filter(const SeccompOptions& options);

}  // namespace gogrid::worker
