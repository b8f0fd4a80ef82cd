// Proves, with the real bubblewrap, that a program inside reaches no network, no file of the host and no other process,
// may not make the system calls an engine has no use for, is held to its memory, and does not outlive its worker. As
// root and as an ordinary user.
#include "worker/sandbox/sandbox.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <fstream>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/task_group.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;

constexpr uid_t nobody = 65534;

struct Outcome {
  std::string output;
  ExitStatus status;
  std::string failure;
};

asio::awaitable<void> run_inside(Sandbox& sandbox, SandboxSpec spec, Outcome& outcome) {
  co_await sandbox.probe();
  auto process = sandbox.start(spec, {});
  if (!process) {
    outcome.failure = process.error().detail;
    co_return;
  }
  std::function<void(std::string_view)> keep = [&outcome](std::string_view text) { outcome.output += text; };
  co_await (*process)->read_output(std::move(keep));
  outcome.status = co_await (*process)->exited();
}

// Runs a line of bash in the sandbox; the filter allows no fork, so builtins only.
Outcome run_bash(const std::string& line, std::uint64_t memory_bytes = 0, std::vector<std::string> more = {}) {
  asio::io_context io(1);
  SandboxOptions options;
  options.memory_bytes = memory_bytes;
  Sandbox sandbox(io.get_executor(), options);
  SandboxSpec spec;
  spec.command = {"/usr/bin/bash", "-c", line, "bash"};
  for (auto& argument : more)
    spec.command.push_back(std::move(argument));
  Outcome outcome;
  TaskGroup tasks(io.get_executor());
  tasks.spawn("test", run_inside(sandbox, spec, outcome));
  io.run();
  EXPECT_EQ(outcome.failure, "") << "these tests need a working bubblewrap (scripts/dependencies.apt)";
  return outcome;
}

// The same as an ordinary user, in a child; as that user only the exit code comes back.
template <class Check>
void as_each_user(Check check) {
  check();
  if (::geteuid() != 0 || ::testing::Test::HasFailure()) return;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(nobody) != 0 || ::setuid(nobody) != 0) ::_exit(3);
    check();
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "fails as an ordinary user (uid 65534); see the output above";
}

TEST(Sandbox, ReachesNoNetwork) {
  as_each_user([] {
    const auto outcome = run_bash(
        "while read -r line; do echo \"$line\"; done < /proc/net/dev; exec 3<>/dev/tcp/127.0.0.1/1 || echo no");
    EXPECT_EQ(outcome.output.find("eth"), std::string::npos) << outcome.output;
    EXPECT_NE(outcome.output.find("Address family not supported"), std::string::npos) << outcome.output;
  });
}

TEST(Sandbox, SeesNoFileOfTheHost) {
  char name[] = "/tmp/gogrid-sandbox-test-XXXXXX";
  const FileDescriptor file(::mkstemp(name));
  ASSERT_TRUE(file);
  ASSERT_EQ(::fchmod(file.get(), 0644), 0);
  as_each_user([&] {
    const auto outcome = run_bash(
        "for path in /etc/passwd /etc/shadow /root /home /var /boot /sys/kernel /dev/tty /dev/kmsg /run/dbus \"$1\"; "
        "do "
        "[ -e \"$path\" ] && echo \"sees $path\"; done; "
        "for place in / /usr /dev /models /proc/sys/kernel /etc; do "
        "{ echo x > \"$place/gogrid-test\"; } 2>/dev/null && echo \"writes $place\"; done; "
        "{ read -r line < /proc/sys/kernel/panic && echo $line > /proc/sys/kernel/panic; } 2>/dev/null && echo 'sets "
        "the host'; echo x > /tmp/own && echo end",
        0, {name});
    EXPECT_EQ(outcome.output, "end\n");
  });
  ::unlink(name);
}

TEST(Sandbox, SeesNoOtherProcess) {
  as_each_user([] {
    const auto outcome = run_bash("for p in /proc/[0-9]*; do echo ${p#/proc/}; done; echo \"uid $UID\"; kill -0 " +
                                  std::to_string(::getppid()));
    EXPECT_EQ(outcome.output.substr(0, 14), "1\n2\nuid 65534\n") << outcome.output;
    EXPECT_NE(outcome.output.find("No such process"), std::string::npos) << outcome.output;
  });
}

TEST(Sandbox, HasNoCapabilityAndNoNewPrivileges) {
  as_each_user([] {
    const auto outcome = run_bash(
        "while read -r name value; do case $name in CapEff:|CapPrm:|CapBnd:|NoNewPrivs:|Seccomp:) echo $name $value;; "
        "esac; done < /proc/self/status");
    EXPECT_EQ(
        outcome.output,
        "CapPrm: 0000000000000000\nCapEff: 0000000000000000\nCapBnd: 0000000000000000\nNoNewPrivs: 1\nSeccomp: 2\n");
  });
}

