// Proves, on made-up hosts, that an engine for GPUs sees compute devices and nothing of displays, disks or terminals,
// and of NVIDIA's driver the libraries that fit the kernel's part and are needed.
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
  EXPECT_TRUE(found.nvidia);
  EXPECT_NE(found.bundle_trouble().find("libEGL_nvidia.so.0 was not found: "), std::string::npos)
      << found.bundle_trouble();
  fs::remove_all(top);
  EXPECT_EQ(find_gpu_devices(top).description(), "no GPU found");
}

TEST(GpuDevices, OfNvidiasLibrariesAreThoseOfTheVersionThatRuns) {
  const fs::path top = fs::temp_directory_path() / ("gogrid-gpu-" + to_hex(as_bytes(random_bytes(6))));
  // Debian's way: a link to a link to where the package has it.
  const fs::path directory = top / "usr/lib64", package = top / "usr/lib/nvidia", old = top / "usr/lib";
  for (const auto& path : {top / "dev", top / "sys/module/nvidia", top / "etc/alternatives", directory, package})
    fs::create_directories(path);
  std::ofstream(top / "dev/nvidiactl") << "";
  std::ofstream(top / "sys/module/nvidia/version") << "580.1.2\n";
  EXPECT_TRUE(find_gpu_devices(top).libraries.empty()) << "there is no GPU of NVIDIA's";
  EXPECT_EQ(find_gpu_devices(top).bundle_trouble(), "");
  std::ofstream(top / "dev/nvidia0") << "";
  for (const char* name : {"libnvidia-eglcore.so.580.1.2", "libnvidia-eglcore.so.470.9", "libnvidia-ml.so.580.1.2",
                           "libnvidia-glsi.so.580.1.2", "libEGL.so.1"}) {
    std::ofstream(directory / name) << "64";
  }
  std::ofstream(package / "libEGL_nvidia.so.580.1.2") << "64";
  fs::create_symlink("../../etc/alternatives/egl", directory / "libEGL_nvidia.so.0");
  // What an update left behind fits the kernel no more.
  std::ofstream(package / "libEGL_nvidia.so.470.9") << "old";
  fs::create_symlink("../../usr/lib/nvidia/libEGL_nvidia.so.470.9", top / "etc/alternatives/egl");
  const std::string trouble = find_gpu_devices(top).bundle_trouble();
  EXPECT_NE(trouble.find("libEGL_nvidia.so.0 of NVIDIA's driver 580.1.2 was not found"), std::string::npos) << trouble;
  fs::remove(top / "etc/alternatives/egl");
  fs::create_symlink("../../usr/lib/nvidia/libEGL_nvidia.so.580.1.2", top / "etc/alternatives/egl");
  // The same of 32 bits, and a file under another version's name.
  std::ofstream(old / "libnvidia-glsi.so.580.1.2") << "32";
  std::ofstream(old / "libnvidia-tls.so.470.9") << "old";
  fs::create_symlink("libnvidia-tls.so.470.9", old / "libnvidia-tls.so.580.1.2");

  const GpuDevices found = find_gpu_devices(top);
  const std::string egl = (package / "libEGL_nvidia.so.580.1.2").string();
  const std::vector<std::pair<std::string, std::string>> libraries = {
      {egl, "libEGL_nvidia.so.0"},
      {egl, "libEGL_nvidia.so.580.1.2"},
      {(directory / "libnvidia-eglcore.so.580.1.2").string(), "libnvidia-eglcore.so.580.1.2"},
      {(directory / "libnvidia-glsi.so.580.1.2").string(), "libnvidia-glsi.so.580.1.2"}};
  EXPECT_EQ(found.libraries, libraries);
  EXPECT_EQ(found.nvidia_version, "580.1.2");
  EXPECT_EQ(found.bundle_trouble(), "");
  EXPECT_EQ(found.description(), "may use /dev/nvidia0 /dev/nvidiactl");
  fs::remove_all(top);
}

}  // namespace
}  // namespace gogrid::worker
