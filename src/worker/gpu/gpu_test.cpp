#include "worker/gpu/gpu.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker/gpu/survey_json.hpp"

namespace gogrid::worker {
namespace {

using testing::HasSubstr;

Gpu make_gpu(std::string id, std::string name = "", std::uint64_t total_bytes = 0) {
  Gpu gpu;
  gpu.id = std::move(id);
  gpu.name = std::move(name);
  gpu.total_bytes = total_bytes;
  gpu.driver = "amdgpu";
  return gpu;
}

TEST(Gpu, IdsAreOfOneFormWhoeverNamesTheAddress) {
  EXPECT_EQ(pci_gpu_id("0000:01:00.0"), "pci:0000:01:00.0");
  EXPECT_EQ(pci_gpu_id("00000000:0A:00.0"), "pci:0000:0a:00.0");
  EXPECT_EQ(pci_gpu_id("00000010:C1:00.0"), "pci:0010:c1:00.0");
  for (const char* wrong : {"", ":", "0000", "0000:01:00", "0000:01:00.00", "000:01:00.0", "10000:01:00.0",
                            "0000:01:0g.0", "0000-01-00.0", "100000000:01:00.0", "0000:01:00.0\n"})
    EXPECT_EQ(pci_gpu_id(wrong), "") << wrong;
}

TEST(Gpu, TheSameGpuByTwoSourcesIsOne) {
  std::vector<Gpu> gpus{make_gpu("pci:0000:03:00.0", "", 16), make_gpu("pci:0000:01:00.0", "first", 8)};
  Gpu other = make_gpu("pci:0000:03:00.0", "Radeon", 17);
  other.reading.power_watts = 30;
  merge(gpus, {other});
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0].name, "first");
  EXPECT_EQ(gpus[1].name, "Radeon");
  EXPECT_EQ(gpus[1].total_bytes, 16u) << "what is known stays";
  EXPECT_EQ(gpus[1].reading.power_watts, 30);
}

TEST(Gpu, WhereAPlaceIsNotKnownTheKindTellsIfThereIsOne) {
  Gpu sysfs = make_gpu("pci:0000:03:00.0");
  sysfs.pci_id = "1002:744c";
  Gpu vulkan = make_gpu("vulkan:abcd", "Radeon", 24);
  vulkan.pci_id = "1002:744c";
  std::vector<Gpu> one{sysfs};
  merge(one, {vulkan});
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].total_bytes, 24u);
  Gpu twin = sysfs;
  twin.id = "pci:0000:04:00.0";
  std::vector<Gpu> two{sysfs, twin};
  merge(two, {vulkan});
  EXPECT_EQ(two.size(), 3u);
}

TEST(Gpu, SoftwareCountsOnlyWhereThereIsNoGpu) {
  Gpu software = make_gpu("vulkan:0", "llvmpipe");
  software.software = true;
  std::vector<Gpu> none;
  merge(none, {software});
  EXPECT_EQ(none.size(), 1u);
  std::vector<Gpu> some{make_gpu("pci:0000:03:00.0")};
  merge(some, {software});
  ASSERT_EQ(some.size(), 1u);
  EXPECT_FALSE(some[0].software);
}

TEST(Gpu, LibrariesAreAskedForGapsThatTheyCanFill) {
  EXPECT_TRUE(has_gaps({}));
  EXPECT_TRUE(has_gaps({make_gpu("pci:0000:03:00.0", "", 16)}));
  EXPECT_TRUE(has_gaps({make_gpu("pci:0000:03:00.0", "Radeon", 0)}));
  EXPECT_FALSE(has_gaps({make_gpu("pci:0000:03:00.0", "Radeon", 16)}));
  Gpu unused = make_gpu("pci:0000:03:00.0");
  unused.driver.clear();
  EXPECT_FALSE(has_gaps({unused}));
}

TEST(Gpu, WhatOthersUseIsWhatIsLeftOfAllUse) {
  Gpu gpu = make_gpu("pci:0000:03:00.0");
  EXPECT_EQ(foreign_bytes(gpu), std::nullopt);
  gpu.reading.processes = {{1, "Xorg", 300, false}, {2, "llama-server", 500, true}, {3, "chrome", std::nullopt, false}};
  EXPECT_EQ(foreign_bytes(gpu), 300u);
  gpu.reading.used_bytes = 1000;
  EXPECT_EQ(foreign_bytes(gpu), 500u);
  gpu.reading.used_bytes = 400;
  EXPECT_EQ(foreign_bytes(gpu), 0u) << "read a moment apart";
}

