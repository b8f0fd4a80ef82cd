// Proves that the argument list is what the sandbox's promises rest on, for a bundle and for a host's own engine.
#include "worker/sandbox/bubblewrap_arguments.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace gogrid::worker {
namespace {

using List = std::vector<std::string>;

std::size_t find(const List& list, const List& part) {
  const auto found = std::search(list.begin(), list.end(), part.begin(), part.end());
  return found == list.end() ? std::string::npos : static_cast<std::size_t>(found - list.begin());
}

bool has(const List& list, const List& part) { return find(list, part) != std::string::npos; }

SandboxSpec bundle_spec() {
  SandboxSpec spec;
  spec.root = "/state/engines/abc";
  spec.read_only = {{"/state/blobs/def", "/models/model.gguf"}};
  spec.socket_dir = "/state/run/e-1";
  spec.environment = {{"HOME", "/tmp"}};
  spec.command = {"/usr/bin/llama-server", "--help"};
  return spec;
}

TEST(BubblewrapArguments, ABundleGetsItsOwnWorld) {
  const List list = bubblewrap_arguments("/usr/bin/bwrap", bundle_spec(), 3, {});
  EXPECT_EQ(list.front(), "/usr/bin/bwrap");
  for (const List& part : std::vector<List>{{"--unshare-user"},
                                            {"--unshare-all"},
                                            {"--die-with-parent"},
                                            {"--new-session"},
                                            {"--clearenv"},
                                            {"--cap-drop", "ALL"},
                                            {"--uid", "65534", "--gid", "65534"},
                                            {"--seccomp", "3"},
                                            {"--ro-bind", "/state/engines/abc", "/"},
                                            {"--proc", "/proc", "--remount-ro", "/proc"},
                                            {"--remount-ro", "/dev"},
                                            {"--ro-bind", "/state/blobs/def", "/models/model.gguf"},
                                            {"--remount-ro", "/models"},
                                            {"--bind", "/state/run/e-1", "/run/gogrid"},
                                            {"--setenv", "HOME", "/tmp"},
                                            {"--", "/usr/bin/llama-server", "--help"}}) {
    EXPECT_TRUE(has(list, part)) << part.front() << (part.size() > 1 ? " " + part[1] : "");
  }
  EXPECT_FALSE(has(list, {"--share-net"}));
  EXPECT_FALSE(has(list, {"/usr", "/usr"})) << "the host's /usr must not be seen";
}

TEST(BubblewrapArguments, NothingIsWritableButTheSocketsAndBoundedMemory) {
  const List list = bubblewrap_arguments("/usr/bin/bwrap", bundle_spec(), 3, {});
  EXPECT_EQ(std::count(list.begin(), list.end(), "--bind"), 1);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] != "--tmpfs") continue;
    const bool sized = (i >= 2 && list[i - 2] == "--size") || (i >= 4 && list[i - 4] == "--size");
    EXPECT_TRUE(sized) << list[i + 1] << " has no bound";
  }
  // Read-only only after it was filled.
  EXPECT_LT(find(list, {"--ro-bind", "/state/blobs/def"}), find(list, {"--remount-ro", "/models"}));
}

TEST(BubblewrapArguments, AHostEngineSeesTheHostsLibrariesReadOnly) {
  SandboxSpec spec = bundle_spec();
  spec.root.clear();
  const List list = bubblewrap_arguments("/usr/bin/bwrap", spec, 3, {{"/lib", "usr/lib"}, {"/lib64", ""}});
  EXPECT_TRUE(has(list, {"--ro-bind", "/usr", "/usr"}));
  EXPECT_TRUE(has(list, {"--symlink", "usr/lib", "/lib"}));
  EXPECT_TRUE(has(list, {"--ro-bind", "/lib64", "/lib64"}));
  EXPECT_TRUE(has(list, {"--remount-ro", "/"}));
  EXPECT_FALSE(has(list, {"/etc", "/etc"}));
  EXPECT_FALSE(has(list, {"/home", "/home"}));
}

}  // namespace
}  // namespace gogrid::worker
