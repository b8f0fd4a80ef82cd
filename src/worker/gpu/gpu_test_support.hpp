// For tests: /sys and /proc of a machine, written into a temporary directory as the kernel lays them out.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "net/net_test_support.hpp"

namespace gogrid::worker::test {

namespace fs = std::filesystem;

class RecordedMachine {
 public:
  const fs::path& root() const { return directory_.path; }

  void file(const std::string& path, const std::string& text) {
    fs::create_directories((root() / path).parent_path());
    std::ofstream(root() / path) << text << "\n";
  }
  void link(const std::string& path, const std::string& target) {
    fs::create_directories((root() / path).parent_path());
    fs::create_symlink(target, root() / path);
  }

  // "/sys/bus/pci/devices/ADDRESS" as a link into /sys/devices; the device's directory, to add files to.
  std::string pci_device(const std::string& address, const std::string& vendor, const std::string& device,
                         const std::string& pci_class, const std::string& driver) {
    std::string path = "sys/devices/pci0000:00/" + address;
    file(path + "/vendor", "0x" + vendor);
    file(path + "/device", "0x" + device);
    file(path + "/class", "0x" + pci_class);
    file(path + "/power/runtime_status", "active");
    link(path + "/subsystem", "../../../bus/pci");
    if (!driver.empty()) link(path + "/driver", "../../../bus/pci/drivers/" + driver);
    link("sys/bus/pci/devices/" + address, "../../../devices/pci0000:00/" + address);
    return path;
  }
  void card(const std::string& device, int number) {
    const std::string card = "card" + std::to_string(number);
    file(device + "/drm/" + card + "/dev", "226:" + std::to_string(number));
    file(device + "/drm/renderD" + std::to_string(128 + number) + "/dev", "226:" + std::to_string(128 + number));
    link(device + "/drm/" + card + "/device", "../..");
    link("sys/class/drm/" + card, fs::path("../../..") / device / "drm" / card);
  }
  // With one descriptor for each text.
  void process(int pid, const std::string& name, int parent, std::initializer_list<std::string> fdinfos = {}) {
    const std::string path = "proc/" + std::to_string(pid);
    file(path + "/comm", name);
    file(path + "/stat", std::to_string(pid) + " (" + name + ") S " + std::to_string(parent) + " 1 1 0 -1");
    link(path + "/fd/0", "/dev/null");
    int fd = 3;
    for (const std::string& text : fdinfos) {
      link(path + "/fd/" + std::to_string(fd), "/dev/dri/renderD128");
      file(path + "/fdinfo/" + std::to_string(fd++), text);
    }
  }

 private:
  net::test::TemporaryDirectory directory_;
};

}  // namespace gogrid::worker::test
