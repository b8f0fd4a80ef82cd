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
  spec.environment = {{"HOME", "/tmp"}};
  spec.command = {"/usr/bin/llama-server", "--help"};
  return spec;
}

TEST(BubblewrapArguments, ABundleGetsItsOwnWorld) {
  const List list = bubblewrap_arguments("/usr/bin/bwrap", bundle_spec(), {}, {});
  EXPECT_EQ(list.front(), "/usr/bin/bwrap");
  for (const List& part : std::vector<List>{{"--unshare-user"},
                                            {"--unshare-all"},
                                            {"--die-with-parent"},
                                            {"--clearenv"},
                                            {"--cap-drop", "ALL"},
                                            {"--uid", "65534", "--gid", "65534"},
                                            {"--seccomp", "3", "--info-fd", "4"},
                                            {"--ro-bind", "/state/engines/abc", "/"},
                                            {"--proc", "/proc", "--remount-ro", "/proc"},
                                            {"--remount-ro", "/dev"},
                                            {"--ro-bind", "/state/blobs/def", "/models/model.gguf"},
                                            {"--remount-ro", "/models"},
                                            {"--perms", "0700", "--tmpfs", "/run/gogrid"},
                                            {"--setenv", "HOME", "/tmp"},
                                            {"--", "/usr/bin/llama-server", "--help"}}) {
    EXPECT_TRUE(has(list, part)) << part.front() << (part.size() > 1 ? " " + part[1] : "");
  }
  EXPECT_FALSE(has(list, {"--share-net"}));
  EXPECT_FALSE(has(list, {"/usr", "/usr"})) << "the host's /usr must not be seen";
  EXPECT_FALSE(has(list, {"/sys"}));
}

TEST(BubblewrapArguments, NothingIsWritableButBoundedMemory) {
  const List list = bubblewrap_arguments("/usr/bin/bwrap", bundle_spec(), {}, {});
  EXPECT_EQ(std::count(list.begin(), list.end(), "--bind"), 0);
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
  const List list = bubblewrap_arguments("/usr/bin/bwrap", spec, {}, {{"/lib", "usr/lib"}, {"/lib64", ""}});
  EXPECT_TRUE(has(list, {"--ro-bind", "/usr", "/usr"}));
  EXPECT_TRUE(has(list, {"--symlink", "usr/lib", "/lib"}));
  EXPECT_TRUE(has(list, {"--ro-bind", "/lib64", "/lib64"}));
  EXPECT_TRUE(has(list, {"--remount-ro", "/"}));
  EXPECT_FALSE(has(list, {"/etc", "/etc"}));
  EXPECT_FALSE(has(list, {"/home", "/home"}));
}

TEST(BubblewrapArguments, AnEngineForGpusSeesThemAndWhatTheyAre) {
  SandboxSpec spec = bundle_spec();
  spec.gpu.emplace();
  spec.gpu->nodes = {"/dev/dri/renderD128"};
  spec.gpu->facts = {"/sys/devices/pci0/vendor"};
  spec.gpu->links = {{"/sys/dev/char/226:128", "/sys/devices/pci0/drm/renderD128"}};
  const List list = bubblewrap_arguments("/usr/bin/bwrap", spec, {}, {});
  const auto node = find(list, {"--dev-bind", "/dev/dri/renderD128", "/dev/dri/renderD128"});
  const auto fact = find(list, {"--ro-bind", "/sys/devices/pci0/vendor", "/sys/devices/pci0/vendor"});
  const auto link = find(list, {"--symlink", "/sys/devices/pci0/drm/renderD128", "/sys/dev/char/226:128"});
  EXPECT_LT(node, find(list, {"--remount-ro", "/dev"}));
  EXPECT_GT(fact, find(list, {"--size", "65536", "--tmpfs", "/sys"}));
  EXPECT_LT(fact, find(list, {"--remount-ro", "/sys"}));
  EXPECT_LT(link, find(list, {"--remount-ro", "/sys"}));
  EXPECT_TRUE(has(list, {"--unshare-all"}));
  EXPECT_FALSE(has(list, {"/sys", "/sys"}));
  EXPECT_FALSE(has(list, {"LD_LIBRARY_PATH"}));
}

TEST(BubblewrapArguments, ProcIsReadOnlyUnlessTheProgramMayWriteToItsOwn) {
  SandboxSpec spec = bundle_spec();
  spec.own_proc_files = true;
  const List list = bubblewrap_arguments("/usr/bin/bwrap", spec, {}, {});
  EXPECT_TRUE(has(list, {"--proc", "/proc"})) << "one of its own, with no process in it but its own";
  EXPECT_FALSE(has(list, {"--remount-ro", "/proc"}));
}

TEST(BubblewrapArguments, ABundleSeesTheLibrariesOfTheHostsDriver) {
  SandboxSpec spec = bundle_spec();
  spec.gpu.emplace();
  spec.gpu->libraries = {{"/usr/lib64/libEGL_nvidia.so.580.1", "libEGL_nvidia.so.0"}};
  const List list = bubblewrap_arguments("/usr/bin/bwrap", spec, {}, {});
  const auto library = find(list, {"--ro-bind", "/usr/lib64/libEGL_nvidia.so.580.1", "/var/tmp/libEGL_nvidia.so.0"});
  ASSERT_NE(library, std::string::npos);
  EXPECT_GT(library, find(list, {"--size", "65536", "--tmpfs", "/var/tmp"}));
  EXPECT_LT(library, find(list, {"--remount-ro", "/var/tmp"}));
  EXPECT_TRUE(has(list, {"--setenv", "LD_LIBRARY_PATH", "/var/tmp"}));
  // A host's own engine finds them where the host has them.
  spec.root.clear();
  EXPECT_FALSE(has(bubblewrap_arguments("/usr/bin/bwrap", spec, {}, {}), {"LD_LIBRARY_PATH"}));
}

}  // namespace
}  // namespace gogrid::worker
