#include "wire/hardware_messages.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "wire/frame.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"

namespace gogrid::wire {
namespace {

TEST(HardwareMessages, AHelloBringsTheHardware) {
  Hello hello;
  hello.add_features(feature_hardware_readings);
  auto& message = *hello.mutable_hardware();
  message.set_cpu("A processor");
  message.set_memory_bytes(64);
  message.set_disk_bytes(1000);
  message.set_has_battery(true);
  message.add_looked_at("NVML (1 GPU)");
  auto& gpu = *message.add_gpus();
  gpu.set_id("pci:0000:01:00.0");
  gpu.set_name("NVIDIA GeForce RTX 4090");
  gpu.set_driver("nvidia");
  gpu.set_total_bytes(24ull << 30);
  const auto facts = to_facts(hello);
  EXPECT_TRUE(facts.reads_hardware);
  EXPECT_EQ(facts.hardware.cpu, "A processor");
  EXPECT_EQ(facts.hardware.disk_bytes, 1000u);
  EXPECT_TRUE(facts.hardware.has_battery);
  ASSERT_EQ(facts.hardware.gpus.size(), 1u);
  EXPECT_EQ(facts.hardware.gpus[0].total_bytes, 24ull << 30);
  EXPECT_EQ(facts.hardware.looked_at.size(), 1u);
  EXPECT_FALSE(to_facts(Hello()).reads_hardware);
}

TEST(HardwareMessages, WhatIsNotSaidIsNotKnown) {
  HardwareReading message;
  message.add_gpus()->set_id("pci:0000:01:00.0");
  message.mutable_gpus(0)->set_used_bytes(0);
  const auto reading = to_reading(message);
  EXPECT_EQ(reading.cpu_percent, std::nullopt);
  EXPECT_EQ(reading.on_mains, std::nullopt);
  EXPECT_EQ(reading.gpus[0].used_bytes, 0u);
  EXPECT_EQ(reading.gpus[0].free_bytes, std::nullopt);
  EXPECT_EQ(reading.gpus[0].power_watts, std::nullopt);
}

TEST(HardwareMessages, HostileOnesAreCut) {
  const std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  Hardware hardware;
  for (int i = 0; i < 500; ++i) {
    auto& gpu = *hardware.add_gpus();
    gpu.set_name(std::string(5000, 'n'));
    gpu.set_total_bytes(largest);
    hardware.add_looked_at(std::string(5000, 'l'));
  }
  hardware.set_disk_bytes(largest);
  const auto read = to_hardware(hardware);
  EXPECT_EQ(read.gpus.size(), static_cast<std::size_t>(max_gpus));
  EXPECT_EQ(read.gpus[0].name.size(), 256u);
  EXPECT_EQ(read.gpus[0].total_bytes, std::uint64_t{1} << 50);
  EXPECT_EQ(read.disk_bytes, std::uint64_t{1} << 50);
  EXPECT_LE(read.looked_at.size(), 16u);
  EXPECT_EQ(read.looked_at[0].size(), 256u);

  HardwareReading reading;
  for (int i = 0; i < 500; ++i)
    reading.add_gpus();
  reading.mutable_gpus(0)->set_utilisation_percent(1e30F);
  reading.mutable_gpus(0)->set_power_watts(-5);
  reading.mutable_gpus(0)->set_temperature_celsius(std::nanf(""));
  reading.set_cpu_percent(std::numeric_limits<float>::infinity());
  reading.set_battery_percent(-1);
  reading.set_memory_available_bytes(largest);
  const auto numbers = to_reading(reading);
  EXPECT_EQ(numbers.gpus.size(), static_cast<std::size_t>(max_gpus));
  EXPECT_EQ(numbers.gpus[0].utilisation_percent, 100);
  EXPECT_EQ(numbers.gpus[0].power_watts, 0);
  EXPECT_EQ(numbers.gpus[0].temperature_celsius, std::nullopt);
  EXPECT_EQ(numbers.cpu_percent, std::nullopt);
  EXPECT_EQ(numbers.battery_percent, 0);
  EXPECT_EQ(numbers.memory_available_bytes, std::uint64_t{1} << 50);
}

TEST(HardwareMessages, AskingForReadingsIsAFrame) {
  const std::string bytes = encode_watch_hardware(10);
  const auto frame = decode_frame<CoordinatorFrame>(std::string_view(bytes).substr(4));
  ASSERT_TRUE(frame && frame->has_watch_hardware());
  EXPECT_EQ(frame->watch_hardware().seconds(), 10u);
}

}  // namespace
}  // namespace gogrid::wire
