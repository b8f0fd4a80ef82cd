// Proves, with the real bubblewrap, that a program inside reaches no network, no file of the host and no other process,
// may not make the system calls an engine has no use for, is held to its memory, and does not outlive its worker. As
// root and as an ordinary user.
#include "worker/sandbox/sandbox.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
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
  auto confined = sandbox.start(spec, {});
  if (!confined) {
    outcome.failure = confined.error().detail;
    co_return;
  }
  std::function<void(std::string_view)> keep = [&outcome](std::string_view text) { outcome.output += text; };
  co_await confined->process->read_output(std::move(keep));
  outcome.status = co_await confined->process->exited();
}

// Runs a line of bash in the sandbox; the filter allows no fork, so builtins only.
Outcome run_bash(const std::string& line, std::uint64_t memory_bytes = 0, std::vector<std::string> more = {},
                 bool gpu = false, bool own_proc_files = false) {
  asio::io_context io(1);
  SandboxOptions options;
  options.limits.memory_bytes = memory_bytes;
  // A busy machine would keep it waiting.
  options.limits.idle_priority = false;
  Sandbox sandbox(io.get_executor(), options);
  SandboxSpec spec;
  spec.command = {"/usr/bin/bash", "-c", line, "bash"};
  if (gpu) spec.gpu = find_gpu_devices();
  spec.own_proc_files = own_proc_files;
  for (auto& argument : more)
    spec.command.push_back(std::move(argument));
  Outcome outcome;
  TaskGroup tasks(io.get_executor());
  tasks.spawn("test", run_inside(sandbox, spec, outcome));
  io.run();
  EXPECT_EQ(outcome.failure, "") << "these tests need a working bubblewrap (scripts/dependencies.apt)";
  return outcome;
}

// In a child, if this user is root: then only the exit code comes back.
template <class Check>
void as_ordinary_user(Check check) {
  if (::geteuid() != 0) {
    check();
    return;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(nobody) != 0 || ::setuid(nobody) != 0) ::_exit(3);
    // Its own /proc/self, which one who was root loses.
    ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    check();
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "fails as an ordinary user (uid 65534); see the output above";
}

template <class Check>
void as_each_user(Check check) {
  if (::geteuid() == 0) check();
  if (!::testing::Test::HasFailure()) as_ordinary_user(check);
}

// Also not with GPUs: with and without them from here on.
template <class Check>
void for_each_flavour(Check check) {
  as_each_user([&] {
    check(false);
    check(true);
  });
}

TEST(Sandbox, ReachesNoNetwork) {
  for_each_flavour([](bool gpu) {
    const auto outcome =
        run_bash("while read -r line; do echo \"$line\"; done < /proc/net/dev; exec 3<>/dev/tcp/127.0.0.1/1 || echo no",
                 0, {}, gpu);
    EXPECT_EQ(outcome.output.find("eth"), std::string::npos) << outcome.output;
    EXPECT_NE(outcome.output.find("Address family not supported"), std::string::npos) << outcome.output;
  });
}

