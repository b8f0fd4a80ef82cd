// What bubblewrap is told: the whole of the engine's world as one argument list. Pure, but for looking at how a host's
// own library directories are linked. bubblewrap is only as safe as these arguments.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/sandbox/gpu_devices.hpp"

namespace gogrid::worker {

// What a sandboxed program is and may see.
struct SandboxSpec {
  // A bundle's root file system, read-only; empty: the host's /usr and library directories, read-only.
  std::filesystem::path root;
  // Further host files or directories and where they appear, read-only. Below /models anything; elsewhere the place
  // must exist in `root`, or `root` be empty.
  std::vector<std::pair<std::filesystem::path, std::string>> read_only;
  // For a program that may use GPUs: those there are.
  std::optional<GpuDevices> gpu;
  // It may write to its own process's files in /proc, as to the names of its threads. Sandbox refuses it to root, who
  // stays root outside and could write to all of /proc.
  bool own_proc_files = false;
  std::vector<std::pair<std::string, std::string>> environment;
  // The program's path inside and its arguments.
  std::vector<std::string> command;
  std::uint64_t tmp_bytes = 64ull << 20;
};

// A small file system of its own: see SocketDirectory.
inline constexpr const char* sandbox_socket_dir = "/run/gogrid";
inline constexpr const char* sandbox_model_dir = "/models";
// The libraries of GpuDevices, in a bundle's world. Every bundle has this place to mount on.
inline constexpr const char* sandbox_library_dir = "/var/tmp";

// How the host provides a top-level directory such as /lib: a link's target, or empty for a real directory.
struct HostDirectory {
  std::string path;
  std::string link_target;
};
// Of /bin, /sbin, /lib and its variants: those there are.
std::vector<HostDirectory> find_host_directories();

// Descriptors as the new process will see them: the compiled filter, and where bubblewrap writes which process is the
// sandbox's first.
struct SandboxDescriptors {
  int seccomp = 3;
  int info = 4;
};

// `bubblewrap` is argv[0].
std::vector<std::string> bubblewrap_arguments(const std::string& bubblewrap, const SandboxSpec& spec,
                                              SandboxDescriptors descriptors,
                                              const std::vector<HostDirectory>& host_directories);

}  // namespace gogrid::worker
