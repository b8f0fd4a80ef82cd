// The engine's devices and the machine's GPUs are told to be the same by their names, and by their order.
#include "worker/engine/device_gpus.hpp"

#include <gtest/gtest.h>

namespace gogrid::worker {
namespace {

TEST(DeviceGpus, AreMatchedByNameThenByOrder) {
  const struct {
    const char* what;
    std::vector<std::string> devices;
    std::vector<std::pair<std::string, std::string>> gpus;
    std::vector<std::string> ids;
  } cases[] = {
      {"the same name", {"NVIDIA GeForce RTX 4090"}, {{"pci:1", "NVIDIA GeForce RTX 4090"}}, {"pci:1"}},
      {"a longer one",
       {"AMD Radeon RX 7900 XTX (RADV NAVI31)"},
       {{"pci:0", "Intel UHD 770"}, {"pci:1", "AMD Radeon RX 7900 XTX"}},
       {"pci:1"}},
      {"two of one name, by address", {"A", "A"}, {{"pci:2", "A"}, {"pci:1", "A"}}, {"pci:1", "pci:2"}},
      {"the exact one first", {"A 10 Ti", "A 10"}, {{"pci:1", "A 10"}, {"pci:2", "A 10 Ti"}}, {"pci:2", "pci:1"}},
      {"the only one, whatever its name", {"Radeon"}, {{"pci:1", "AMD 1002:744c"}}, {"pci:1"}},
      {"nobody knows", {"A", "B"}, {{"pci:1", "C"}, {"pci:2", "B"}}, {"", "pci:2"}},
      {"more devices than GPUs", {"A", "A"}, {{"pci:1", "A"}}, {"pci:1", ""}},
      {"no GPU", {"A"}, {}, {""}},
      {"no device", {}, {{"pci:1", "A"}}, {}},
  };
  for (const auto& one : cases) {
    std::vector<EngineDevice> devices;
    for (const std::string& description : one.devices)
      devices.push_back({"GPU" + std::to_string(devices.size()), description});
    std::vector<Gpu> gpus;
    for (const auto& [id, name] : one.gpus) {
      gpus.emplace_back();
      gpus.back().id = id;
      gpus.back().name = name;
    }
    EXPECT_EQ(match_gpus(devices, gpus), one.ids) << one.what;
  }
}

}  // namespace
}  // namespace gogrid::worker
