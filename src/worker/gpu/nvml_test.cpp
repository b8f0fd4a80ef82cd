// Against a library with the real one's ABI (test_nvml/): no GPU of NVIDIA's is needed, and none is used.
#include "worker/gpu/nvml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

namespace gogrid::worker {
namespace {

using testing::HasSubstr;

constexpr const char* new_driver = TEST_NVML_DIR "/new/libnvidia-ml.so.1";
constexpr const char* old_driver = TEST_NVML_DIR "/old/libnvidia-ml.so.1";

TEST(Nvml, ReadsEverythingOfADriverOfToday) {
  const auto nvml = Nvml::open(new_driver).value();
  const auto gpus = nvml->read();
  ASSERT_EQ(gpus.size(), 2u);
  const Gpu& gpu = gpus[0];
  EXPECT_EQ(gpu.id, "pci:0000:01:00.0");
  EXPECT_EQ(gpu.pci_id, "10de:2684");
  EXPECT_EQ(gpu.name, "NVIDIA GeForce RTX 4090");
  EXPECT_EQ(gpu.driver_version, "550.54.14");
  EXPECT_EQ(gpu.total_bytes, 24ull << 30);
  EXPECT_EQ(gpu.reading.used_bytes, 3ull << 30) << "without what the driver keeps for itself";
  EXPECT_EQ(gpu.reading.free_bytes, 20ull << 30);
  EXPECT_EQ(gpu.reading.utilisation_percent, 37);
  EXPECT_EQ(gpu.reading.temperature_celsius, 61);
  EXPECT_EQ(gpu.reading.power_watts, 180.5);
  ASSERT_EQ(gpu.reading.processes.size(), 2u) << "one that computes and draws is one";
  EXPECT_EQ(gpu.reading.processes[0].pid, ::getpid());
  EXPECT_EQ(gpu.reading.processes[0].bytes, 512ull << 20);
  EXPECT_EQ(gpu.reading.processes[1].bytes, std::nullopt);
  EXPECT_EQ(gpu.reading.processes[0].utilisation_percent, 42) << "by its newest sample, of what it uses most";
  EXPECT_EQ(gpu.reading.processes[1].utilisation_percent, 0) << "it has no sample";
}

TEST(Nvml, WhereNobodyHasASampleNobodyDidAnything) {
  ::setenv("TEST_NVML", "no-samples", 1);
  const auto gpus = Nvml::open(new_driver).value()->read();
  ::unsetenv("TEST_NVML");
  EXPECT_EQ(gpus.at(0).reading.processes.at(0).utilisation_percent, 0);
}

TEST(Nvml, WhatAGpuDoesNotSayIsNotKnown) {
  const Gpu gpu = Nvml::open(new_driver).value()->read().at(1);
  EXPECT_EQ(gpu.id, "pci:0010:c1:00.0");
  EXPECT_EQ(gpu.reading.utilisation_percent, std::nullopt);
  EXPECT_EQ(gpu.reading.power_watts, std::nullopt);
  EXPECT_EQ(gpu.reading.temperature_celsius, 40);
  EXPECT_TRUE(gpu.reading.processes.empty());
}

TEST(Nvml, AnOldDriverHasOlderFunctions) {
  const auto gpus = Nvml::open(old_driver).value()->read();
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0].id, "pci:0000:01:00.0");
  EXPECT_EQ(gpus[0].reading.used_bytes, 4ull << 30);
  ASSERT_EQ(gpus[0].reading.processes.size(), 2u);
  EXPECT_EQ(gpus[0].reading.processes[0].bytes, 512ull << 20);
  EXPECT_EQ(gpus[0].reading.processes[1].pid, 999'999'999);
  EXPECT_EQ(gpus[0].reading.processes[0].utilisation_percent, std::nullopt);
}

TEST(Nvml, CanBeOpenedAgainAfterItWasLetGo) {
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(Nvml::open(new_driver).value()->read().size(), 2u);
}

TEST(Nvml, SaysWhyItDoesNotWork) {
  EXPECT_EQ(Nvml::open("libnvidia-ml-none.so.1").error().detail, "libnvidia-ml-none.so.1 not found");
  EXPECT_EQ(Nvml::open("libm.so.6").error().code, ErrorCode::unsupported);
  ::setenv("TEST_NVML", "no-driver", 1);
  const auto nvml = Nvml::open(new_driver);
  ::unsetenv("TEST_NVML");
  ASSERT_FALSE(nvml);
  EXPECT_EQ(nvml.error().detail, "Driver Not Loaded");
}

}  // namespace
}  // namespace gogrid::worker
