// The GPU watch: figures by table, and its pace with scripts in place of the program that looks.
#include "worker/machine/gpu_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "net/net_test_support.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

GpuProcess process(std::string name, std::optional<std::uint64_t> bytes, bool ours = false,
                   std::optional<double> percent = std::nullopt) {
  GpuProcess made;
  made.name = std::move(name);
  made.bytes = bytes;
  made.ours = ours;
  made.utilisation_percent = percent;
  return made;
}

Survey survey_of(std::vector<GpuProcess> processes) {
  Gpu gpu;
  gpu.id = "pci:0000:01:00.0";
  gpu.name = "RTX";
  gpu.reading.used_bytes = 1000;
  gpu.reading.utilisation_percent = 60;
  gpu.reading.temperature_celsius = 71;
  gpu.reading.processes = std::move(processes);
  Survey survey;
  survey.gpus.push_back(std::move(gpu));
  return survey;
}

TEST(GpuWatch, ForeignLoadIsWhatOursIsNot) {
  struct Case {
    const char* what;
    std::vector<GpuProcess> processes;
    bool engines_compute;
    std::optional<double> percent;
    std::uint64_t bytes;
  };
  const Case cases[] = {
      {"nobody of ours", {process("game", 700)}, false, 60, 1000},
      {"our engine computes on another GPU", {process("game", 700)}, true, 60, 1000},
      {"our engine waits", {process("game", 700), process("llama-server", 200, true)}, false, 60, 800},
      {"our engine computes", {process("game", 700), process("llama-server", 200, true)}, true, std::nullopt, 800},
      {"and the driver says who else does",
       {process("game", 700, false, 15), process("llama-server", 200, true, 45)},
       true,
       15,
       800},
      {"others all over", {process("game", 700, false, 150), process("llama-server", 200, true)}, true, 100, 800},
      {"only ours is said", {process("game", 700), process("llama-server", 200, true, 45)}, true, 15, 800},
      {"ours is more than all", {process("game", 700), process("llama-server", 200, true, 90)}, true, 0, 800},
  };
  for (const Case& one : cases) {
    const auto loads = gpu_loads(survey_of(one.processes), one.engines_compute);
    ASSERT_EQ(loads.size(), 1u);
    EXPECT_EQ(loads[0].foreign_percent, one.percent) << one.what;
    EXPECT_EQ(loads[0].foreign_bytes, one.bytes) << one.what;
    EXPECT_EQ(loads[0].temperature_celsius, 71);
    EXPECT_THAT(loads[0].foreign_programs, ElementsAre("game")) << one.what;
  }
}

TEST(GpuWatch, ADriverThatSaysNothingOfTheWholeIsBelievedByProcess) {
  for (const bool engines_compute : {false, true}) {
    Survey survey = survey_of({process("game", 700, false, 70), process("llama-server", 200, true, 0)});
    survey.gpus[0].reading.utilisation_percent.reset();
    EXPECT_EQ(gpu_loads(survey, engines_compute)[0].foreign_percent, 70) << engines_compute;
    survey = survey_of({process("game", 700, false, 70)});
    survey.gpus[0].reading.utilisation_percent.reset();
    EXPECT_EQ(gpu_loads(survey, engines_compute)[0].foreign_percent, 70) << engines_compute;
    survey.gpus[0].reading.processes[0].utilisation_percent.reset();
    EXPECT_EQ(gpu_loads(survey, engines_compute)[0].foreign_percent, std::nullopt) << engines_compute;
  }
}

TEST(GpuWatch, NamesThoseWithTheMostMemoryFirstAndEachOnce) {
  std::vector<GpuProcess> processes = {process("Xorg", 30), process("game", 700), process("", 900), process("Xorg", 20),
                                       process("film", std::nullopt)};
  EXPECT_THAT(gpu_loads(survey_of(processes), false)[0].foreign_programs, ElementsAre("game", "Xorg", "film"));
  for (int i = 0; i < 20; ++i)
    processes.push_back(process("p" + std::to_string(i), 1));
  EXPECT_EQ(gpu_loads(survey_of(processes), false)[0].foreign_programs.size(), 8u);
}