TEST(Sandbox, SeesNoFileOfTheHost) {
  char name[] = "/tmp/gogrid-sandbox-test-XXXXXX";
  const FileDescriptor file(::mkstemp(name));
  ASSERT_TRUE(file);
  ASSERT_EQ(::fchmod(file.get(), 0644), 0);
  for_each_flavour([&](bool gpu) {
    const auto outcome = run_bash(
        "for path in /etc/passwd /etc/shadow /root /home /var /boot /sys/kernel /sys/class/net /sys/block /dev/tty "
        "/dev/zero /dev/kmsg /run/dbus \"$1\"; "
        "do "
        "[ -e \"$path\" ] && echo \"sees $path\"; done; "
        "for place in / /usr /dev /sys /models /proc/sys/kernel /etc; do "
        "{ echo x > \"$place/gogrid-test\"; } 2>/dev/null && echo \"writes $place\"; done; "
        "{ read -r line < /proc/sys/kernel/panic && echo $line > /proc/sys/kernel/panic; } 2>/dev/null && echo 'sets "
        "the host'; echo x > /tmp/own && echo x > /run/gogrid/own && echo end",
        0, {name}, gpu);
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

TEST(Sandbox, MayWriteToItsOwnProcessInProcIfItIsToldSoAndToNothingElseThere) {
  as_ordinary_user([] {
    const auto outcome = run_bash(
        "for file in /proc/[a-z]* /proc/[a-z]*/* /proc/[a-z]*/*/*; do case $file in /proc/self/*|/proc/thread-self/*) "
        "continue;; esac; { echo x >> \"$file\"; } 2>/dev/null && echo \"writes $file\"; done; "
        "echo engine > /proc/self/comm; read -r line < /proc/self/comm; echo $line",
        0, {}, true, true);
    EXPECT_EQ(outcome.output, "engine\n");
  });
}

TEST(Sandbox, RootsProgramsNeverWriteToProc) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  asio::io_context io(1);
  Sandbox sandbox(io.get_executor(), {});
  SandboxSpec spec;
  spec.command = {"/usr/bin/true"};
  spec.own_proc_files = true;
  Outcome outcome;
  TaskGroup tasks(io.get_executor());
  tasks.spawn("test", run_inside(sandbox, spec, outcome));
  io.run();
  EXPECT_NE(outcome.failure.find("may not write to files of /proc"), std::string::npos) << outcome.failure;
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

TEST(Sandbox, WritesToNoDiskAndLittleToMemory) {
  as_each_user([] {
    const auto outcome = run_bash(
        "printf -v y '%0100000d' 1; for place in /run/gogrid /tmp /dev/shm; do while echo $y >> $place/fill; do :; "
        "done "
        "2>/dev/null; echo \"$place ends\"; done");
    EXPECT_EQ(outcome.output, "/run/gogrid ends\n/tmp ends\n/dev/shm ends\n");
  });
}

TEST(Sandbox, IsTheFirstToGoWhenMemoryRunsOut) {
  as_each_user([] { EXPECT_EQ(run_bash("read -r line < /proc/self/oom_score_adj; echo $line").output, "1000\n"); });
}

// An ordinary user's, in a container say: a sandbox with less is better than none.
TEST(Sandbox, TakesLowerHardLimitsAsTheyAre) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit few{128, 128};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) ::_exit(3);
    if (::geteuid() == 0 && (::setgid(nobody) != 0 || ::setuid(nobody) != 0)) ::_exit(3);
    EXPECT_EQ(run_bash("ulimit -Hn").output, "128\n");
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

// Completes once all that hold its output are gone.
asio::awaitable<void> kill_when_it_speaks(bool& ended) {
  ProcessOptions options;
  options.arguments = {"/usr/bin/bash", "-c", "setsid bash -c 'echo here; exec sleep 1000' & wait"};
  options.environment = {"PATH=/usr/bin:/bin"};
  auto process = Process::start(co_await asio::this_coro::executor, std::move(options));
  EXPECT_TRUE(process);
  if (!process) co_return;
  TaskGroup tasks(co_await asio::this_coro::executor);
  std::function<void(std::string_view)> kill = [&process](std::string_view) { (*process)->kill(); };
  tasks.spawn("output", (*process)->read_output(std::move(kill)));
  co_await (*process)->exited();
  co_await tasks.wait();
  ended = true;
}

// bubblewrap's first process in the sandbox has a session of its own a moment before it dies with its parent.
TEST(Process, ChildrenInOtherSessionsEndWithIt) {
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  bool ended = false;
  tasks.spawn("test", kill_when_it_speaks(ended));
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!ended && std::chrono::steady_clock::now() < patience)
    io.run_one_for(std::chrono::seconds(1));
  ASSERT_TRUE(ended) << "a child of it lives on";
}

TEST(Process, SaysWhichStepFailed) {
  asio::io_context io(1);
  ProcessOptions options;
  options.arguments = {"/usr/bin/env"};
  options.directory = "/nonexistent";
  const auto started = Process::start(io.get_executor(), std::move(options));
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().detail.find("its directory"), std::string::npos) << started.error().detail;
}

