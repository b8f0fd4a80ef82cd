#include "worker/sandbox/sandbox.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/log.hpp"
#include "worker/sandbox/seccomp_filter.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_probe_output_bytes = 2048;

std::string find_program(const std::string& path, const std::string& name) {
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const auto end = std::min(path.find(':', begin), path.size());
    std::string candidate = path.substr(begin, end - begin) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return {};
}

// What an owner can do about bubblewrap's own complaint.
std::string advice(const std::string& output) {
  if (output.find("o permissions to creat") != std::string::npos || output.find("uid map") != std::string::npos ||
      output.find("CLONE_NEWUSER") != std::string::npos || output.find("namespace") != std::string::npos) {
    return "; allow user namespaces: sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0, and "
           "on Ubuntu "
           "kernel.apparmor_restrict_unprivileged_userns=0";
  }
  return "";
}

}  // namespace

Sandbox::Sandbox(asio::any_io_executor executor, SandboxOptions options)
    : executor_(std::move(executor)), options_(std::move(options)), limits_(options_.limits) {
  if (!options_.insecure) return;
  kind_ = SandboxKind::none_insecure;
  describe();
}

asio::awaitable<void> Sandbox::probe() {
  if (options_.insecure) co_return;
  kind_ = SandboxKind::unavailable;
  bubblewrap_ = find_program(options_.path, "bwrap");
  if (bubblewrap_.empty()) {
    detail_ = "bubblewrap is not installed: apt-get install bubblewrap, then restart the worker";
    co_return;
  }
  SandboxSpec spec;
  spec.command = {find_program("/usr/bin:/bin", "true")};
  auto confined = start_confined(spec);
  if (!confined) {
    detail_ = confined.error().detail;
    co_return;
  }
  const auto process = std::move(confined->process);
  std::string output;
  std::function<void(std::string_view)> keep = [&output](std::string_view text) {
    output.append(text.substr(0, max_probe_output_bytes - std::min(output.size(), max_probe_output_bytes)));
  };
  co_await process->read_output(std::move(keep));
  const ExitStatus status = co_await process->exited();
  while (output.ends_with('\n'))
    output.pop_back();
  if (!status.success()) {
    detail_ = "bubblewrap does not work here: " + (output.empty() ? status.text() : output) + advice(output);
    co_return;
  }
  kind_ = SandboxKind::bubblewrap;
  describe();
}

void Sandbox::describe() {
  const std::string what =
      options_.insecure ? "engines run without a sandbox, as --insecure-no-sandbox asks; " : "bubblewrap, seccomp; ";
  detail_ = what + limits_.description();
}

Result<void> Sandbox::set_limits(ResourceLimits limits, const std::vector<pid_t>& engines) {
  auto set = limits_.set(limits, engines);
  if (kind_ != SandboxKind::unavailable) describe();
  return set;
}

Result<Confined> Sandbox::start_confined(const SandboxSpec& spec) {
  if (spec.own_proc_files && ::geteuid() == 0)
    return Error(ErrorCode::permission_denied, "a program of root's may not write to files of /proc");
  SeccompOptions rules;
  rules.gpu = spec.gpu.has_value();
  // Drivers of GPUs share memory with their devices.
  rules.counted_memory_only = !rules.gpu && limits_.counts_process_data();
  rules.fixed_processors = limits_.fixes_processors();
  auto filter = compile_seccomp_filter(rules);
  if (!filter) return filter.error();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe", errno);
  FileDescriptor info(ends[0]);
  ProcessOptions process;
  process.arguments = bubblewrap_arguments(bubblewrap_, spec, SandboxDescriptors(), find_host_directories());
  process.descriptors.push_back(std::move(*filter));
  process.descriptors.emplace_back(ends[1]);
  limits_.apply(process);
  auto started = Process::start(executor_, std::move(process));
  if (!started) return started.error();
  Confined confined;
  confined.process = std::move(*started);
  confined.sockets = SocketDirectory(std::move(info));
  return confined;
}

Result<Confined> Sandbox::start(const SandboxSpec& spec, const HostCommand& host) {
  if (kind_ == SandboxKind::unavailable) return Error(ErrorCode::unavailable, detail_);
  if (kind_ == SandboxKind::bubblewrap) return start_confined(spec);
  ProcessOptions process;
  process.arguments = host.arguments;
  process.directory = host.directory.string();
  process.environment = {"PATH=" + options_.path, "HOME=/tmp"};
  for (const auto& [name, value] : spec.environment)
    process.environment.push_back(name + "=" + value);
  limits_.apply(process);
  auto started = Process::start(executor_, std::move(process));
  if (!started) return started.error();
  Confined confined;
  confined.process = std::move(*started);
  confined.sockets = SocketDirectory(host.socket_dir);
  return confined;
}

}  // namespace gogrid::worker
