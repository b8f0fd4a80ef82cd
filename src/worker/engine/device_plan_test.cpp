// Proves what is read of the engine's list of devices, and which devices it is told to use.
#include "worker/engine/device_plan.hpp"

#include <gtest/gtest.h>

#include "base/utf8.hpp"

namespace gogrid::worker {
namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t gb = 1'000'000'000;
using List = std::vector<std::string>;

TEST(DeviceList, IsReadAsLlamaServerPrintsIt) {
  const auto devices = parse_device_list(
      "load_backend: loaded Vulkan backend from /usr/lib/libggml-vulkan.so\n"
      "Available devices:\n"
      "  Vulkan0: llvmpipe (LLVM 21.1.8, 256 bits) (24105 MiB, 21661 MiB free)\n"
      "  CUDA0: NVIDIA H100 80GB HBM3 (81090 MiB, 80573 MiB free)\r\n");
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].name, "Vulkan0");
  EXPECT_EQ(devices[0].description, "llvmpipe (LLVM 21.1.8, 256 bits)");
  EXPECT_EQ(devices[0].total_bytes, 24105 * mib);
  EXPECT_EQ(devices[0].free_bytes, 21661 * mib);
  EXPECT_EQ(devices[1].name, "CUDA0");
  EXPECT_TRUE(parse_device_list("Available devices:\n  (none)\n").empty());
}

TEST(DeviceList, WhatCannotBeMeantIsSkipped) {
  for (const std::string line :
       {"", "Vulkan0", "Vulkan0: x", "Vulkan0: x (1 MiB, 1 MiB)", "Vulkan0: x (1 GiB, 1 MiB free)",
        "Vulkan0: x (-1 MiB, 1 MiB free)", "Vulkan0: x (1 MiB, 1 MiB free) more", "--host: x (1 MiB, 1 MiB free)",
        "a,b: x (1 MiB, 1 MiB free)", ": x (1 MiB, 1 MiB free)", "Vulkan0: x (9999999999999 MiB, 1 MiB free)",
        "Vulkan0: x (99999999999999999999999 MiB, 1 MiB free)", "a b: x (1 MiB, 1 MiB free)",
        "Vulkan0:(1 MiB, 1 MiB free)"}) {
    EXPECT_TRUE(parse_device_list(line).empty()) << line;
  }
  EXPECT_TRUE(parse_device_list(std::string(65, 'a') + ": x (1 MiB, 1 MiB free)").empty());
  EXPECT_EQ(parse_device_list("A: x (1 MiB, 1 MiB free)\nA: y (2 MiB, 2 MiB free)").size(), 1u);
}