TEST(GpuWatch, AGpuInSoftwareIsNone) {
  Survey survey = survey_of({});
  survey.gpus[0].software = true;
  EXPECT_THAT(gpu_loads(survey, false), IsEmpty());
}

class GpuPaceTest : public testing::Test {
 protected:
  GpuPaceTest() {
    const auto script = directory_.path / "probe.sh";
    std::ofstream(script) << "case \"$*\" in *--watch*) watch=1;; esac\necho look$watch >>"
                          << (directory_.path / "calls").string() << "\nwhile :; do echo '"
                          << R"({"gpus":[{"id":"pci:0000:01:00.0","name":"RTX","driver":"x","total_bytes":9,)"
                          << R"("temperature_celsius":71}],"looked_at":["sys"]})"
                          << "'; [ \"$watch\" ] || exit 0; sleep 0.02; done\n";
    InventoryOptions options;
    options.program = {"/bin/sh", script.string()};
    options.environment = {"PATH=/usr/bin:/bin"};
    inventory_.emplace(io_.get_executor(), std::move(options));
    watch_.emplace(
        io_.get_executor(), *inventory_, [this](const Survey&) { ++looks_; }, 20ms);
  }
  void TearDown() override {
    watch_->stop();
    inventory_->stop();
    net::test::run(io_, inventory_->stopped());
    net::test::run(io_, watch_->stopped());
  }
  void wait_for_looks(int count) {
    count += looks_;
    io_.restart();
    while (looks_ < count && io_.run_one() > 0) {
    }
    ASSERT_GE(looks_, count);
    EXPECT_EQ(watch_->gpus().at(0).temperature_celsius, 71);
  }
  int calls(const std::string& wanted) {
    std::ifstream file(directory_.path / "calls");
    std::string line;
    int count = 0;
    while (std::getline(file, line))
      count += line == wanted ? 1 : 0;
    return count;
  }

  asio::io_context io_{1};
  net::test::TemporaryDirectory directory_;
  std::optional<Inventory> inventory_;
  std::optional<GpuWatch> watch_;
  int looks_ = 0;
};

TEST_F(GpuPaceTest, LiveIsOneChildAndSlowAChildALook) {
  watch_->set_pace(GpuWatch::Pace::live);
  wait_for_looks(3);
  EXPECT_EQ(calls("look1"), 1);
  EXPECT_EQ(calls("look"), 0);
  watch_->set_pace(GpuWatch::Pace::slow);
  wait_for_looks(3);
  EXPECT_GE(calls("look"), 3);
  EXPECT_EQ(calls("look1"), 1);
}

TEST_F(GpuPaceTest, OffLeavesNothingRunning) {
  watch_->set_pace(GpuWatch::Pace::live);
  wait_for_looks(1);
  watch_->set_pace(GpuWatch::Pace::slow);
  wait_for_looks(1);
  watch_->set_pace(GpuWatch::Pace::off);
  EXPECT_THAT(watch_->gpus(), IsEmpty());
  const int before = looks_;
  io_.restart();
  io_.run();
  EXPECT_EQ(looks_, before) << "the loop ran out of work";
  watch_->set_pace(GpuWatch::Pace::slow);
  wait_for_looks(1);
}

TEST_F(GpuPaceTest, WhoHearsOfALookMayChangeThePace) {
  watch_.emplace(
      io_.get_executor(), *inventory_,
      [this](const Survey&) {
        ++looks_;
        watch_->set_pace(watch_->pace() == GpuWatch::Pace::live ? GpuWatch::Pace::slow : GpuWatch::Pace::live);
      },
      20ms);
  watch_->set_pace(GpuWatch::Pace::live);
  wait_for_looks(6);
}

}  // namespace
}  // namespace gogrid::worker
