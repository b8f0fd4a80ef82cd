// Programs: with processes that start, take another name, fork and end.
#include "worker/machine/programs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "net/net_test_support.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

TEST(Programs, PatternsKnowStarsAndNoCase) {
  struct Case {
    const char* pattern;
    const char* name;
    bool matches;
  };
  const Case cases[] = {
      {"blender", "blender", true},
      {"blender", "Blender", true},
      {"BLENDER", "blender", true},
      {"blender", "blender3", false},
      {"blender", "blende", false},
      {"steam_app_*", "steam_app_570", true},
      {"steam_app_*", "steam_app_", true},
      {"steam_app_*", "steam", false},
      {"*.exe", "Game.EXE", true},
      {"*.exe", "game.exe.bak", false},
      {"*a*b*", "xxaxxbxx", true},
      {"*a*b*", "xxbxxaxx", false},
      {"a*b*c", "abbbbc", true},
      {"a*b*c", "ac", false},
      {"*", "", true},
      {"*", "anything", true},
      {"", "", true},
      {"", "x", false},
      {"***", "x", true},
      {"a?c", "abc", false},
  };
  for (const Case& one : cases)
    EXPECT_EQ(matches_pattern(one.pattern, one.name), one.matches) << one.pattern << " " << one.name;
  const std::string long_name(100'000, 'a');
  EXPECT_FALSE(matches_pattern("*a*a*a*a*a*b", long_name)) << "and in no time";
}

TEST(Programs, TheNameOfTheProcessOrOfItsFileCounts) {
  EXPECT_TRUE(matches_program("blender", "blender", ""));
  EXPECT_TRUE(matches_program("blender", "main", "blender"));
  EXPECT_FALSE(matches_program("blender", "main", "python3"));
  EXPECT_FALSE(matches_program("", "", ""));
  // The kernel keeps 15 bytes of a name.
  EXPECT_TRUE(matches_program("davinci-resolve-studio", "davinci-resolve", ""));
  EXPECT_FALSE(matches_program("davinci-resolve-studio", "davinci-resolve", "davinci-resolve-free"));
  EXPECT_FALSE(matches_program("davinci-resolve-studio", "davinci", ""));
}

std::vector<std::byte> event_bytes(std::uint32_t what, pid_t pid, std::uint32_t error = 0) {
  proc_event event{};
  std::memcpy(&event.what, &what, sizeof what);
  if (what == 0) event.event_data.ack.err = error;
  if (what == 2) event.event_data.exec.process_tgid = pid;
  if (what == 0x200) event.event_data.comm.process_tgid = pid;
  nlmsghdr header{};
  cn_msg message{};
  message.id = {CN_IDX_PROC, CN_VAL_PROC};
  message.len = sizeof event;
  header.nlmsg_len = NLMSG_LENGTH(sizeof message + sizeof event);
  std::vector<std::byte> bytes(NLMSG_ALIGN(header.nlmsg_len));
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + NLMSG_HDRLEN, &message, sizeof message);
  std::memcpy(bytes.data() + NLMSG_HDRLEN + sizeof message, &event, sizeof event);
  return bytes;
}

TEST(Programs, EventsAreReadAndStrangeOnesLeftOut) {
  using Kind = ProcessEvent::Kind;
  const auto only = [](const std::vector<std::byte>& bytes) {
    const auto events = parse_process_events(bytes);
    EXPECT_EQ(events.size(), 1u);
    return events.empty() ? ProcessEvent() : events[0];
  };
  EXPECT_EQ(only(event_bytes(0, 0)).kind, Kind::accepted);
  EXPECT_EQ(only(event_bytes(0, 0, EPERM)).kind, Kind::refused);
  EXPECT_EQ(only(event_bytes(0, 0, EPERM)).error, EPERM);
  EXPECT_EQ(only(event_bytes(2, 77)).kind, Kind::program);
  EXPECT_EQ(only(event_bytes(2, 77)).pid, 77);
  EXPECT_EQ(only(event_bytes(0x200, 78)).pid, 78);
  EXPECT_EQ(only(event_bytes(0x80000000, 79)).kind, Kind::other);
  auto two = event_bytes(2, 1);
  const auto second = event_bytes(2, 2);
  two.insert(two.end(), second.begin(), second.end());
  EXPECT_EQ(parse_process_events(two).size(), 2u);
  for (std::size_t size = 0; size < second.size(); ++size)
    EXPECT_THAT(parse_process_events(std::span(second).first(size)), IsEmpty());
  auto lying = second;
  const std::uint32_t lengths[] = {0, 1, 0xffffffff};
  for (const std::uint32_t length : lengths) {
    std::memcpy(lying.data(), &length, sizeof length);
    EXPECT_THAT(parse_process_events(lying), IsEmpty());
  }
}

