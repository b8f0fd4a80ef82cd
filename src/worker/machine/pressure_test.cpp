// Pressure: the kernel's own, made by processes that compete for one processor in control groups of a test's; what
// needs neither, from files as the kernel writes them.
#include "worker/machine/pressure.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "worker/gpu/gpu_test_support.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::RecordedMachine;

TEST(Pressure, ReadsTheKernelsFormatAndNothingElse) {
  struct Case {
    const char* text;
    std::optional<std::uint64_t> total;
  };
  const Case cases[] = {
      {"some avg10=54.60 avg60=53.54 avg300=30.83 total=134662251\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7",
       134662251},
      {"some avg10=0.00 avg60=0.00 avg300=0.00 total=0", 0},
      {"some avg10=0.00 total=18446744073709551615", 18446744073709551615u},
      {"some avg10=0.00 total=18446744073709551616", std::nullopt},
      {"full avg10=0.00 avg60=0.00 avg300=0.00 total=7", std::nullopt},
      {"some total", std::nullopt},
      {"some total=", std::nullopt},
      {"some avg10=0.00 total=-1", std::nullopt},
      {"", std::nullopt},
  };
  for (const Case& one : cases)
    EXPECT_EQ(parse_pressure(one.text), one.total) << one.text;
}

TEST(Pressure, TheGreatestShareOfThoseThatWereThereBeforeCounts) {
  EXPECT_EQ(greatest_share({{"a", 100}, {"b", 5000}}, {{"a", 350'100}, {"b", 105'000}, {"c", 999'999}}, 1s), 35);
  EXPECT_EQ(greatest_share({}, {{"a", 1}}, 1s), 0);
  EXPECT_EQ(greatest_share({{"a", 100}}, {{"a", 50}}, 1s), 0) << "a group of the same name was made anew";
  EXPECT_EQ(greatest_share({{"a", 0}}, {{"a", 5'000'000}}, 1s), 100);
  EXPECT_EQ(greatest_share({{"a", 0}}, {{"a", 5}}, 0s), 0);
}

TEST(Pressure, GroupsBesideOursUpToTheRootAreOfOthers) {
  RecordedMachine machine;
  const auto group = [&machine](const std::string& path, int total) {
    machine.file("cg/" + path + "/cgroup.procs", "");
    machine.file("cg/" + path + "/cpu.pressure",
                 "some avg10=0.00 avg60=0.00 avg300=0.00 total=" + std::to_string(total) + "\nfull avg10=0.00 total=0");
  };
  group(".", 1000);
  group("system.slice", 1);
  group("user.slice", 900);
  group("user.slice/other", 2);
  group("user.slice/worker.service", 800);
  group("user.slice/worker.service/gogrid-worker", 7);
  group("user.slice/worker.service/gogrid-engines-1", 700);
  group("user.slice/worker.service/gogrid-engines-1/gogrid-engine-1", 600);
  const fs::path root = machine.root() / "cg";
  const std::map<std::string, std::uint64_t> expected = {{(root / "system.slice").string(), 1},
                                                         {(root / "user.slice/other").string(), 2}};
  EXPECT_EQ(read_other_groups(root / "user.slice/worker.service/gogrid-engines-1", PressureKind::cpu), expected);
  EXPECT_TRUE(read_other_groups(root / "user.slice/worker.service/gogrid-engines-1", PressureKind::memory).empty());
}

TEST(Pressure, AKernelWithoutItIsSaid) {
  RecordedMachine machine;
  asio::io_context io(1);
  PressureOptions options;
  options.root = machine.root();
  int changes = 0;
  Pressure pressure(io.get_executor(), std::move(options), [&changes] { ++changes; });
  pressure.start();
  net::test::run(io, pressure.stopped());
  EXPECT_EQ(changes, 2);
  for (const PressureKind kind : pressure_kinds)
    EXPECT_NE(pressure.level(kind).trouble.find("does not measure"), std::string::npos);
}

TEST(Pressure, WhileTheMachineWaitsForNothingNoGroupIsLookedAt) {
  RecordedMachine machine;
  const std::string nothing_new = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000";
  machine.file("proc/pressure/cpu", nothing_new);
  machine.file("proc/pressure/memory", nothing_new);
  asio::io_context io(1);
  PressureOptions options;
  options.root = machine.root();
  options.use_triggers = false;
  options.look_pause = 1ms;
  options.window = 1ms;
  Pressure pressure(io.get_executor(), std::move(options), [] {});
  pressure.start();
  // Fifty looks and more.
  io.run_for(100ms);
  EXPECT_EQ(pressure.level(PressureKind::cpu).percent, std::nullopt) << "it was measured";
  EXPECT_EQ(pressure.level(PressureKind::cpu).trouble, "");
  pressure.stop();
  net::test::run(io, pressure.stopped());
}

// Processes of one processor that never rest.
class Burners {
 public:
  // `group`: where they go; empty: they stay here.
  explicit Burners(const fs::path& group = {}) {
    for (int i = 0; i < 3; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) burn(group);
      pids_.push_back(pid);
    }
  }
  ~Burners() {
    for (const pid_t pid : pids_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }
  Burners(const Burners&) = delete;
  Burners& operator=(const Burners&) = delete;

 private:
  [[noreturn]] static void burn(const fs::path& group) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!group.empty()) std::ofstream(group / "cgroup.procs") << 0 << std::flush;
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    ::sched_setaffinity(0, sizeof first, &first);
    // Something that a compiler does not leave out.
    for (;;)
      ::getppid();
  }

  std::vector<pid_t> pids_;
};

// A control group of version 2 with a group for engines and one for others.
class Groups {
 public:
  Groups() {
    for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
      const fs::path top = fs::path(mount) / ("gogrid-test-" + std::to_string(::getpid()));
      std::error_code error;
      if (!fs::exists(fs::path(mount) / "cgroup.procs") || !fs::create_directory(top, error)) continue;
      path_ = top;
      fs::create_directory(engines(), error);
      fs::create_directory(others(), error);
    }
  }
  ~Groups() {
    if (path_.empty()) return;
    for (const fs::path& group : {engines(), others(), path_})
      ::rmdir(group.c_str());
  }
  bool work() const { return !path_.empty() && parse_pressure(read(others() / "cpu.pressure")).has_value(); }
  fs::path engines() const { return path_ / "engines"; }
  fs::path others() const { return path_ / "others"; }
  static std::string read(const fs::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

 private:
  fs::path path_;
};

class RealPressureTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!parse_pressure(Groups::read("/proc/pressure/cpu"))) GTEST_SKIP() << "this kernel measures no pressure";
    options_.high_percent = {20, 100};
    options_.window = 200ms;
  }
  Pressure& make() {
    pressure_.emplace(io_.get_executor(), options_, [this] { changed_ = true; });
    pressure_->start();
    return *pressure_;
  }
  // Until a level is heard that `wanted` is true for.
  void wait_for(const std::function<bool(const PressureLevel&)>& wanted) {
    io_.restart();
    while (!wanted(pressure_->level(PressureKind::cpu)) && io_.run_one() > 0) {
    }
  }
  void TearDown() override {
    if (!pressure_) return;
    pressure_->stop();
    net::test::run(io_, pressure_->stopped());
    EXPECT_FALSE(pressure_->level(PressureKind::cpu).high);
  }

  asio::io_context io_{1};
  PressureOptions options_;
  std::optional<Pressure> pressure_;
  bool changed_ = false;
};

