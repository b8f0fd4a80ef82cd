// Proves that a condition counts only what lasts.
#include "worker/policy/condition.hpp"

#include <gtest/gtest.h>

namespace gogrid::worker {
namespace {

using namespace std::chrono_literals;

TEST(Condition, HoldsAfterItsOnsetAndEndsAfterItsRelease) {
  const SteadyTime start{100s};
  Condition condition(3s, 30s);
  EXPECT_FALSE(condition.holds(start));
  EXPECT_FALSE(condition.changes_at());
  condition.see(true, start);
  EXPECT_FALSE(condition.holds(start + 2999ms));
  EXPECT_EQ(condition.changes_at(), start + 3s);
  EXPECT_TRUE(condition.holds(start + 3s));
  EXPECT_FALSE(condition.changes_at());
  condition.see(false, start + 10s);
  EXPECT_EQ(condition.changes_at(), start + 40s);
  EXPECT_TRUE(condition.holds(start + 39s));
  EXPECT_FALSE(condition.holds(start + 40s));
}

TEST(Condition, IsNotMovedByWhatFlickers) {
  SteadyTime now{100s};
  Condition condition(3s, 30s);
  for (int i = 0; i < 100; ++i) {
    condition.see(i % 2 == 0, now += 2s);
    EXPECT_FALSE(condition.holds(now));
  }
  condition.see(true, now);
  ASSERT_TRUE(condition.holds(now += 3s));
  for (int i = 0; i < 100; ++i) {
    condition.see(i % 2 == 1, now += 2s);
    EXPECT_TRUE(condition.holds(now));
  }
}

TEST(Condition, WithoutAnOnsetItHoldsAtOnce) {
  const SteadyTime start{100s};
  Condition condition(0s, 0s);
  condition.see(true, start);
  EXPECT_TRUE(condition.holds(start));
  condition.see(false, start);
  EXPECT_FALSE(condition.holds(start));
}

}  // namespace
}  // namespace gogrid::worker