// Until the program speaks, all it does on its way there is done.
asio::awaitable<void> look_for_socket(Sandbox& sandbox, SandboxSpec spec, std::string& found) {
  co_await sandbox.probe();
  auto confined = sandbox.start(spec, {});
  if (!confined) co_return;
  Process* process = confined->process.get();
  std::function<void(std::string_view)> look = [&, process](std::string_view text) {
    found += text;
    for (const char* name : {"link", "file", "directory", "missing", "../tmp", "engine.sock"}) {
      if (confined->sockets.find(name)) found += std::string("finds ") + name;
    }
    process->kill();
  };
  co_await process->read_output(std::move(look));
  co_await process->exited();
}

// It would lead the worker, which may do more than the program, to any socket of the host.
TEST(Sandbox, ASocketsPlaceLeadsNowhereElse) {
  as_each_user([] {
    asio::io_context io(1);
    Sandbox sandbox(io.get_executor(), SandboxOptions());
    SandboxSpec spec;
    spec.command = {"/usr/bin/perl", "-e",
                    "use Socket; chdir '/run/gogrid'; symlink '/run/docker.sock', 'link'; open F, '>', 'file'; "
                    "mkdir 'directory'; socket S, PF_UNIX, SOCK_STREAM, 0; bind S, sockaddr_un('engine.sock'); "
                    "syswrite STDOUT, \"done\\n\"; sleep 1000"};
    std::string found;
    TaskGroup tasks(io.get_executor());
    tasks.spawn("test", look_for_socket(sandbox, spec, found));
    io.run();
    EXPECT_EQ(found, "done\nfinds engine.sock");
  });
}

TEST(SocketDirectory, FindsSocketsAndFollowsNothing) {
  const auto top = std::filesystem::temp_directory_path() / ("gogrid-sock-" + to_hex(as_bytes(random_bytes(4))));
  std::filesystem::create_directories(top / "run");
  asio::io_context io(1);
  asio::local::stream_protocol::acceptor outside(io, (top / "host.sock").string());
  asio::local::stream_protocol::acceptor inside(io, (top / "run/engine.sock").string());
  std::filesystem::create_symlink(top / "host.sock", top / "run/link.sock");
  std::ofstream(top / "run/file.sock") << "";
  SocketDirectory directory(top / "run");
  EXPECT_FALSE(directory.find("link.sock"));
  EXPECT_FALSE(directory.find("file.sock"));
  EXPECT_FALSE(directory.find("missing.sock"));
  const auto found = directory.find("engine.sock");
  ASSERT_TRUE(found);
  // What was found stays what it is.
  std::filesystem::remove(top / "run/engine.sock");
  std::filesystem::create_symlink(top / "host.sock", top / "run/engine.sock");
  asio::local::stream_protocol::socket client(io);
  client.connect(found->path().string());
  inside.non_blocking(true);
  boost::system::error_code error;
  inside.accept(error);
  EXPECT_FALSE(error) << error.message();
  std::filesystem::remove_all(top);
}

TEST(SocketDirectory, ReadsTheSandboxsProcessOnceItIsWrittenInFull) {
  EXPECT_EQ(child_pid("{\n    \"child-pid\": 1037,\n \"cgroup-namespace\": 4026532182"), 1037);
  EXPECT_EQ(child_pid("{\n    \"child-pid\": 1037\n}"), 1037);
  for (const char* text : {"", "{", "{\n    \"child-pid\": ", "{\n    \"child-pid\": 10", "{\"child-pid\": x}"}) {
    EXPECT_EQ(child_pid(text), 0) << text;
  }
}

asio::awaitable<void> start_and_wait(Sandbox& sandbox, SandboxSpec spec) {
  co_await sandbox.probe();
  auto confined = sandbox.start(spec, {});
  if (confined) co_await confined->process->exited();
}

[[noreturn]] void be_a_worker(const std::filesystem::path& directory) {
  asio::io_context io(1);
  Sandbox sandbox(io.get_executor(), SandboxOptions());
  SandboxSpec spec;
  // A FIFO can be written to where files cannot.
  for (const char* name : {"alive", "hold"})
    spec.read_only.emplace_back(directory / name, std::string("/models/") + name);
  spec.command = {"/usr/bin/bash", "-c", "exec 9> /models/alive; echo ready >&9; read -r -t 1000 line <> /models/hold"};
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
