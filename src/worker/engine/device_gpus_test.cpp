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

TEST(BytesOfProcesses, AreThoseThatTheDriverSaysOfOurs) {
  std::vector<Gpu> gpus(2);
  gpus[0].id = "pci:0000:01:00.0";
  gpus[0].name = "Card A";
  gpus[1].id = "pci:0000:02:00.0";
  gpus[1].name = "Card B";
  GpuProcess ours;
  ours.pid = 10;
  ours.bytes = 300;
  GpuProcess child;
  child.pid = 11;
  child.bytes = 50;
  GpuProcess untold;
  untold.pid = 10;
  GpuProcess foreign;
  foreign.pid = 12;
  foreign.bytes = 7000;
  gpus[0].reading.processes = {ours, foreign, child};
  gpus[1].reading.processes = {untold, foreign};
  std::vector<EngineDevice> devices(2);
  devices[0].name = "GPU0";
  devices[0].description = "Card A";
  devices[1].name = "GPU1";
  devices[1].description = "Card B";
  using Bytes = std::map<std::string, std::uint64_t>;
  EXPECT_EQ(bytes_of_processes({10, 11}, devices, gpus), (Bytes{{"GPU0", 350}}));
  EXPECT_EQ(bytes_of_processes({12}, devices, gpus), (Bytes{{"GPU0", 7000}, {"GPU1", 7000}}));
  EXPECT_EQ(bytes_of_processes({}, devices, gpus), Bytes());
  EXPECT_EQ(bytes_of_processes({10}, {}, gpus), Bytes());
  EXPECT_EQ(bytes_of_processes({10}, devices, {}), Bytes());
}

}  // namespace
}  // namespace gogrid::worker
