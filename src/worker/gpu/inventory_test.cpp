// The inventory with children that say what a test wants: scripts in place of the program itself.
#include "worker/gpu/inventory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <fstream>

#include "net/net_test_support.hpp"
#include "worker/gpu/hotplug.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* radeon =
    R"({"gpus":[{"id":"pci:0000:03:00.0","name":"Radeon","driver":"amdgpu","total_bytes":16}],"looked_at":["sys"]})";
constexpr const char* nameless =
    R"({"gpus":[{"id":"pci:0000:03:00.0","driver":"amdgpu","total_bytes":16}],"looked_at":["sys"]})";

class InventoryTest : public testing::Test {
 protected:
  // $source is "system" or "vulkan", $watch whether it is to go on; what it writes to $dir stays.
  Inventory& make(const std::string& script) {
    const auto file = directory_.path / "probe.sh";
    std::ofstream(file) << "dir=" << directory_.path.string()
                        << "\nsource=$2\ncase \"$*\" in *--watch*) watch=1;; esac\necho $source $watch >>$dir/calls\n"
                        << script << "\n";
    InventoryOptions options;
    options.program = {"/bin/sh", file.string()};
    options.environment = {"PATH=/usr/bin:/bin"};
    options.time_limit = limit_;
    inventory_.emplace(io_.get_executor(), std::move(options));
    return *inventory_;
  }
  Survey look(Inventory& inventory) { return net::test::run(io_, inventory.look()); }
  std::string calls() {
    std::ifstream file(directory_.path / "calls");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  asio::io_context io_{1};
  net::test::TemporaryDirectory directory_;
  std::chrono::milliseconds limit_{20'000};
  std::optional<Inventory> inventory_;
};

TEST_F(InventoryTest, VulkanIsNotAskedWhereNothingIsMissing) {
  const Survey survey = look(make(std::string("echo '") + radeon + "'"));
  ASSERT_EQ(survey.gpus.size(), 1u);
  EXPECT_EQ(survey.gpus[0].name, "Radeon");
  EXPECT_EQ(calls(), "system\n");
}

TEST_F(InventoryTest, VulkanFillsGaps) {
  const Survey survey =
      look(make(std::string("[ $source = system ] && echo '") + nameless + "' || echo '" + radeon + "'"));
  ASSERT_EQ(survey.gpus.size(), 1u);
  EXPECT_EQ(survey.gpus[0].name, "Radeon");
  EXPECT_THAT(survey.looked_at, ElementsAre("sys", "sys"));
  EXPECT_EQ(calls(), "system\nvulkan\n");
}

TEST_F(InventoryTest, ADriverThatCrashesCostsWhatItKnows) {
  const Survey survey =
      look(make(std::string("[ $source = vulkan ] && kill -SEGV $$\necho warning\necho '") + nameless + "'"));
  ASSERT_EQ(survey.gpus.size(), 1u);
  EXPECT_THAT(survey.looked_at.back(), HasSubstr("killed by signal 11"));
}

TEST_F(InventoryTest, WhatWasSaidBeforeACrashCounts) {
  const Survey survey = look(make(std::string("echo '") + radeon + "'; kill -ABRT $$"));
  ASSERT_EQ(survey.gpus.size(), 1u);
  EXPECT_THAT(survey.looked_at, ElementsAre("sys", HasSubstr("NVML (its driver was killed by signal 6")));
}

TEST_F(InventoryTest, ADriverThatHangsIsEnded) {
  limit_ = 300ms;
  const Survey survey = look(make("sleep 600"));
  EXPECT_TRUE(survey.gpus.empty());
  EXPECT_THAT(survey.looked_at, ElementsAre(HasSubstr("no answer"), HasSubstr("no answer")));
}

TEST_F(InventoryTest, NonsenseIsNoSurvey) {
  const Survey survey =
      look(make("head -c 3000000 /dev/zero; echo; echo '{\"gpus\":5}'; echo '[[[['; printf '{\"gpus\":['"));
  EXPECT_TRUE(survey.gpus.empty());
  EXPECT_THAT(survey.looked_at.front(), HasSubstr("nothing that can be read"));
}

TEST_F(InventoryTest, AProgramThatIsNotThereIsSaid) {
  InventoryOptions options;
  options.program = {"/nonexistent/gogrid"};
  Inventory inventory(io_.get_executor(), std::move(options));
  const Survey survey = net::test::run(io_, inventory.look());
  EXPECT_THAT(survey.looked_at.front(), HasSubstr("/nonexistent/gogrid"));
}

// The script goes on until it is killed, and says in a file that it runs.
TEST_F(InventoryTest, ItLooksOnlyWhileSomebodyListens) {
  Inventory& inventory = make(std::string("echo $$ >$dir/pid\nwhile :; do echo '") + radeon + "'; sleep 0.02; done");
  net::test::Event three(io_.get_executor());
  int count = 0;
  auto first = inventory.subscribe([&](const Survey& survey) {
    EXPECT_EQ(survey.gpus.size(), 1u);
    if (++count == 3) three.set();
  });
  auto second = inventory.subscribe([](const Survey&) {});
  net::test::run(io_, three.wait());
  EXPECT_EQ(calls(), "system 1\n") << "one child for all who listen";
  int pid = 0;
  std::ifstream(directory_.path / "pid") >> pid;
  ASSERT_GT(pid, 0);
  first.reset();
  EXPECT_EQ(::kill(pid, 0), 0) << "one still listens";
  second.reset();
  net::test::run(io_, inventory.stopped());
  EXPECT_EQ(::kill(pid, 0), -1) << "nothing is left of it";
}

TEST_F(InventoryTest, StoppingEndsALookToo) {
  Inventory& inventory = make("sleep 600");
  std::optional<Survey> survey;
  TaskGroup tasks(io_.get_executor());
  const auto look = [](Inventory& its, std::optional<Survey>& into) -> asio::awaitable<void> {
    into = co_await its.look();
  };
  tasks.spawn("look", look(inventory, survey));
  io_.poll();
  inventory.stop();
  run_until_done(io_, tasks);
  EXPECT_TRUE(survey);
}

std::string event(std::initializer_list<std::string_view> fields) {
  std::string text;
  for (const std::string_view field : fields)
    text += std::string(field) + '\0';
  return text;
}

TEST(Hotplug, KnowsWhatConcernsTheHardware) {
  const auto yes = {
      event({"add@/devices/x/drm/card0", "ACTION=add", "SUBSYSTEM=drm", "DEVTYPE=drm_minor", "DEVNAME=dri/card0"}),
      event(
          {"bind@/devices/x", "ACTION=bind", "DRIVER=nvidia", "PCI_CLASS=30000", "PCI_ID=10DE:2684", "SUBSYSTEM=pci"}),
      event({"remove@/devices/x", "SUBSYSTEM=pci", "PCI_CLASS=120000", "ACTION=remove"}),
      event({"add@/devices/battery", "ACTION=add", "SUBSYSTEM=power_supply"}),
  };
  for (const std::string& text : yes)
    EXPECT_TRUE(concerns_hardware(text)) << text;
  const auto no = {
      std::string(),
      std::string("add"),
      std::string(8192, '='),
      event({"change@/devices/x", "ACTION=change", "SUBSYSTEM=drm", "DEVTYPE=drm_minor", "HOTPLUG=1"}),
      event({"add@/devices/x", "ACTION=add", "SUBSYSTEM=drm", "DEVTYPE=drm_connector"}),
      event({"add@/devices/x", "ACTION=add", "SUBSYSTEM=pci", "PCI_CLASS=40300"}),
      event({"add@/devices/x", "ACTION=add", "SUBSYSTEM=pci", "PCI_CLASS=3"}),
      event({"change@/devices/battery", "ACTION=change", "SUBSYSTEM=power_supply"}),
      event({"add@/devices/x", "ACTION=add", "SUBSYSTEM=usb"}),
  };
  for (const std::string& text : no)
    EXPECT_FALSE(concerns_hardware(text)) << text;
}

TEST(Hotplug, KnowsWhatConcernsPower) {
  EXPECT_TRUE(concerns_power(event({"change@/devices/battery", "ACTION=change", "SUBSYSTEM=power_supply"})));
  EXPECT_TRUE(concerns_power(event({"add@/devices/ac", "ACTION=add", "SUBSYSTEM=power_supply"})));
  EXPECT_FALSE(concerns_power(event({"change@/devices/power_supply", "ACTION=change", "SUBSYSTEM=usb"})));
  EXPECT_FALSE(concerns_power(""));
}

TEST(Hotplug, WakesForItAndForNothingElse) {
  asio::io_context io(1);
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  Hotplug hotplug(io.get_executor(), FileDescriptor(ends[0]));
  const FileDescriptor kernel(ends[1]);
  const std::string other = event({"add@/devices/x", "ACTION=add", "SUBSYSTEM=usb"});
  const std::string gpu = event({"add@/devices/x", "ACTION=add", "SUBSYSTEM=drm", "DEVTYPE=drm_minor"});
  std::optional<Result<void>> heard;
  TaskGroup tasks(io.get_executor());
  const auto listen = [](Hotplug& its, std::optional<Result<void>>& into) -> asio::awaitable<void> {
    into = co_await its.changed();
  };
  tasks.spawn("listen", listen(hotplug, heard));
  ASSERT_EQ(::send(kernel.get(), other.data(), other.size(), 0), static_cast<ssize_t>(other.size()));
  io.poll();
  EXPECT_FALSE(heard);
  ASSERT_EQ(::send(kernel.get(), gpu.data(), gpu.size(), 0), static_cast<ssize_t>(gpu.size()));
  run_until_done(io, tasks);
  ASSERT_TRUE(heard);
  EXPECT_TRUE(*heard);
  heard.reset();
  io.restart();
  tasks.spawn("listen", listen(hotplug, heard));
  io.poll();
  EXPECT_FALSE(heard);
  hotplug.stop();
  run_until_done(io, tasks);
  EXPECT_EQ(heard->error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace gogrid::worker