TEST(DeviceList, IsBounded) {
  std::string many;
  for (int i = 0; i < 1000; ++i)
    many += "V" + std::to_string(i) + ": x (1 MiB, 5 MiB free)\n";
  const auto devices = parse_device_list(many);
  EXPECT_EQ(devices.size(), max_engine_devices);
  EXPECT_EQ(devices[0].free_bytes, mib) << "no more is free than there is";
  const auto odd = parse_device_list("V0: \xff\x1b[31m" + std::string(10'000, 'd') + " (1 MiB, 1 MiB free)");
  ASSERT_EQ(odd.size(), 1u);
  EXPECT_LE(odd[0].description.size(), 256u);
  EXPECT_TRUE(is_utf8(odd[0].description));
  EXPECT_EQ(odd[0].description.find('\x1b'), std::string::npos);
}

std::vector<ListedDevice> two_cards() { return {{"Vulkan0", "a", 24 * gb, 23 * gb}, {"Vulkan1", "b", 8 * gb, 8 * gb}}; }

TEST(VramLimits, AreTheOwners) {
  const struct {
    double all;
    List each;
    std::uint64_t first, second;
  } table[] = {
      {-1, {}, 24 * gb, 8 * gb},
      {0, {}, 0, 0},
      {8, {}, 8 * gb, 0},
      {26, {}, 24 * gb, 2 * gb},
      {-1, {"Vulkan0=6"}, 6 * gb, 8 * gb},
      {-1, {"Vulkan1=0"}, 24 * gb, 0},
      {8, {"Vulkan0=6.5"}, 6'500'000'000, 1'500'000'000},
      {100, {"Vulkan0=99", "Other=1"}, 24 * gb, 8 * gb},
  };
  for (const auto& row : table) {
    const auto limits = parse_vram_limits(row.all, row.each);
    ASSERT_TRUE(limits) << limits.error().detail;
    const auto devices = limit_devices(two_cards(), *limits);
    EXPECT_EQ(devices[0].limit_bytes, row.first) << row.all;
    EXPECT_EQ(devices[1].limit_bytes, row.second) << row.all;
  }
  for (const std::string text :
       {"Vulkan0", "=1", "Vulkan0=", "Vulkan0=x", "Vulkan0=-1", "Vulkan0=1GB", "a b=1", "V=inf"})
    EXPECT_FALSE(parse_vram_limits(-1, {text})) << text;
  EXPECT_FALSE(parse_vram_limits(-1, {"V=1", "V=2"}));
  EXPECT_FALSE(parse_vram_limits(1e7, {}));
}

Placement place(std::vector<DeviceShare> devices, std::uint32_t layers) { return {std::move(devices), layers}; }

TEST(DeviceArguments, AreWhatTheCoordinatorWants) {
  const auto devices = limit_devices(two_cards(), {});
  const struct {
    std::optional<Placement> placement;
    List arguments;
  } table[] = {
      {std::nullopt, {}},
      {place({}, 99), {"--device", "none", "--n-gpu-layers", "0", "--fit", "off"}},
      {place({{"Vulkan1", 5}}, 20),
       {"--device", "Vulkan1", "--n-gpu-layers", "20", "--fit", "off", "--split-mode", "none", "--main-gpu", "0"}},
      {place({{"Vulkan1", 3000 * mib}, {"Vulkan0", 1000 * mib}}, 4'000'000'000),
       {"--device", "Vulkan1,Vulkan0", "--n-gpu-layers", "10000", "--fit", "off", "--split-mode", "layer",
        "--tensor-split", "3000,1000"}},
      {place({{"Vulkan0", 0}, {"Vulkan1", 0}}, 5),
       {"--device", "Vulkan0,Vulkan1", "--n-gpu-layers", "5", "--fit", "off", "--split-mode", "layer", "--tensor-split",
        "1,1"}},
  };
  for (const auto& row : table) {
    const auto arguments = device_arguments(row.placement, devices);
    ASSERT_TRUE(arguments);
    EXPECT_EQ(*arguments, row.arguments);
  }
  const auto missing = device_arguments(place({{"Vulkan2", 1}}, 1), devices);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().detail, "the engine does not see the device Vulkan2");
  EXPECT_FALSE(device_arguments(place({{"Vulkan0", 1}}, 1), {})) << "an engine for the CPU";
}

TEST(DeviceArguments, WithoutAPlacementTheOwnersLimitHoldsAllTheSame) {
  auto devices = limit_devices(two_cards(), *parse_vram_limits(-1, {"Vulkan0=4"}));
  // 23 GB are free, of which 19 stay so; of the other card llama-server's own margin.
  EXPECT_EQ(*device_arguments({}, devices), (List{"--device", "Vulkan0,Vulkan1", "--fit-target", "18120,1024"}));
  devices[0].used_bytes = 3 * gb;
  EXPECT_EQ(*device_arguments({}, devices), (List{"--device", "Vulkan0,Vulkan1", "--fit-target", "20981,1024"}));
  devices[0].used_bytes = 5 * gb;
  EXPECT_EQ(*device_arguments({}, devices), (List{"--device", "Vulkan1", "--fit-target", "1024"}));
  EXPECT_EQ(*device_arguments({}, limit_devices(two_cards(), *parse_vram_limits(0, {}))),
            (List{"--device", "none", "--n-gpu-layers", "0", "--fit", "off"}));
}

// A better guess comes with every measurement: no engine is started anew for it.
TEST(Placement, IsTheSameWithOtherExpectations) {
  EXPECT_EQ(place({{"V0", 1}}, 5), place({{"V0", 2}}, 5));
  EXPECT_FALSE(place({{"V0", 1}}, 5) == place({{"V0", 1}}, 6));
  EXPECT_FALSE(place({{"V0", 1}}, 5) == place({{"V1", 1}}, 5));
  EXPECT_FALSE(place({{"V0", 1}}, 5) == place({}, 5));
}

TEST(DeviceMemory, IsBackButForWhatComesAndGoes) {
  const struct {
    std::uint64_t free, foreign, used;
    bool back;
  } table[] = {{20 * gb, 0, 0, true},       {19 * gb, 0, 0, true},           {18 * gb, 0, 0, false},
               {10 * gb, 10 * gb, 0, true}, {4 * gb, 10 * gb, 6 * gb, true}, {1 * gb, 10 * gb, 6 * gb, false},
               {0, 15 * gb, 10 * gb, true}};
  for (const auto& row : table) {
    EngineDevice device;
    device.total_bytes = 20 * gb;
    device.free_bytes = row.free;
    device.foreign_bytes = row.foreign;
    device.used_bytes = row.used;
    EXPECT_EQ(memory_is_back(device), row.back) << row.free << " " << row.foreign << " " << row.used;
  }
}

}  // namespace
}  // namespace gogrid::worker
