// The keeper with a clock of the test's, real files and a real pool.
#include "worker/history/keeper.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "net/net_test_support.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using nlohmann::json;

class ManualClock : public Clock {
 public:
  SteadyTime steady_now() const override { return SteadyTime(passed); }
  SystemTime system_now() const override { return from_unix_seconds(1'795'953'600) + passed; }
  std::chrono::milliseconds passed{0};
};

class UtcCalendar : public Calendar {
 public:
  DayNumber day_of(SystemTime time) const override { return static_cast<DayNumber>(to_unix_seconds(time) / 86400); }
  SystemTime end_of(DayNumber day) const override { return from_unix_seconds((std::int64_t{day} + 1) * 86400); }
};

Survey survey_of(std::initializer_list<GpuReading> readings) {
  Survey survey;
  for (const GpuReading& reading : readings) {
    Gpu gpu;
    gpu.id = "pci:" + std::to_string(survey.gpus.size());
    gpu.reading = reading;
    survey.gpus.push_back(std::move(gpu));
  }
  return survey;
}

GpuReading reading(double percent, std::uint64_t bytes, double celsius, double watts) {
  GpuReading made;
  made.utilisation_percent = percent;
  made.used_bytes = bytes;
  made.temperature_celsius = celsius;
  made.power_watts = watts;
  return made;
}

TEST(GpuFigures, AreThoseOfAllGpusTogether) {
  const GpuFigures two = gpu_figures(survey_of({reading(100, 4, 60, 200), reading(0, 3, 80, 20)}));
  EXPECT_EQ(two.percent, 50);
  EXPECT_EQ(two.memory_bytes, 7u);
  EXPECT_EQ(two.temperature_celsius, 80);
  EXPECT_EQ(two.power_watts, 220);
  EXPECT_EQ(gpu_figures(survey_of({reading(40, 4, 60, 200), GpuReading()})).percent, 40);
  EXPECT_EQ(gpu_figures(survey_of({GpuReading()})), GpuFigures());
  Survey software = survey_of({reading(1, 2, 3, 4)});
  software.gpus[0].software = true;
  EXPECT_EQ(gpu_figures(software), GpuFigures());
}

class HistoryKeeperTest : public testing::Test {
 protected:
  ~HistoryKeeperTest() override {
    if (keeper_) stop();
  }
  HistoryKeeper& start() {
    HistoryKeeperOptions options;
    options.file = file_;
    options.save_interval = interval_;
    options.clock = &clock_;
    options.calendar = &calendar_;
    keeper_.emplace(io_.get_executor(), pool_, std::move(options));
    keeper_->start();
    return *keeper_;
  }
  void stop() {
    keeper_->stop();
    net::test::run(io_, keeper_->stopped());
    keeper_.reset();
  }
  json day(int index = 0) { return keeper_->to_json()["days"].at(static_cast<std::size_t>(index)); }
  std::string stored() const {
    std::ifstream file(file_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Until the file is another one.
  void wait_for_writing() {
    const std::string before = stored();
    io_.restart();
    while (stored() == before && io_.run_one() > 0) {
    }
    ASSERT_NE(stored(), before);
  }

  asio::io_context io_{1};
  asio::thread_pool pool_{1};
  net::test::TemporaryDirectory directory_;
  fs::path file_ = directory_.path / "history.json";
  std::chrono::milliseconds interval_{60'000};
  ManualClock clock_;
  UtcCalendar calendar_;
  std::optional<HistoryKeeper> keeper_;
};

TEST_F(HistoryKeeperTest, TimeIsGivenWhileAnythingRunsAndCountsOnce) {
  HistoryKeeper& keeper = start();
  clock_.passed += 10s;
  auto first = keeper.begin_work();
  clock_.passed += 10s;
  auto second = keeper.begin_work();
  clock_.passed += 10s;
  first.reset();
  clock_.passed += 10s;
  EXPECT_EQ(day()["given_seconds"], 30) << "also of what still runs";
  second.reset();
  clock_.passed += 10s;
  EXPECT_EQ(day()["given_seconds"], 30);
  EXPECT_EQ(keeper.to_json()["totals"]["given_seconds"], 30);
}

TEST_F(HistoryKeeperTest, APauseCountsForTheReasonThatItHad) {
  HistoryKeeper& keeper = start();
  clock_.passed += 1h;
  keeper.set_pauses({"user_active"});
  clock_.passed += 2min;
  keeper.set_pauses({"too_hot"});
  clock_.passed += 30s;
  EXPECT_EQ(day()["paused_seconds"], json({{"user_active", 120}, {"too_hot", 30}})) << "also one that lasts";
  keeper.set_pauses({});
  clock_.passed += 1h;
  EXPECT_EQ(day()["paused_seconds"], json({{"user_active", 120}, {"too_hot", 30}}));
  keeper.set_pauses({"low_disk", "too_hot"});
  clock_.passed += 10s;
  EXPECT_EQ(day()["paused_seconds"], json({{"user_active", 120}, {"too_hot", 40}, {"low_disk", 10}}))
      << "each of those that hold at once";
  keeper.set_pauses({"on_battery"});
  clock_.passed += 24h;
  keeper.set_pauses({});
  EXPECT_EQ(day(0)["paused_seconds"]["on_battery"].get<int>() + day(1)["paused_seconds"]["on_battery"].get<int>(),
            24 * 3600);
}

TEST_F(HistoryKeeperTest, WhatWasCountedOutlivesTheDaemon) {
  HistoryKeeper& keeper = start();
  keeper.answered(42, true);
  keeper.answered(5, false);
  keeper.set_pauses({"by_owner"});
  keeper.add_reading(survey_of({reading(50, 100, 60, 70)}));
  clock_.passed += 90s;
  const json before = keeper.to_json();
  EXPECT_EQ(before["totals"], json({{"jobs", 1}, {"tokens", 47}, {"given_seconds", 0}}));
  EXPECT_EQ(before["days"][0]["paused_seconds"]["by_owner"], 90);
  EXPECT_EQ(before["samples"].size(), 1u);
  stop();
  struct stat status {};
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(start().to_json(), before);
}

TEST_F(HistoryKeeperTest, ItIsWrittenAtOnceAndThenNotForAWhile) {
  HistoryKeeper& keeper = start();
  io_.poll();
  EXPECT_FALSE(fs::exists(file_)) << "nothing happened";
  keeper.answered(1, true);
  wait_for_writing();
  const std::string first = stored();
  keeper.answered(1, true);
  io_.restart();
  io_.run_for(50ms);
  EXPECT_EQ(stored(), first);
  stop();
  EXPECT_NE(stored(), first) << "the end waits for nothing";
}

TEST_F(HistoryKeeperTest, WhatComesInTheMeantimeIsWrittenTogether) {
  interval_ = 20ms;
  HistoryKeeper& keeper = start();
  keeper.answered(1, true);
  wait_for_writing();
  keeper.answered(1, true);
  keeper.answered(1, true);
  wait_for_writing();
  EXPECT_EQ(json::parse(stored())["totals"]["jobs"], 3);
}

TEST_F(HistoryKeeperTest, ABrokenFileIsSetAside) {
  std::ofstream(file_) << "{\"version\":1,\"days\":[";
  HistoryKeeper& keeper = start();
  EXPECT_EQ(keeper.to_json()["days"].size(), 0u);
  keeper.answered(1, true);
  stop();
  std::ifstream broken(file_.string() + ".broken");
  const std::string text{std::istreambuf_iterator<char>(broken), {}};
  EXPECT_EQ(text, "{\"version\":1,\"days\":[");
  EXPECT_EQ(json::parse(stored())["totals"]["jobs"], 1);
}

TEST_F(HistoryKeeperTest, ANewerVersionsFileAndOneThatIsTooLongAreSetAsideToo) {
  for (const std::string& text : {std::string("{\"version\":99}"), std::string(max_history_bytes + 1, ' ')}) {
    std::ofstream(file_) << text;
    start();
    EXPECT_FALSE(fs::exists(file_));
    EXPECT_EQ(fs::file_size(file_.string() + ".broken"), text.size());
    stop();
  }
}

TEST_F(HistoryKeeperTest, ADiskThatIsAwayCostsNothingThatWasCounted) {
  interval_ = 0ms;
  file_ = directory_.path / "state" / "history.json";
  HistoryKeeper& keeper = start();
  keeper.answered(1, true);
  io_.restart();
  io_.run_for(50ms);
  EXPECT_FALSE(fs::exists(file_));
  fs::create_directory(file_.parent_path());
  keeper.answered(1, true);
  wait_for_writing();
  EXPECT_EQ(json::parse(stored())["totals"]["jobs"], 2);
}

}  // namespace
}  // namespace gogrid::worker