TEST_F(RealPressureTest, ProcessesThatCompeteAreNoticed) {
  Pressure& pressure = make();
  const Burners burners;
  wait_for([](const PressureLevel& level) { return level.high; });
  EXPECT_TRUE(changed_);
  EXPECT_GE(pressure.level(PressureKind::cpu).percent.value_or(0), 20);
}

TEST_F(RealPressureTest, WhereTheKernelMayNotBeAskedItLooksNowAndThen) {
  options_.use_triggers = false;
  options_.look_pause = 20ms;
  make();
  const Burners burners;
  wait_for([](const PressureLevel& level) { return level.high; });
  EXPECT_TRUE(changed_);
}

TEST_F(RealPressureTest, WithoutAGroupOfTheirOwnEnginesAreNotTakenForOthers) {
  Pressure& pressure = make();
  pressure.set_engines_running(true);
  const Burners burners;
  wait_for([](const PressureLevel& level) { return !level.trouble.empty(); });
  EXPECT_NE(pressure.level(PressureKind::cpu).trouble.find("told apart"), std::string::npos);
  pressure.set_engines_running(false);
  EXPECT_EQ(pressure.level(PressureKind::cpu).trouble, "");
  wait_for([](const PressureLevel& level) { return level.high; });
}

TEST_F(RealPressureTest, WhatEnginesWaitDoesNotCountAndWhatOthersWaitDoes) {
  const Groups groups;
  if (!groups.work()) GTEST_SKIP() << "no control groups of version 2 can be made here";
  options_.engines_group = groups.engines();
  Pressure& pressure = make();
  pressure.set_engines_running(true);
  const Burners engines(groups.engines());
  wait_for([](const PressureLevel& level) { return level.percent.has_value(); });
  EXPECT_FALSE(pressure.level(PressureKind::cpu).high);
  const auto engines_wait = parse_pressure(Groups::read(groups.engines() / "cpu.pressure"));
  EXPECT_GT(engines_wait.value_or(0), 50'000u) << "they do wait";
  std::optional<Burners> others;
  others.emplace(groups.others());
  wait_for([](const PressureLevel& level) { return level.high; });
  others.reset();
  wait_for([](const PressureLevel& level) { return !level.high; });
}

}  // namespace
}  // namespace gogrid::worker
