// Proves where controllers are looked for, on hosts with either version of control groups, or both, and that numbers
// are read off what the kernel says.
#include "worker/sandbox/control_group.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "base/encoding.hpp"
#include "worker/sandbox/kernel_text.hpp"

namespace gogrid::worker {
namespace {

constexpr const char* mounts =
    "24 1 0:22 / /proc rw - proc proc rw\n"
    "30 24 0:26 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw\n"
    "31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 24 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
    "33 24 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";

TEST(MemoryGroup, IsFoundInEitherVersion) {
  const char* hybrid = "4:memory:/user/me\n1:cpu,cpuacct:/\n0::/slice\n";
  EXPECT_EQ(find_control_group(hybrid, mounts, 1), "/sys/fs/cgroup/memory/user/me");
  EXPECT_EQ(find_control_group(hybrid, mounts, 2), "/sys/fs/cgroup/unified/slice");
  EXPECT_EQ(find_control_group("0::/\n", mounts, 2), "/sys/fs/cgroup/unified");
  EXPECT_EQ(find_control_group("0::/\n", mounts, 1), "");
}

TEST(MemoryGroup, AMountedSubtreeIsTakenOff) {
  const char* inner = "31 24 0:27 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
  EXPECT_EQ(find_control_group("0::/docker/x/y\n", inner, 2), "/sys/fs/cgroup/y");
  EXPECT_EQ(find_control_group("0::/elsewhere\n", inner, 2), "");
}

TEST(MemoryGroup, NonsenseIsNoGroup) {
  EXPECT_EQ(find_control_group("", "", 2), "");
  EXPECT_EQ(find_control_group("0::", " - ", 2), "");
  EXPECT_EQ(find_control_group("::::\n0", "a b c d e f - cgroup2\n", 2), "");
}

TEST(MemoryGroup, VersionOneHasADirectoryForEachController) {
  const char* text = "8:pids:/p\n4:memory:/m\n0::/\n";
  EXPECT_EQ(find_control_group(text, mounts, 1, "pids"), "/sys/fs/cgroup/pids/p");
  EXPECT_EQ(find_control_group(text, mounts, 1, "memory"), "/sys/fs/cgroup/memory/m");
}

TEST(MemoryGroup, AllowsWhatTheLeastOfThoseAboveItAllows) {
  const auto top = std::filesystem::temp_directory_path() / ("gogrid-group-" + to_hex(as_bytes(random_bytes(6))));
  std::filesystem::create_directories(top / "a/b");
  constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(group_memory_bytes(top / "a/b"), all);
  std::ofstream(top / "a/b/memory.max") << "max\n";
  EXPECT_EQ(group_memory_bytes(top / "a/b"), all);
  std::ofstream(top / "a/memory.max") << "4096\n";
  EXPECT_EQ(group_memory_bytes(top / "a/b"), 4096u);
  std::ofstream(top / "a/b/memory.max") << "1024\n";
  EXPECT_EQ(group_memory_bytes(top / "a/b"), 1024u);
  std::filesystem::remove_all(top);
  EXPECT_EQ(group_memory_bytes({}), all);
}

TEST(KernelText, HasNumbersByNames) {
  EXPECT_EQ(number_after("nr_free_pages 5\noom_kill 12\nnuma_hit 7\n", "oom_kill"), 12u);
  EXPECT_EQ(number_after("oom_kill_disable 0\nunder_oom 0\noom_kill 3", "oom_kill"), 3u);
  EXPECT_EQ(number_after("Pss:            300 kB\n", "Pss:"), 300u);
  for (const char* text : {"", "nr_free_pages 5\n", "oom_kill", "oom_kill ", "oom_kill x\n", "\n\n"})
    EXPECT_FALSE(number_after(text, "oom_kill")) << text;
}

}  // namespace
}  // namespace gogrid::worker
