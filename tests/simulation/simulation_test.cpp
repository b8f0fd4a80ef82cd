#include <gtest/gtest.h>

#include "simulation/world.hpp"

namespace gogrid::simulation {
namespace {

constexpr std::uint64_t shards = 8;

std::string failure_of(const Report& report) {
  return report.failure ? report.failure->invariant + ": " + report.failure->text : "";
}

TEST(Simulation, ReplaysASeedExactly) {
  const Report first = World(7, {}, false).run();
  const Report again = World(7, {}, false).run();
  EXPECT_EQ(first.trace_hash, again.trace_hash);
  EXPECT_EQ(first.jobs, again.jobs);
  EXPECT_NE(first.trace_hash, World(8, {}, false).run().trace_hash);
}

class ManySeeds : public testing::TestWithParam<std::uint64_t> {};

TEST_P(ManySeeds, BreakNoRule) {
  std::size_t succeeded = 0;
  for (std::uint64_t seed = 1 + GetParam(); seed <= GOGRID_SIMULATION_SEEDS; seed += shards) {
    SCOPED_TRACE("gogrid_simulate --seed " + std::to_string(seed) + " --trace");
    const Report report = World(seed, {}, false).run();
    ASSERT_FALSE(report.failure) << failure_of(report);
    succeeded += report.succeeded;
  }
  // They went somewhere.
  EXPECT_GT(succeeded, 20u * GOGRID_SIMULATION_SEEDS / shards);
}
INSTANTIATE_TEST_SUITE_P(Simulation, ManySeeds, testing::Range<std::uint64_t>(0, shards));

class LargeWorld : public testing::TestWithParam<std::uint64_t> {};

TEST_P(LargeWorld, BreaksNoRule) {
  SCOPED_TRACE("gogrid_simulate --seed " + std::to_string(GetParam()) + " --workers 1200 --minutes 1 --trace");
  const Report report = World(GetParam(), {1200, 1}, false).run();
  ASSERT_FALSE(report.failure) << failure_of(report);
  EXPECT_GT(report.succeeded, 100u);
}
INSTANTIATE_TEST_SUITE_P(Simulation, LargeWorld, testing::Values(2, 9, 13, 14));

}  // namespace
}  // namespace gogrid::simulation
