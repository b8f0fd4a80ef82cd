// Proves which parts of the machine the owner's rules count an engine to.
#include "worker/parts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gogrid::worker {
namespace {

using testing::ElementsAre;

TEST(Parts, AreTheGpusThatAnEngineIsPlacedOn) {
  std::vector<EngineDevice> devices(3);
  devices[0].name = "Vulkan0";
  devices[0].description = "RX 7900";
  devices[1].name = "Vulkan1";
  devices[1].description = "RTX 4090";
  devices[2].name = "Vulkan2";
  devices[2].description = "unknown to the system";
  std::vector<Gpu> gpus(2);
  gpus[0].id = "pci:1";
  gpus[0].name = "RTX 4090";
  gpus[1].id = "pci:2";
  gpus[1].name = "RX 7900";

  ReplicaSpec spec;
  EXPECT_THAT(parts_of(spec, devices, gpus), ElementsAre("Vulkan2", "pci:1", "pci:2")) << "the engine decides";
  EXPECT_THAT(parts_of(spec, {}, gpus), ElementsAre("cpu")) << "an engine without devices";
  spec.placement.emplace();
  EXPECT_THAT(parts_of(spec, devices, gpus), ElementsAre("cpu"));
  spec.placement->devices.push_back({"Vulkan1", 7});
  EXPECT_THAT(parts_of(spec, devices, gpus), ElementsAre("pci:1"));
  spec.placement->devices.push_back({"Vulkan2", 7});
  EXPECT_THAT(parts_of(spec, devices, gpus), ElementsAre("Vulkan2", "pci:1"));
}

TEST(Parts, AModelThatDoesNotFitAGpuIsOnTheCpuToo) {
  std::vector<EngineDevice> devices(1);
  devices[0].name = "Vulkan0";
  ReplicaSpec spec;
  spec.placement.emplace();
  spec.placement->devices.push_back({"Vulkan0", 7});
  spec.placement->device_layers = 20;
  EXPECT_THAT(parts_of(spec, devices, {}), ElementsAre("Vulkan0")) << "it is not known how many there are";
  spec.placement->model_layers = 20;
  EXPECT_THAT(parts_of(spec, devices, {}), ElementsAre("Vulkan0"));
  spec.placement->model_layers = 33;
  EXPECT_THAT(parts_of(spec, devices, {}), ElementsAre("Vulkan0", "cpu"));
}

TEST(Parts, GpusMayBeNamedAsTheEngineNamesThem) {
  std::vector<EngineDevice> devices(2);
  devices[0].name = "Vulkan0";
  devices[0].description = "RX 7900";
  devices[1].name = "Vulkan1";
  devices[1].description = "unknown to the system";
  std::vector<Gpu> gpus(1);
  gpus[0].id = "pci:2";
  gpus[0].name = "RX 7900";
  EXPECT_THAT(with_ids({"Vulkan0", "Vulkan1", "cpu", "pci:1"}, devices, gpus),
              ElementsAre("Vulkan1", "cpu", "pci:1", "pci:2"));
  EXPECT_THAT(with_ids({}, devices, gpus), ElementsAre());
}

TEST(Parts, OnesThatAreNotThereAreNamed) {
  std::vector<EngineDevice> devices(1);
  devices[0].name = "Vulkan0";
  std::vector<Gpu> gpus(1);
  gpus[0].id = "pci:1";
  EXPECT_THAT(unknown_parts({"cpu", "pci:1", "Vulkan0"}, devices, gpus), ElementsAre());
  EXPECT_THAT(unknown_parts({"CPU", "cpu", "pci:2"}, devices, gpus), ElementsAre("CPU", "pci:2"));
}

}  // namespace
}  // namespace gogrid::worker