TEST(Gpu, ReadingsAreNoFacts) {
  Survey before;
  before.gpus = {make_gpu("pci:0000:03:00.0", "Radeon", 16)};
  before.host.battery = Battery{80, "Discharging"};
  Survey after = before;
  after.gpus[0].reading.used_bytes = 1;
  after.host.battery->percent = 79;
  after.host.disk_free_bytes = 7;
  EXPECT_TRUE(same_facts(before, after));
  after.host.battery.reset();
  EXPECT_FALSE(same_facts(before, after));
  after = before;
  after.gpus[0].driver.clear();
  EXPECT_FALSE(same_facts(before, after));
}

Survey full_survey() {
  Survey survey;
  Gpu gpu = make_gpu("pci:0000:03:00.0", "Radeon", 16);
  gpu.vendor = "AMD";
  gpu.pci_id = "1002:744c";
  gpu.driver_version = "Linux 6.1";
  gpu.integrated = true;
  gpu.reading.used_bytes = 5;
  gpu.reading.free_bytes = 11;
  gpu.reading.utilisation_percent = 50;
  gpu.reading.temperature_celsius = -3.5;
  gpu.reading.power_watts = 30.25;
  gpu.reading.processes = {{12, "Xorg", 3, false}, {13, "x", std::nullopt, true}};
  survey.gpus = {gpu};
  survey.host.memory_bytes = 64;
  survey.host.memory_available_bytes = 32;
  survey.host.cpu_percent = 12.5;
  survey.host.disk_bytes = 100;
  survey.host.disk_free_bytes = 50;
  survey.host.battery = Battery{81, "Charging"};
  survey.host.on_mains = true;
  survey.looked_at = {"/sys (1 PCI devices, 1 GPUs)"};
  return survey;
}

TEST(SurveyJson, WhatIsWrittenIsRead) {
  EXPECT_EQ(read_survey(to_line(full_survey())).value(), full_survey());
  EXPECT_EQ(read_survey(to_line(Survey())).value(), Survey());
}

TEST(SurveyJson, TextsOfDriversStayValidAndBounded) {
  Survey survey = full_survey();
  survey.gpus[0].name = std::string("\xff\xfe\n", 3) + std::string(100'000, 'x');
  const std::string line = to_line(survey);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const Survey read = read_survey(line).value();
  EXPECT_LE(read.gpus[0].name.size(), max_gpu_text_bytes);
  EXPECT_THAT(read.gpus[0].name, HasSubstr("xxx"));
}

TEST(SurveyJson, HostileSurveysKeepWithinTheirBounds) {
  for (const char* wrong : {"", "{", "[]", "null", "{}", R"({"gpus":{}})", "\x7f\x45\x4c\x46"})
    EXPECT_FALSE(read_survey(wrong)) << wrong;
  EXPECT_FALSE(read_survey(std::string(2 << 20, ' ')));
  EXPECT_FALSE(read_survey(R"({"gpus":[)" + std::string(5000, '[') + std::string(5000, ']') + "]}"));
  const Survey read = read_survey(R"({"gpus":[5,{"id":7},{"id":"a","name":[],"total_bytes":18446744073709551615,
      "used_bytes":-1,"utilisation_percent":1e300,"temperature_celsius":-1e300,"processes":[{"pid":-1},3]}],
      "host":{"battery":[],"on_mains":"yes","cpu_percent":-4,"disk_bytes":1.5},"looked_at":[1,"x"]})")
                          .value();
  ASSERT_EQ(read.gpus.size(), 1u);
  EXPECT_EQ(read.gpus[0].total_bytes, std::uint64_t{1} << 50);
  EXPECT_EQ(read.gpus[0].reading.used_bytes, std::nullopt);
  EXPECT_EQ(read.gpus[0].reading.utilisation_percent, 100);
  EXPECT_EQ(read.gpus[0].reading.temperature_celsius, -100'000);
  EXPECT_EQ(read.gpus[0].reading.processes[0].pid, 0);
  EXPECT_EQ(read.host.battery, std::nullopt);
  EXPECT_EQ(read.host.on_mains, std::nullopt);
  EXPECT_EQ(read.host.cpu_percent, 0);
  EXPECT_EQ(read.looked_at, std::vector<std::string>{"x"});
  std::string many = R"({"gpus":[)";
  for (int i = 0; i < 1000; ++i)
    many += (i == 0 ? "" : ",") + std::string(R"({"id":"g)") + std::to_string(i) + "\"}";
  EXPECT_EQ(read_survey(many + "]}").value().gpus.size(), max_gpus);
}

}  // namespace
}  // namespace gogrid::worker