TEST(Sandbox, InheritsNoDescriptorAndNoEnvironment) {
  const FileDescriptor secret(::open("/etc/passwd", O_RDONLY));
  ::setenv("GOGRID_TEST_SECRET", "x", 1);
  as_each_user([] {
    const auto outcome = run_bash(
        "for f in /proc/self/fd/*; do f=${f##*/}; [ $f -gt 2 ] && [ -e /proc/self/fd/$f ] && echo \"has $f\"; done; "
        "echo \"secret=$GOGRID_TEST_SECRET\"; { read -r line < /dev/stdin; } 2>/dev/null; echo \"in=$line\"");
    EXPECT_EQ(outcome.output, "secret=\nin=\n");
  });
  ::unsetenv("GOGRID_TEST_SECRET");
}

TEST(Sandbox, MayNotMakeProcesses) {
  as_each_user([] {
    const auto outcome = run_bash("/usr/bin/true; echo code $?");
    EXPECT_NE(outcome.output.find("fork: "), std::string::npos) << outcome.output;
    EXPECT_EQ(outcome.output.find("code 0"), std::string::npos) << outcome.output;
  });
}

TEST(Sandbox, IsHeldToItsMemory) {
  as_each_user([] {
    constexpr std::uint64_t limit = 64ull << 20;
    const auto small = run_bash("printf -v y '%01000000d' 1; echo ${#y}", limit);
    EXPECT_NE(small.output.find("1000000"), std::string::npos) << small.output;
    const auto large = run_bash("printf -v y '%0200000000d' 1; echo ${#y}", limit);
    EXPECT_FALSE(large.status.success() && large.output.find("200000000") != std::string::npos) << large.output;
  });
}

TEST(Sandbox, SaysWhatToDoWithoutBubblewrap) {
  asio::io_context io(1);
  SandboxOptions options;
  options.path = "/nonexistent";
  Sandbox sandbox(io.get_executor(), options);
  SandboxSpec spec;
  Outcome outcome;
  TaskGroup tasks(io.get_executor());
  tasks.spawn("test", run_inside(sandbox, spec, outcome));
  io.run();
  EXPECT_EQ(sandbox.kind(), SandboxKind::unavailable);
  EXPECT_NE(outcome.failure.find("apt-get install bubblewrap"), std::string::npos) << outcome.failure;
}

asio::awaitable<void> start_and_wait(Sandbox& sandbox, SandboxSpec spec) {
  co_await sandbox.probe();
  auto process = sandbox.start(spec, {});
  if (process) co_await (*process)->exited();
}

[[noreturn]] void be_a_worker(const std::filesystem::path& directory) {
  asio::io_context io(1);
  Sandbox sandbox(io.get_executor(), SandboxOptions());
  SandboxSpec spec;
  spec.socket_dir = directory;
  spec.command = {"/usr/bin/bash", "-c",
                  "exec 9> /run/gogrid/alive; echo ready >&9; read -r -t 1000 line <> /run/gogrid/hold"};
  TaskGroup tasks(io.get_executor());
  tasks.spawn("test", start_and_wait(sandbox, spec));
  io.run();
  ::_exit(1);
}

// The program holds the writing end of a FIFO: that end goes when the program does, however it went.
void kill_a_worker() {
  const auto directory =
      std::filesystem::temp_directory_path() / ("gogrid-sandbox-" + to_hex(as_bytes(random_bytes(4))));
  ASSERT_EQ(::mkdir(directory.c_str(), 0700), 0);
  for (const char* name : {"alive", "hold"})
    ASSERT_EQ(::mkfifo((directory / name).c_str(), 0600), 0);
  const FileDescriptor alive(::open((directory / "alive").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(alive);
  const pid_t worker = ::fork();
  if (worker == 0) be_a_worker(directory);
  constexpr int patience_ms = 30'000;
  pollfd event{alive.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&event, 1, patience_ms), 1) << "the program did not start";
  char text[16];
  EXPECT_EQ(::read(alive.get(), text, sizeof text), 6);
  ::kill(worker, SIGKILL);
  ::waitpid(worker, nullptr, 0);
  event = {alive.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&event, 1, patience_ms), 1) << "the program lives on";
  EXPECT_TRUE(event.revents & POLLHUP);
  std::filesystem::remove_all(directory);
}

TEST(Sandbox, DoesNotOutliveAKilledWorker) {
  as_each_user([] { kill_a_worker(); });
}

}  // namespace
}  // namespace gogrid::worker
