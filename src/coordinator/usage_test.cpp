// What keys use is in the store once and only once, whatever fails and whatever happens at the same time.
#include "coordinator/usage.hpp"

#include <gtest/gtest.h>

#include "coordinator/coordinator_test_support.hpp"

namespace gogrid::coordinator {
namespace {

namespace asio = boost::asio;
using domain::Usage;

class SlowUsageStore final : public store::UsageStore {
 public:
  explicit SlowUsageStore(asio::any_io_executor executor) : reached(executor), go_on(executor) {}

  store::Pending<> add_usage(std::vector<store::UsageRecord> usage) override {
    ++writes;
    if (slow) {
      reached.set();
      co_await go_on.wait();
    }
    if (broken) co_return Error(ErrorCode::disk_full, "the disk is full");
    for (auto& record : usage)
      kept.push_back(std::move(record));
    co_return Result<void>();
  }
  store::Pending<std::vector<store::UsageRecord>> list_usage(std::int64_t, std::int64_t, std::string) override {
    co_return kept;
  }

  bool slow = false;
  bool broken = false;
  int writes = 0;
  std::vector<store::UsageRecord> kept;
  net::test::Event reached;
  net::test::Event go_on;
};

class UsageMeterTest : public testing::Test {
 protected:
  std::vector<store::UsageRecord> list(std::string key = "") {
    return net::test::run(io, meter.list(0, 1'000'000, std::move(key))).value();
  }
  bool flush() { return net::test::run(io, meter.flush()).has_value(); }
  static store::UsageRecord record(std::int64_t day, std::string key, std::string model, std::int64_t requests,
                                   std::int64_t prompt, std::int64_t completion) {
    return {day, std::move(key), std::move(model), requests, prompt, completion};
  }

  asio::io_context io{1};
  test::ShiftedClock clock;
  SlowUsageStore store{io.get_executor()};
  UsageMeter meter{store, clock};
  const std::int64_t today = day_of(clock.system_now());
};

TEST_F(UsageMeterTest, CountsByDayKeyAndModelAndWritesInOneGo) {
  int told = 0;
  meter.on_unwritten([&] { ++told; });
  EXPECT_TRUE(flush());
  EXPECT_EQ(store.writes, 0);
  meter.note("b", "m", Usage{1, 2});
  meter.note("a", "m", Usage{10, 20});
  meter.note("a", "m", Usage{100, 200});
  meter.note("a", "l", Usage{5, 0});
  EXPECT_EQ(told, 1);
  const std::vector<store::UsageRecord> wanted{record(today, "a", "l", 1, 5, 0), record(today, "a", "m", 2, 110, 220),
                                               record(today, "b", "m", 1, 1, 2)};
  EXPECT_EQ(list(), wanted);
  EXPECT_EQ(list("b"), std::vector{wanted[2]});
  EXPECT_TRUE(flush());
  EXPECT_EQ(store.writes, 1);
  EXPECT_EQ(store.kept, wanted);
  EXPECT_EQ(list(), wanted);
  clock.shift += std::chrono::hours(24);
  meter.note("a", "l", Usage{1, 1});
  EXPECT_EQ(told, 2);
  EXPECT_EQ(list().back(), record(today + 1, "a", "l", 1, 1, 1));
}

TEST_F(UsageMeterTest, AWriteThatFailsIsMadeAgain) {
  int told = 0;
  meter.on_unwritten([&] { ++told; });
  store.broken = true;
  meter.note("a", "m", Usage{1, 2});
  EXPECT_FALSE(flush());
  EXPECT_EQ(told, 2);
  EXPECT_EQ(list(), std::vector{record(today, "a", "m", 1, 1, 2)});
  store.broken = false;
  EXPECT_TRUE(flush());
  EXPECT_TRUE(flush());
  EXPECT_EQ(store.kept, std::vector{record(today, "a", "m", 1, 1, 2)});
  EXPECT_EQ(list(), store.kept);
}

TEST_F(UsageMeterTest, WhatComesDuringAWriteIsWrittenNextAndNobodyReadsInBetween) {
  int told = 0;
  meter.on_unwritten([&] { ++told; });
  meter.note("a", "m", Usage{1, 1});
  store.slow = true;
  TaskGroup tasks(io.get_executor());
  const auto write = [&]() -> asio::awaitable<void> {
    const auto written = co_await meter.flush();
    EXPECT_TRUE(written);
  };
  tasks.spawn("write", write());
  net::test::run(io, store.reached.wait());
  meter.note("a", "m", Usage{10, 10});
  std::vector<store::UsageRecord> seen;
  const auto look = [&]() -> asio::awaitable<void> {
    auto listed = co_await meter.list(0, 1'000'000, "");
    seen = std::move(listed.value());
  };
  tasks.spawn("look", look());
  store.go_on.set();
  net::test::run(io, tasks.wait());
  EXPECT_EQ(seen, std::vector{record(today, "a", "m", 2, 11, 11)});
  EXPECT_EQ(told, 2);
  EXPECT_TRUE(flush());
  ASSERT_EQ(store.kept.size(), 2u);
  EXPECT_EQ(store.kept[1], record(today, "a", "m", 1, 10, 10));
}

}  // namespace
}  // namespace gogrid::coordinator
