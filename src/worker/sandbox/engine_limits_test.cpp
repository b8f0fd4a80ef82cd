// Proves what is offered and what engines are held to, with the kernel's own control groups where they may be made and
// without them: real processes that use more than they may.
#include "worker/sandbox/engine_limits.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <thread>

#include "base/file.hpp"
#include "base/task_group.hpp"
#include "worker/sandbox/process.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr uid_t nobody = 65534;

TEST(EngineLimits, TheCoordinatorMayPlanWithWhatIsOffered) {
  EXPECT_EQ(offered_memory_bytes(0, 16'000'000'000), 16'000'000'000u);
  EXPECT_EQ(offered_memory_bytes(4, 16'000'000'000), 4'000'000'000u);
  EXPECT_EQ(offered_memory_bytes(64, 16'000'000'000), 16'000'000'000u);
  EXPECT_GT(available_memory_bytes(), 0u);
  EXPECT_GT(machine_tasks(), 0u);
}

TEST(EngineLimits, ZeroLeavesATenthToOthers) {
  EXPECT_EQ(memory_limit_bytes(0, 1000), 900u);
  EXPECT_EQ(memory_limit_bytes(2.5, 1000), 2'500'000'000u);
}

TEST(EngineLimits, AShareOfTheProcessorsIsAtLeastOneAndTheLastOnes) {
  const std::vector<int> eight = {0, 1, 2, 3, 4, 5, 6, 9};
  using List = std::vector<int>;
  EXPECT_EQ(processor_share(eight, 0), eight);
  EXPECT_EQ(processor_share(eight, 100), eight);
  EXPECT_EQ(processor_share(eight, 50), (List{4, 5, 6, 9}));
  EXPECT_EQ(processor_share(eight, 37), (List{6, 9}));
  EXPECT_EQ(processor_share(eight, 1), (List{9}));
  EXPECT_EQ(processor_share({}, 50), List());
}

TEST(EngineLimits, AQuotaCountsAllProcessorsAndIsWhatTheKernelTakes) {
  EXPECT_EQ(cpu_quota_us(50, 8), 400'000u);
  EXPECT_EQ(cpu_quota_us(100, 1), 100'000u);
  EXPECT_EQ(cpu_quota_us(1, 1), 1'000u);
  EXPECT_EQ(cpu_quota_us(0.1, 1), 1'000u) << "the kernel's least";
}

// Starts a program as an engine is.
std::unique_ptr<Process> start(asio::io_context& io, const EngineLimits& limits, const std::string& line) {
  ProcessOptions options;
  options.arguments = {"/usr/bin/bash", "-c", line};
  options.environment = {"PATH=/usr/bin:/bin"};
  limits.apply(options);
  auto started = Process::start(io.get_executor(), std::move(options));
  EXPECT_TRUE(started) << started.error().detail;
  return started ? std::move(*started) : nullptr;
}

std::string status_of(pid_t pid, const std::string& file) {
  return read_file("/proc/" + std::to_string(pid) + "/" + file, 64 * 1024).value();
}

// Also as an ordinary user, for whom there may be no control group.
template <class Check>
void as_each_user(Check check) {
  check();
  if (::geteuid() != 0 || ::testing::Test::HasFailure()) return;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(nobody) != 0 || ::setuid(nobody) != 0) ::_exit(3);
    ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    check();
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "fails as an ordinary user (uid 65534); see the output above";
}

TEST(EngineLimits, SayWhatIsInForce) {
  as_each_user([] {
    ResourceLimits wanted;
    wanted.memory_bytes = 1'500'000'000;
    wanted.cpu_percent = 50;
    const EngineLimits limits(wanted);
    const std::string text = limits.description();
    EXPECT_NE(text.find("1.5 GB"), std::string::npos) << text;
    EXPECT_NE(text.find(limits.shares_memory() ? "memory: control group v" : "memory: soft limit"), std::string::npos)
        << text;
    EXPECT_NE(text.find("50 %"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with(", after everybody else")) << text;
    const bool kept = text.find("processors: engines are kept on ") != std::string::npos;
    EXPECT_NE(kept, text.find("processors: control group v") != std::string::npos) << text;
    EXPECT_TRUE(kept || !limits.fixes_processors()) << text;
    wanted = {};
    wanted.idle_priority = false;
    EXPECT_EQ(EngineLimits(wanted).description(), "memory: no limit; processors: no limit");
  });
}

TEST(EngineLimits, AnEngineIsLastInLineForProcessorsAndDisks) {
  as_each_user([] {
    asio::io_context io(1);
    const EngineLimits limits{ResourceLimits()};
    const auto process = start(io, limits, "exec sleep 1000");
    ASSERT_TRUE(process);
    EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(process->pid())), 19);
    EXPECT_EQ(::sched_getscheduler(process->pid()), SCHED_IDLE);
    constexpr int idle_class = 3;
    EXPECT_EQ(::syscall(SYS_ioprio_get, 1, process->pid()) >> 13, idle_class);
    // Not every kernel has it. Other tests may write to theirs in the same moment, which counts for ordinary users.
    const auto group = read_file("/proc/" + std::to_string(process->pid()) + "/autogroup", 1024);
    if (group && ::geteuid() == 0) {
      EXPECT_NE(group->find("nice 19"), std::string::npos) << *group;
    }
    EXPECT_EQ(status_of(process->pid(), "oom_score_adj"), "1000\n");
  });
}

// How many processors they use, seen over a second.
double processors_used(const std::vector<pid_t>& processes) {
  const auto used = [&processes] {
    std::uint64_t nanoseconds = 0;
    for (const pid_t pid : processes)
      nanoseconds += std::stoull(status_of(pid, "schedstat"));
    return std::chrono::nanoseconds(nanoseconds);
  };
  const auto began = std::chrono::steady_clock::now();
  const auto before = used();
  std::this_thread::sleep_for(1000ms);
  return std::chrono::duration<double>(used() - before) /
         std::chrono::duration<double>(std::chrono::steady_clock::now() - began);
}

// And how many they may, with what is left of a period.
double processors_allowed(const EngineLimits& limits) {
  const double share = limits.limits().cpu_percent / 100 * static_cast<double>(own_processors().size());
  return (limits.fixes_processors() ? static_cast<double>(limits.max_threads()) : share) * 1.15 + 0.1;
}

TEST(EngineLimits, ThoseThatSpinAreHeldToTheirProcessorTimeAndToAnotherOneWhileTheyRun) {
  as_each_user([] {
    asio::io_context io(1);
    ResourceLimits wanted;
    wanted.cpu_percent = 50;
    EngineLimits limits(wanted);
    if (limits.description().find("engines are kept on 1 of 1") != std::string::npos)
      GTEST_SKIP() << "one processor cannot be shared out without a control group";
    std::vector<std::unique_ptr<Process>> engines;
    std::vector<pid_t> pids;
    for (std::size_t i = 0; i < own_processors().size(); ++i) {
      engines.push_back(start(io, limits, "while :; do :; done"));
      ASSERT_TRUE(engines.back());
      pids.push_back(engines.back()->pid());
    }
    EXPECT_LE(processors_used(pids), processors_allowed(limits)) << limits.description();
    wanted.cpu_percent = 100;
    EXPECT_TRUE(limits.set(wanted, pids));
    for (const pid_t pid : pids) {
      cpu_set_t set;
      ASSERT_EQ(::sched_getaffinity(pid, sizeof set, &set), 0);
      EXPECT_EQ(static_cast<std::size_t>(CPU_COUNT(&set)), own_processors().size());
    }
    wanted.cpu_percent = 10;
    EXPECT_TRUE(limits.set(wanted, pids));
    EXPECT_LE(processors_used(pids), processors_allowed(limits)) << limits.description();
  });
}

TEST(EngineLimits, AMemoryLimitThatIsLoweredHoldsThoseThatRun) {
  as_each_user([] {
    asio::io_context io(1);
    ResourceLimits wanted;
    // A busy machine would keep it waiting.
    wanted.idle_priority = false;
    wanted.memory_bytes = 1ull << 30;
    EngineLimits limits(wanted);
    // Takes 300 MB when it is let go on, and says so.
    const auto process = start(io, limits, "kill -STOP $$; printf -v y '%0300000000d' 1; echo got ${#y}");
    ASSERT_TRUE(process);
    siginfo_t stopped{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(process->pid()), &stopped, WSTOPPED | WNOWAIT), 0);
    wanted.memory_bytes = 64ull << 20;
    EXPECT_TRUE(limits.set(wanted, {process->pid()}));
    ::kill(process->pid(), SIGCONT);
    std::string output;
    std::function<void(std::string_view)> keep = [&output](std::string_view text) { output += text; };
    TaskGroup tasks(io.get_executor());
    tasks.spawn("output", process->read_output(std::move(keep)));
    io.run();
    EXPECT_EQ(output.find("got 300000000"), std::string::npos) << output;
  });
}

}  // namespace
}  // namespace gogrid::worker
