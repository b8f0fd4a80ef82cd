// Proves, on a made-up host, that an engine for GPUs sees compute devices and nothing of displays, disks or terminals.
#include "worker/sandbox/gpu_devices.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "base/encoding.hpp"

namespace gogrid::worker {
namespace {

namespace fs = std::filesystem;

TEST(GpuDevices, AreRenderNodesNvidiasAndTheComputeNode) {
  const fs::path top = fs::temp_directory_path() / ("gogrid-gpu-" + to_hex(as_bytes(random_bytes(6))));
  const fs::path device = top / "sys/devices/pci0000:00/0000:00:02.0";
  for (const auto& directory : {top / "dev/dri", device / "drm/renderD128", top / "sys/class/drm",
                                top / "sys/devices/virtual/kfd/kfd/topology"}) {
    fs::create_directories(directory);
  }
  for (const char* name : {"dri/renderD128", "dri/card0", "dri/renderD128x", "nvidia0", "nvidiactl", "nvidia-uvm",
                           "nvidia-modeset", "kfd", "sda", "tty", "kmsg", "fb0"}) {
    std::ofstream(top / "dev" / name) << "";
  }
  std::ofstream(device / "vendor") << "0x1002\n";
  std::ofstream(device / "resource0") << "secret";
  std::ofstream(device / "drm/renderD128/dev") << "226:128\n";
  fs::create_directory_symlink("../..", device / "drm/renderD128/device");
  fs::create_symlink("../../../bus/pci", device / "subsystem");
  fs::create_directory_symlink("../../devices/pci0000:00/0000:00:02.0/drm/renderD128",
                               top / "sys/class/drm/renderD128");

  const GpuDevices found = find_gpu_devices(top);
  using List = std::vector<std::string>;
  EXPECT_EQ(found.nodes,
            (List{"/dev/dri/renderD128", "/dev/nvidia-uvm", "/dev/nvidia0", "/dev/nvidiactl", "/dev/kfd"}));
  const std::string place = "/sys/devices/pci0000:00/0000:00:02.0";
  EXPECT_EQ(found.facts, (List{place + "/drm/renderD128", place + "/vendor", "/sys/devices/virtual/kfd/kfd"}));
  const std::vector<std::pair<std::string, std::string>> links = {
      {place + "/subsystem", "../../../bus/pci"},
      {"/sys/dev/char/226:128", place + "/drm/renderD128"},
      {"/sys/class/kfd/kfd", "/sys/devices/virtual/kfd/kfd"}};
  EXPECT_EQ(found.links, links);
  EXPECT_NE(found.description().find("may use /dev/dri/renderD128"), std::string::npos);
  fs::remove_all(top);
  EXPECT_EQ(find_gpu_devices(top).description(), "no GPU found");
}

}  // namespace
}  // namespace gogrid::worker
