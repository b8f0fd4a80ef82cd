// Proves where the memory controller is looked for, on hosts with either version of control groups, or both.
#include "worker/sandbox/memory_limit.hpp"

#include <gtest/gtest.h>

namespace gogrid::worker {
namespace {

constexpr const char* mounts =
    "24 1 0:22 / /proc rw - proc proc rw\n"
    "30 24 0:26 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw\n"
    "31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 24 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n";

TEST(MemoryGroup, IsFoundInEitherVersion) {
  const char* hybrid = "4:memory:/user/me\n1:cpu,cpuacct:/\n0::/slice\n";
  EXPECT_EQ(find_memory_group(hybrid, mounts, 1), "/sys/fs/cgroup/memory/user/me");
  EXPECT_EQ(find_memory_group(hybrid, mounts, 2), "/sys/fs/cgroup/unified/slice");
  EXPECT_EQ(find_memory_group("0::/\n", mounts, 2), "/sys/fs/cgroup/unified");
  EXPECT_EQ(find_memory_group("0::/\n", mounts, 1), "");
}

TEST(MemoryGroup, AMountedSubtreeIsTakenOff) {
  const char* inner = "31 24 0:27 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
  EXPECT_EQ(find_memory_group("0::/docker/x/y\n", inner, 2), "/sys/fs/cgroup/y");
  EXPECT_EQ(find_memory_group("0::/elsewhere\n", inner, 2), "");
}

TEST(MemoryGroup, NonsenseIsNoGroup) {
  EXPECT_EQ(find_memory_group("", "", 2), "");
  EXPECT_EQ(find_memory_group("0::", " - ", 2), "");
  EXPECT_EQ(find_memory_group("::::\n0", "a b c d e f - cgroup2\n", 2), "");
}

TEST(MemoryLimit, ZeroLeavesATenthToOthers) {
  EXPECT_EQ(memory_limit_bytes(0, 1000), 900u);
  EXPECT_EQ(memory_limit_bytes(2.5, 1000), 2'500'000'000u);
}

TEST(MemoryLimit, SaysWhatIsInForce) {
  const MemoryLimit limit(1'500'000'000);
  EXPECT_NE(limit.description().find("1.5 GB"), std::string::npos) << limit.description();
  EXPECT_EQ(MemoryLimit(0).description(), "no limit");
}

}  // namespace
}  // namespace gogrid::worker
