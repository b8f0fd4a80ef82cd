// Sandbox: starts programs where they cannot reach the network, the host's files or other processes (bubblewrap,
// seccomp, limits), and knows whether that works on this machine. Owned by the worker; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "worker/sandbox/bubblewrap_arguments.hpp"
#include "worker/sandbox/engine_limits.hpp"
#include "worker/sandbox/process.hpp"
#include "worker/sandbox/socket_directory.hpp"

namespace gogrid::worker {

enum class SandboxKind { bubblewrap, none_insecure, unavailable };

struct SandboxOptions {
  // Run programs without any isolation: the owner asked for it by name.
  bool insecure = false;
  ResourceLimits limits;
  // Where to look for bubblewrap; the worker puts its PATH here.
  std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
};

// The same program without a sandbox: paths are the host's.
struct HostCommand {
  std::vector<std::string> arguments;
  std::filesystem::path directory;
  // Must exist.
  std::filesystem::path socket_dir;
};

struct Confined {
  std::unique_ptr<Process> process;
  SocketDirectory sockets;
};

class Sandbox {
 public:
  Sandbox(boost::asio::any_io_executor executor, SandboxOptions options);

  // Runs a program that does nothing inside: whether the sandbox works is known from then on. May be repeated.
  boost::asio::awaitable<void> probe();

  SandboxKind kind() const { return kind_; }
  // What is in force, or why there is none and what to do about it: one line.
  const std::string& detail() const { return detail_; }

  const EngineLimits& limits() const { return limits_; }
  // See EngineLimits::set().
  Result<void> set_limits(ResourceLimits limits, const std::vector<pid_t>& engines);

  // `unavailable` when there is no sandbox. `host` is what runs without isolation (insecure).
  Result<Confined> start(const SandboxSpec& spec, const HostCommand& host);

 private:
  Result<Confined> start_confined(const SandboxSpec& spec);
  void describe();

  boost::asio::any_io_executor executor_;
  SandboxOptions options_;
  EngineLimits limits_;
  std::string bubblewrap_;
  SandboxKind kind_ = SandboxKind::unavailable;
  std::string detail_ = "not tried yet";
};

}  // namespace gogrid::worker
