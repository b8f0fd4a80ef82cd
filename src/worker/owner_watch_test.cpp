// Proves that what the owner asked for outlives the daemon and ends in time, and that the worker is told of each
// change.
#include "worker/owner_watch.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "base/encoding.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class OwnerWatchTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(file_); }

  std::unique_ptr<OwnerWatch> make(OwnerRules rules = {}) {
    return std::make_unique<OwnerWatch>(io_.get_executor(), file_, std::move(rules), [this] { ++changes_; });
  }
  void finish(OwnerWatch& watch) {
    watch.stop();
    io_.restart();
    io_.run();
  }

  asio::io_context io_{1};
  std::filesystem::path file_ =
      std::filesystem::temp_directory_path() / ("gogrid-pause-" + to_hex(as_bytes(random_bytes(6))));
  int changes_ = 0;
};

TEST_F(OwnerWatchTest, APauseOutlivesTheDaemon) {
  {
    const auto watch = make();
    EXPECT_TRUE(watch->pauses().empty());
    OwnerPause pause;
    pause.reason = "gaming\nnow";
    ASSERT_TRUE(watch->pause(pause));
    ASSERT_EQ(watch->pauses().size(), 1u);
    EXPECT_EQ(watch->pauses()[0].code, PauseCode::by_owner);
    EXPECT_EQ(watch->pauses()[0].text, "gaming now");
    EXPECT_EQ(changes_, 1);
  }
  const auto watch = make();
  ASSERT_EQ(watch->pauses().size(), 1u);
  EXPECT_EQ(watch->pauses()[0].text, "gaming now");
  ASSERT_TRUE(watch->resume());
  EXPECT_TRUE(watch->pauses().empty());
  EXPECT_EQ(changes_, 2);
  EXPECT_TRUE(make()->pauses().empty());
}

TEST_F(OwnerWatchTest, ATimedPauseOutlivesTheDaemonAndEndsByItself) {
  const auto until = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now()) + 2s;
  ASSERT_TRUE(make()->pause(OwnerPause{"", until}));
  const auto watch = make();
  ASSERT_EQ(watch->pauses().size(), 1u);
  EXPECT_EQ(watch->pauses()[0].until, until);
  watch->start();
  while (!watch->pauses().empty())
    io_.run_one();
  EXPECT_GE(std::chrono::system_clock::now(), until);
  EXPECT_EQ(changes_, 2);
  EXPECT_FALSE(std::filesystem::exists(file_));
  finish(*watch);
}

TEST_F(OwnerWatchTest, APauseThatIsOverAlreadyIsRefused) {
  const auto watch = make();
  ASSERT_TRUE(watch->pause(OwnerPause{"holiday", std::nullopt}));
  const auto paused = watch->pause(OwnerPause{"", std::chrono::system_clock::now() - 1s});
  ASSERT_FALSE(paused);
  EXPECT_EQ(paused.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(watch->pauses()[0].text, "holiday") << "the one before stays";
}

TEST_F(OwnerWatchTest, APausesReasonIsValidUtf8) {
  const std::string reason(199, 'x');
  const auto watch = make();
  ASSERT_TRUE(watch->pause(OwnerPause{reason + "\xc3\xa9", std::nullopt}));
  EXPECT_EQ(watch->pauses()[0].text, reason);
  ASSERT_TRUE(watch->pause(OwnerPause{"\xff", std::nullopt}));
  EXPECT_EQ(watch->pauses()[0].text, "\xef\xbf\xbd");
}

// The owner wanted a pause: what is left of it is enough to keep it.
TEST_F(OwnerWatchTest, AFileThatCannotBeReadIsAPause) {
  for (const char* text : {"", "gaming", "{\"reason\": 7, \"until\": \"later\"}", "[1]", "{\"reason\": \"\xff\"}"}) {
    std::ofstream(file_) << text;
    const auto watch = make();
    ASSERT_EQ(watch->pauses().size(), 1u) << text;
    EXPECT_EQ(watch->pauses()[0].text, "you paused it");
    EXPECT_EQ(watch->pauses()[0].until, std::nullopt);
  }
}

TEST_F(OwnerWatchTest, NewRulesCountAtOnce) {
  const auto watch = make();
  OwnerRules rules;
  rules.schedule = *domain::Schedule::parse("never");
  watch->set_rules(rules);
  ASSERT_EQ(watch->pauses().size(), 1u);
  EXPECT_EQ(watch->pauses()[0].code, PauseCode::outside_schedule);
  watch->set_rules(OwnerRules());
  EXPECT_TRUE(watch->pauses().empty());
  EXPECT_EQ(changes_, 2);
}

TEST_F(OwnerWatchTest, WhatIsSensedCountsAtOnceAndEndsInItsTime) {
  const auto watch = make();
  watch->start();
  OwnerSenses senses;
  senses.activity = OwnerSenses::Activity::active;
  watch->sense(senses);
  ASSERT_EQ(watch->pauses().size(), 1u);
  EXPECT_EQ(watch->pauses()[0].code, PauseCode::user_active);
  senses.activity = OwnerSenses::Activity::idle;
  senses.on_battery = true;
  watch->sense(senses);
  ASSERT_EQ(watch->pauses().size(), 1u);
  EXPECT_EQ(watch->pauses()[0].code, PauseCode::on_battery);
  finish(*watch);
}

// At most 27 hours away, at eight by this machine's clock, and never within a sleepless hour.
TEST(NextMorning, IsAtEightAndANightAway) {
  const SystemTime start(1'750'000'000s);
  for (int hour = 0; hour < 24 * 400; ++hour) {
    const SystemTime now = start + std::chrono::hours(hour);
    const SystemTime morning = next_morning(now);
    EXPECT_GE(morning - now, 3h);
    EXPECT_LE(morning - now, 28h);
    const std::time_t seconds = std::chrono::system_clock::to_time_t(morning);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    EXPECT_EQ(parts.tm_hour, 8);
    EXPECT_EQ(parts.tm_min, 0);
  }
}

}  // namespace
}  // namespace gogrid::worker