// A program under a name of its own that does nothing until it is ended.
class Child {
 public:
  // `other_name`: no program is started, but the process takes this name.
  Child(const fs::path& program, const char* other_name = nullptr) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (other_name == nullptr) {
      ::execl(program.c_str(), program.c_str(), "600", nullptr);
      ::_exit(1);
    }
    ::prctl(PR_SET_NAME, other_name);
    for (;;)
      ::pause();
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  void end() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  pid_t pid_ = 0;
};

// With what the kernel tells, and without.
class RealProgramsTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    // No other test's that runs beside this one; the system tells the first 15 characters.
    name_ = "gg-" + std::to_string(::getpid()) + "-game";
    program_ = directory_.path / name_;
    fs::copy_file("/bin/sleep", program_);
    ProgramsOptions options;
    options.use_events = GetParam();
    // Long where the kernel is to tell: a test would not end.
    options.look_pause = GetParam() ? std::chrono::milliseconds(1h) : 20ms;
    programs_.emplace(io_.get_executor(), options, [this] { ++changes_; });
  }
  void TearDown() override {
    programs_->stop();
    net::test::run(io_, programs_->stopped());
    EXPECT_THAT(programs_->running(), IsEmpty());
  }
  std::vector<pid_t> pids() const {
    std::vector<pid_t> pids;
    for (const RunningProgram& program : programs_->running())
      pids.push_back(program.pid);
    return pids;
  }
  void wait_until(const std::function<bool()>& condition) {
    io_.restart();
    while (!condition() && io_.run_one() > 0) {
    }
    ASSERT_TRUE(condition());
  }
  // Until it is known whether the kernel tells; false: it does not, and is meant to.
  bool listens() {
    programs_->set_patterns({name_ + "*"});
    programs_->start();
    const Child first(program_);
    wait_until([this] { return !programs_->running().empty() || (GetParam() && !programs_->trouble().empty()); });
    if (programs_->running().empty()) return false;
    EXPECT_EQ(programs_->running()[0].name, name_);
    return !GetParam() || programs_->trouble().empty();
  }

  asio::io_context io_{1};
  net::test::TemporaryDirectory directory_;
  std::string name_;
  fs::path program_;
  std::optional<Programs> programs_;
  int changes_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Programs, RealProgramsTest, testing::Bool(),
                         [](const auto& its_info) { return its_info.param ? "ByEvents" : "ByLooks"; });

TEST_P(RealProgramsTest, StartAndEndOfAProgramAreNoticed) {
  if (!listens()) GTEST_SKIP() << programs_->trouble();
  wait_until([this] { return programs_->running().empty(); });
  const int changes = changes_;
  Child child(program_);
  wait_until([this] { return !programs_->running().empty(); });
  EXPECT_THAT(pids(), ElementsAre(child.pid()));
  EXPECT_EQ(changes_, changes + 1);
  child.end();
  wait_until([this] { return programs_->running().empty(); });
  EXPECT_EQ(changes_, changes + 2);
}

TEST_P(RealProgramsTest, ANameThatAProcessTakesIsNoticed) {
  if (!listens()) GTEST_SKIP() << programs_->trouble();
  wait_until([this] { return programs_->running().empty(); });
  const std::string number = std::to_string(::getpid());
  programs_->set_patterns({"GG-" + number + "-N*"});
  io_.restart();
  io_.poll();
  const Child child(program_, ("gg-" + number + "-name").c_str());
  wait_until([this] { return !programs_->running().empty(); });
  EXPECT_THAT(pids(), ElementsAre(child.pid()));
}

TEST_P(RealProgramsTest, WhatRunsAlreadyIsFoundAndNothingIsWithoutAList) {
  const Child child(program_);
  programs_->start();
  io_.restart();
  EXPECT_EQ(io_.poll(), 0u) << "nothing is done with an empty list";
  programs_->set_patterns({"no-such-program-here", name_});
  wait_until([this] { return !programs_->running().empty(); });
  EXPECT_THAT(pids(), ElementsAre(child.pid()));
  programs_->set_patterns({});
  EXPECT_THAT(programs_->running(), IsEmpty());
}

}  // namespace
}  // namespace gogrid::worker
