#include "worker/sandbox/bubblewrap_arguments.hpp"

#include <system_error>

namespace gogrid::worker {
namespace {

// Nobody: owns nothing outside, and inside neither.
constexpr const char* sandbox_user = "65534";
constexpr const char* small_tmpfs_bytes = "65536";
constexpr const char* shared_memory_bytes = "16777216";

class Arguments {
 public:
  template <class... Text>
  void add(Text&&... text) {
    (list_.emplace_back(std::forward<Text>(text)), ...);
  }
  std::vector<std::string> take() { return std::move(list_); }

 private:
  std::vector<std::string> list_;
};

// It has a session of its own already, as every Process: another one would count anew beside those of others.
void add_isolation(Arguments& arguments, SandboxDescriptors descriptors) {
  arguments.add("--unshare-user", "--unshare-all", "--die-with-parent", "--clearenv");
  arguments.add("--uid", sandbox_user, "--gid", sandbox_user, "--hostname", "gogrid-engine", "--cap-drop", "ALL");
  arguments.add("--seccomp", std::to_string(descriptors.seccomp), "--info-fd", std::to_string(descriptors.info));
}

void add_root(Arguments& arguments, const SandboxSpec& spec, const std::vector<HostDirectory>& host_directories) {
  if (!spec.root.empty()) {
    arguments.add("--ro-bind", spec.root.string(), "/");
    return;
  }
  arguments.add("--ro-bind", "/usr", "/usr");
  for (const HostDirectory& directory : host_directories) {
    if (directory.link_target.empty()) {
      arguments.add("--ro-bind", directory.path, directory.path);
    } else {
      arguments.add("--symlink", directory.link_target, directory.path);
    }
  }
  arguments.add("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache");
  arguments.add("--ro-bind-try", "/etc/alternatives", "/etc/alternatives");
}

// Every place that can be written to is a tmpfs with a bound, or read-only again once it is filled.
void add_own_file_systems(Arguments& arguments, const SandboxSpec& spec) {
  // Root's processes stay root outside: without this they could write to /proc/sys, which the kernel checks by that.
  arguments.add("--proc", "/proc");
  if (!spec.own_proc_files) arguments.add("--remount-ro", "/proc");
  arguments.add("--size", small_tmpfs_bytes, "--tmpfs", "/dev");
  for (const char* device : {"/dev/null", "/dev/full", "/dev/random", "/dev/urandom"}) {
    arguments.add("--dev-bind", device, device);
  }
  if (spec.gpu) {
    for (const std::string& node : spec.gpu->nodes)
      arguments.add("--dev-bind", node, node);
  }
  arguments.add("--symlink", "/proc/self/fd", "/dev/fd");
  arguments.add("--size", shared_memory_bytes, "--perms", "1777", "--tmpfs", "/dev/shm", "--remount-ro", "/dev");
  arguments.add("--size", std::to_string(spec.tmp_bytes), "--perms", "1777", "--tmpfs", "/tmp");
  arguments.add("--size", small_tmpfs_bytes, "--perms", "0700", "--tmpfs", sandbox_socket_dir);
}

// No device of a bus can be written to, and none is seen but the GPUs.
void add_gpu_facts(Arguments& arguments, const GpuDevices& gpu) {
  arguments.add("--size", small_tmpfs_bytes, "--tmpfs", "/sys");
  for (const std::string& fact : gpu.facts)
    arguments.add("--ro-bind", fact, fact);
  for (const auto& [link, target] : gpu.links)
    arguments.add("--symlink", target, link);
  arguments.add("--remount-ro", "/sys");
}

// A host's own engine has the host's libraries anyway.
void add_gpu_libraries(Arguments& arguments, const GpuDevices& gpu) {
  if (gpu.libraries.empty()) return;
  arguments.add("--size", small_tmpfs_bytes, "--tmpfs", sandbox_library_dir);
  for (const auto& [file, name] : gpu.libraries)
    arguments.add("--ro-bind", file, std::string(sandbox_library_dir) + "/" + name);
  arguments.add("--remount-ro", sandbox_library_dir, "--setenv", "LD_LIBRARY_PATH", sandbox_library_dir);
}

void add_files(Arguments& arguments, const SandboxSpec& spec) {
  arguments.add("--size", small_tmpfs_bytes, "--tmpfs", sandbox_model_dir);
  for (const auto& [source, target] : spec.read_only)
    arguments.add("--ro-bind", source.string(), target);
  arguments.add("--remount-ro", sandbox_model_dir);
  // Without a bundle the root itself is a tmpfs of bubblewrap's, which has no bound.
  if (spec.root.empty()) arguments.add("--remount-ro", "/");
}

}  // namespace

std::vector<HostDirectory> find_host_directories() {
  std::vector<HostDirectory> found;
  for (const char* path : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    std::error_code error;
    const auto status = std::filesystem::symlink_status(path, error);
    if (error || !std::filesystem::exists(status)) continue;
    HostDirectory directory;
    directory.path = path;
    if (std::filesystem::is_symlink(status))
      directory.link_target = std::filesystem::read_symlink(path, error).string();
    found.push_back(std::move(directory));
  }
  return found;
}

std::vector<std::string> bubblewrap_arguments(const std::string& bubblewrap, const SandboxSpec& spec,
                                              SandboxDescriptors descriptors,
                                              const std::vector<HostDirectory>& host_directories) {
  Arguments arguments;
  arguments.add(bubblewrap);
  add_isolation(arguments, descriptors);
  add_root(arguments, spec, host_directories);
  add_own_file_systems(arguments, spec);
  if (spec.gpu) add_gpu_facts(arguments, *spec.gpu);
  if (spec.gpu && !spec.root.empty()) add_gpu_libraries(arguments, *spec.gpu);
  add_files(arguments, spec);
  for (const auto& [name, value] : spec.environment)
    arguments.add("--setenv", name, value);
  arguments.add("--chdir", "/", "--");
  for (const std::string& argument : spec.command)
    arguments.add(argument);
  return arguments.take();
}

}  // namespace gogrid::worker
