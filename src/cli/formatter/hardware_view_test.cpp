#include "cli/formatter/hardware_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/read_json.hpp"

namespace gogrid::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

client::Worker read_worker(const char* json) {
  client::Worker worker;
  client::read(client::parse_object(json).value(), worker);
  return worker;
}

std::string facts_of(const client::Worker& worker) {
  Facts facts;
  add_hardware(facts, worker.hardware);
  return facts.text(View());
}

constexpr const char* full = R"JSON({"hardware":{"cpu":"A processor","cpu_threads":16,"memory_bytes":68719476736,
  "disk_bytes":1099511627776,"has_battery":true,"looked_at":["/sys (9 PCI devices, 2 GPUs)"],"gpus":[
   {"id":"pci:0000:01:00.0","name":"NVIDIA GeForce\u001b[31m RTX 4090","driver":"nvidia","driver_version":"550.54",
    "total_bytes":25769803776},
   {"id":"pci:0000:05:00.0","name":"Radeon","driver":"","total_bytes":null}]},
  "readings":{"age_ms":40,"memory_available_bytes":34359738368,"cpu_percent":12.5,"disk_free_bytes":549755813888,
   "battery":{"percent":81,"state":"Discharging"},"on_mains":false,"gpus":[
   {"id":"pci:0000:01:00.0","used_bytes":4294967296,"free_bytes":21474836480,"utilisation_percent":37,
    "temperature_celsius":61,"power_watts":180.5,"foreign_bytes":1073741824,"foreign_processes":2},
   {"id":"pci:0000:09:00.0","used_bytes":1}]},
  "engine":{"phase":"ready","devices":[{"name":"Vulkan1","gpu_id":"pci:0000:01:00.0"},{"name":"Vulkan0","gpu_id":null}]}})JSON";

constexpr const char* bare = R"JSON({"hardware":{"cpu":"A","cpu_threads":2,"memory_bytes":1073741824,"disk_bytes":null,
  "has_battery":false,"gpus":[],"looked_at":["/sys (no PCI device, no GPU)","NVML (libnvidia-ml.so.1 not found)"]},
  "readings":null})JSON";

TEST(HardwareView, ShowsEverythingThatIsKnown) {
  const client::Worker worker = read_worker(full);
  const std::string facts = facts_of(worker);
  EXPECT_THAT(facts, HasSubstr("A processor (16 threads), 12 % busy"));
  EXPECT_THAT(facts, HasSubstr("64.0 GiB for engines, 32.0 GiB of the machine's free"));
  EXPECT_THAT(facts, HasSubstr("1.0 TiB, 512.0 GiB free"));
  EXPECT_THAT(facts, HasSubstr("battery 81 %, Discharging, not plugged in"));
  const std::string table = gpus_table(worker.hardware, View());
  EXPECT_THAT(table, HasSubstr("24.0 GiB"));
  EXPECT_THAT(table, HasSubstr("20.0 GiB"));
  EXPECT_THAT(table, HasSubstr("1.0 GiB (2)"));
  EXPECT_THAT(table, HasSubstr("37 %, 61 °C, 180 W"));
  EXPECT_THAT(table, HasSubstr("nvidia 550.54"));
  EXPECT_THAT(table, HasSubstr("none is loaded"));
  EXPECT_THAT(table, HasSubstr("Vulkan1"));
  EXPECT_THAT(table, Not(HasSubstr("Vulkan0"))) << "nobody knows which one that is";
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
}

TEST(HardwareView, WithoutReadingsItShowsTheFacts) {
  const client::Worker worker = read_worker(bare);
  const std::string facts = facts_of(worker);
  EXPECT_THAT(facts, HasSubstr("1.0 GiB for engines\n"));
  EXPECT_THAT(facts, HasSubstr("none; looked at /sys (no PCI device, no GPU), NVML (libnvidia-ml.so.1 not found)"));
  EXPECT_THAT(facts, Not(HasSubstr("Disk")));
  EXPECT_EQ(gpus_table(worker.hardware, View()), "");
}

TEST(HardwareView, AnAnswerOfAnOlderCoordinatorIsRead) {
  const client::Worker worker = read_worker(R"({"hardware":{"cpu":"A","cpu_threads":2,"memory_bytes":1073741824}})");
  EXPECT_THAT(facts_of(worker), Not(HasSubstr("GPU")));
  EXPECT_EQ(facts_of(read_worker(R"({"hardware":null})")), "");
}

}  // namespace
}  // namespace gogrid::cli
