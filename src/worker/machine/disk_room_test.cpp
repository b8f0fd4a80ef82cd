#include "worker/machine/disk_room.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "net/net_test_support.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

TEST(DiskRoom, LowUntilThereIsATenthMore) {
  struct Case {
    std::uint64_t free;
    std::uint64_t least;
    bool before;
    bool low;
  };
  const Case cases[] = {
      {99, 100, false, true},    {100, 100, false, false}, {100, 100, true, true}, {109, 100, true, true},
      {110, 100, true, false},   {0, 0, false, false},     {0, 0, true, false},    {0, 1, false, true},
      {~0ull, 100, true, false}, {5, ~0ull, false, true},
  };
  for (const Case& one : cases)
    EXPECT_EQ(is_low(one.free, one.least, one.before), one.low) << one.free << " of " << one.least;
}

TEST(DiskRoom, LooksAgainWhileItIsLowAndNeverOtherwise) {
  asio::io_context io(1);
  const net::test::TemporaryDirectory directory;
  DiskRoomOptions options;
  options.path = directory.path;
  options.look_pause = 10ms;
  int changes = 0;
  DiskRoom room(io.get_executor(), std::move(options), [&changes] { ++changes; });
  room.check();
  EXPECT_FALSE(room.is_low());
  EXPECT_GT(room.free_bytes().value_or(0), 0u);
  EXPECT_EQ(io.run_for(1s), 0u) << "nothing waits";
  room.set_least_bytes(~0ull);
  EXPECT_TRUE(room.is_low());
  EXPECT_EQ(changes, 1);
  io.restart();
  EXPECT_EQ(io.run_one_for(10s), 1u) << "it looks again";
  room.set_least_bytes(1);
  EXPECT_FALSE(room.is_low());
  EXPECT_EQ(changes, 2);
  room.set_least_bytes(~0ull);
  room.stop();
  io.restart();
  io.run();
  EXPECT_EQ(changes, 3);
}

TEST(DiskRoom, WhatCannotBeToldIsNotLow) {
  asio::io_context io(1);
  DiskRoomOptions options;
  options.path = "/nonexistent/path";
  options.least_bytes = ~0ull;
  DiskRoom room(io.get_executor(), std::move(options), [] { FAIL(); });
  room.check();
  EXPECT_FALSE(room.is_low());
  EXPECT_EQ(room.free_bytes(), std::nullopt);
}

}  // namespace
}  // namespace gogrid::worker
