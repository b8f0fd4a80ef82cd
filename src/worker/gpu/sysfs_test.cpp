// What the kernel's drivers say, from files as amdgpu, i915, xe and NVIDIA's driver have them.
#include "worker/gpu/sysfs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker/gpu/gpu_test_support.hpp"
#include "worker/gpu/host_reader.hpp"
#include "worker/gpu/probe.hpp"

namespace gogrid::worker {
namespace {

using test::RecordedMachine;
using testing::ElementsAre;
using testing::HasSubstr;

// A Radeon RX 7900 XTX.
std::string add_radeon(RecordedMachine& machine) {
  std::string device = machine.pci_device("0000:03:00.0", "1002", "744c", "030000", "amdgpu");
  machine.card(device, 0);
  machine.file(device + "/mem_info_vram_total", "25753026560");
  machine.file(device + "/mem_info_vram_used", "1288490188");
  machine.file(device + "/gpu_busy_percent", "37");
  machine.file(device + "/hwmon/hwmon3/name", "amdgpu");
  machine.file(device + "/hwmon/hwmon3/temp1_input", "54000");
  machine.file(device + "/hwmon/hwmon3/temp1_label", "edge");
  machine.file(device + "/hwmon/hwmon3/temp2_input", "61000");
  machine.file(device + "/hwmon/hwmon3/power1_average", "89000000");
  machine.file("proc/sys/kernel/osrelease", "6.1.0-18-amd64");
  machine.file("usr/share/misc/pci.ids",
               "# the list\n1001  Kolter\n\t744c  not this\n1002  Advanced Micro Devices, Inc. [AMD/ATI]\n"
               "\t743f  Navi 24\n\t\t1002 744c  a card's maker\n\t744c  Navi 31 [Radeon RX 7900 XT/7900 XTX/7900M]\n"
               "1003  ULSI\n\t744c  nor this");
  return device;
}

TEST(SysfsGpus, AmdgpuSaysEverything) {
  RecordedMachine machine;
  add_radeon(machine);
  SysfsGpus sysfs(machine.root());
  const auto gpus = sysfs.read();
  ASSERT_EQ(gpus.size(), 1u);
  const Gpu& gpu = gpus[0];
  EXPECT_EQ(gpu.id, "pci:0000:03:00.0");
  EXPECT_EQ(gpu.vendor, "AMD");
  EXPECT_EQ(gpu.name, "AMD Navi 31 [Radeon RX 7900 XT/7900 XTX/7900M]");
  EXPECT_EQ(gpu.pci_id, "1002:744c");
  EXPECT_EQ(gpu.driver, "amdgpu");
  EXPECT_EQ(gpu.driver_version, "Linux 6.1.0-18-amd64");
  EXPECT_EQ(gpu.total_bytes, 25753026560u);
  EXPECT_EQ(gpu.reading.used_bytes, 1288490188u);
  EXPECT_EQ(gpu.reading.free_bytes, 25753026560u - 1288490188u);
  EXPECT_EQ(gpu.reading.utilisation_percent, 37);
  EXPECT_EQ(gpu.reading.temperature_celsius, 54);
  EXPECT_EQ(gpu.reading.power_watts, 89);
  EXPECT_FALSE(gpu.reading.asleep);
  EXPECT_FALSE(has_gaps(gpus));
}

TEST(SysfsGpus, OfAGpuThatSleepsNothingIsReadThatWouldWakeIt) {
  RecordedMachine machine;
  const std::string device = add_radeon(machine);
  machine.file(device + "/power/runtime_status", "suspended");
  const Gpu gpu = SysfsGpus(machine.root()).read().at(0);
  EXPECT_TRUE(gpu.reading.asleep);
  EXPECT_EQ(gpu.total_bytes, 25753026560u);
  EXPECT_EQ(gpu.reading.temperature_celsius, std::nullopt);
  EXPECT_EQ(gpu.reading.power_watts, std::nullopt);
  EXPECT_EQ(gpu.reading.utilisation_percent, std::nullopt);
}

TEST(SysfsGpus, IntelTellsEnergyWhichTwoLooksMakePower) {
  RecordedMachine machine;
  const std::string built_in = machine.pci_device("0000:00:02.0", "8086", "46a6", "030000", "i915");
  machine.card(built_in, 0);
  const std::string arc = machine.pci_device("0000:03:00.0", "8086", "e20b", "030000", "xe");
  machine.card(arc, 1);
  machine.file(arc + "/tile0/physical_vram_size_bytes", "12809404416");
  machine.file(arc + "/hwmon/hwmon4/name", "xe");
  machine.file(arc + "/hwmon/hwmon4/temp2_input", "47000");
  machine.file(arc + "/hwmon/hwmon4/energy1_input", "1000000");
  SysfsGpus sysfs(machine.root());
  auto gpus = sysfs.read();
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_TRUE(gpus[0].integrated);
  EXPECT_EQ(gpus[0].total_bytes, 0u);
  EXPECT_FALSE(gpus[1].integrated);
  EXPECT_EQ(gpus[1].total_bytes, 12809404416u);
  EXPECT_EQ(gpus[1].reading.temperature_celsius, 47);
  EXPECT_EQ(gpus[1].reading.power_watts, std::nullopt);
  EXPECT_TRUE(has_gaps(gpus)) << "the built-in one has no size here";
  machine.file(arc + "/hwmon/hwmon4/energy1_input", "3000000");
  gpus = sysfs.read();
  ASSERT_TRUE(gpus[1].reading.power_watts);
  EXPECT_GT(*gpus[1].reading.power_watts, 0);
  // A counter that began anew tells nothing once.
  machine.file(arc + "/hwmon/hwmon4/energy1_input", "5");
  EXPECT_EQ(sysfs.read().at(1).reading.power_watts, std::nullopt);
}

TEST(SysfsGpus, NvidiasDriverTellsItsNameWithoutALibrary) {
  RecordedMachine machine;
  machine.pci_device("0000:01:00.0", "10de", "2684", "030000", "nvidia");
  machine.pci_device("0000:01:00.1", "10de", "22ba", "040300", "snd_hda_intel");
  machine.file("sys/module/nvidia/version", "550.54.14");
  machine.file("proc/driver/nvidia/gpus/0000:01:00.0/information",
               "Model: \t\t NVIDIA GeForce RTX 4090\nIRQ:   \t\t 150\nGPU UUID: \t GPU-d8d1\nBus Type: \t PCIe");
  const auto gpus = SysfsGpus(machine.root()).read();
  ASSERT_EQ(gpus.size(), 1u) << "its sound is no GPU";
  EXPECT_EQ(gpus[0].name, "NVIDIA GeForce RTX 4090");
  EXPECT_EQ(gpus[0].driver_version, "550.54.14");
}

TEST(SysfsGpus, WhatOnlyShowsAScreenIsNone) {
  RecordedMachine machine;
  machine.pci_device("0000:06:00.0", "1a03", "2000", "030000", "ast");
  machine.pci_device("0000:00:1f.0", "8086", "7a04", "060100", "");
  SysfsGpus sysfs(machine.root());
  EXPECT_TRUE(sysfs.read().empty());
  EXPECT_EQ(sysfs.looked_at(), "/sys (2 PCI devices, no GPU)");
}

TEST(SysfsGpus, OneWithoutADriverAndOneForAVirtualMachineAreShown) {
  RecordedMachine machine;
  machine.pci_device("0000:01:00.0", "10de", "2684", "030200", "");
  machine.pci_device("0000:02:00.0", "1002", "74a1", "120000", "vfio-pci");
  const auto gpus = SysfsGpus(machine.root()).read();
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0].driver, "");
  EXPECT_EQ(shown_name(gpus[0]), "NVIDIA GPU 10de:2684");
  EXPECT_EQ(gpus[1].driver, "vfio-pci");
}

TEST(SysfsGpus, AGpuInAChipHasNoPciAddress) {
  RecordedMachine machine;
  const std::string device = "sys/devices/platform/soc/fd880000.gpu";
  machine.link(device + "/subsystem", "../../../../bus/platform");
  machine.link(device + "/driver", "../../../../bus/platform/drivers/panthor");
  machine.card(device, 1);
  const auto gpus = SysfsGpus(machine.root()).read();
  ASSERT_EQ(gpus.size(), 1u);
  EXPECT_EQ(gpus[0].id, "drm:fd880000.gpu");
  EXPECT_EQ(gpus[0].driver, "panthor");
}

TEST(SysfsGpus, StrangeFilesAreLeftOut) {
  RecordedMachine machine;
  const std::string device = add_radeon(machine);
  machine.file(device + "/mem_info_vram_total", "99999999999999999999999");
  machine.file(device + "/mem_info_vram_used", "-5");
  machine.file(device + "/gpu_busy_percent", "101");
  machine.file(device + "/hwmon/hwmon3/temp1_input", "warm");
  machine.file(device + "/hwmon/hwmon3/temp2_input", std::string(1 << 20, '9'));
  machine.file(device + "/product_name", std::string(2000, 'n'));
  const Gpu gpu = SysfsGpus(machine.root()).read().at(0);
  EXPECT_EQ(gpu.total_bytes, 0u);
  EXPECT_EQ(gpu.reading.used_bytes, std::nullopt);
  EXPECT_EQ(gpu.reading.utilisation_percent, std::nullopt);
  EXPECT_EQ(gpu.reading.temperature_celsius, std::nullopt);
  EXPECT_EQ(gpu.name.size(), max_gpu_text_bytes);
}

constexpr const char* amdgpu_use =
    "pos:\t0\nflags:\t02100002\nmnt_id:\t26\nino:\t1057\ndrm-driver:\tamdgpu\ndrm-client-id:\t41\ndrm-pdev:\t0000:03:"
    "00.0\n"
    "pasid:\t32770\ndrm-memory-vram:\t262144 KiB\ndrm-memory-gtt:\t16384 KiB\ndrm-memory-cpu:\t0 KiB\n"
    "drm-engine-gfx:\t3420134 ns";
constexpr const char* xe_use =
    "drm-driver:\txe\ndrm-client-id:\t3\ndrm-pdev:\t0000:03:00.0\ndrm-total-system:\t0\ndrm-resident-system:\t0\n"
    "drm-total-gtt:\t192 KiB\ndrm-resident-gtt:\t192 KiB\ndrm-total-vram0:\t23992 KiB\ndrm-resident-vram0:\t23 MiB";
constexpr const char* i915_use =
    "drm-driver:\ti915\ndrm-pdev:\t0000:00:02.0\ndrm-client-id:\t7\ndrm-total-system0:\t52 MiB\n"
    "drm-resident-system0:\t40 MiB\ndrm-resident-stolen-system0:\t1 MiB\ndrm-engine-render:\t9288864723 ns";

TEST(DrmUse, IsReadAsTheDriversWriteIt) {
  EXPECT_EQ(parse_fdinfo(amdgpu_use).gpu_id, "pci:0000:03:00.0");
  EXPECT_EQ(parse_fdinfo(amdgpu_use).client_id, "41");
  EXPECT_EQ(parse_fdinfo(amdgpu_use).bytes, 256u << 20);
  EXPECT_EQ(parse_fdinfo(xe_use).bytes, 23u << 20);
  EXPECT_EQ(parse_fdinfo(i915_use).bytes, 40u << 20);
}

TEST(DrmUse, StrangeTextsAreNoUse) {
  for (const char* text : {"", "drm-pdev", "drm-pdev:", "drm-pdev: x", "pdev: 0000:03:00.0", "\0\0\0"})
    EXPECT_EQ(parse_fdinfo(text).gpu_id, "") << text;
  for (const char* size : {"", "-1", "x KiB", "99999999999999999999 KiB", "9999999999999999 MiB", "1.5 MiB"}) {
    const DrmUse use = parse_fdinfo(std::string("drm-pdev: 0000:03:00.0\ndrm-resident-vram0: ") + size);
    EXPECT_EQ(use.gpu_id, "pci:0000:03:00.0");
    EXPECT_EQ(use.bytes, std::nullopt) << size;
  }
}

TEST(DrmProcesses, EachUseCountsOnceAndWorkersEnginesAreOurs) {
  RecordedMachine machine;
  add_radeon(machine);
  // The second descriptor is a copy of the first, the third another use.
  machine.process(100, "Xorg", 1,
                  {amdgpu_use, amdgpu_use, "drm-pdev: 0000:03:00.0\ndrm-client-id: 42\ndrm-memory-vram: 1 MiB"});
  machine.process(200, "gogrid-worker", 1);
  machine.process(201, "bwrap", 200);
  machine.process(202, "a) S 1 (", 201, {"drm-pdev: 0000:03:00.0\ndrm-client-id: 50\ndrm-memory-vram: 512 MiB"});
  machine.process(300, "elsewhere", 1, {"drm-pdev: 0000:09:00.0\ndrm-client-id: 51"});
  const Gpu gpu = SysfsGpus(machine.root()).read().at(0);
  EXPECT_THAT(gpu.reading.processes,
              ElementsAre(GpuProcess{100, "Xorg", 257u << 20, false}, GpuProcess{202, "a) S 1 (", 512u << 20, true}));
  EXPECT_EQ(foreign_bytes(gpu), 1288490188u - (512u << 20));
}

TEST(DrmProcesses, TheShareOfTimeIsThatOfTheBusiestPartSinceTheLookBefore) {
  RecordedMachine machine;
  const auto use = [](const std::string& client, const std::string& gfx, const std::string& video) {
    return "drm-pdev: 0000:03:00.0\ndrm-client-id: " + client + "\ndrm-engine-gfx:\t" + gfx +
           " ns\ndrm-engine-dec: " + video + " ns";
  };
  machine.process(100, "idle", 1, {use("1", "5000", "0")});
  machine.process(200, "film", 1, {use("2", "5000", "0"), use("3", "7", "7")});
  machine.process(300, "reset", 1, {use("4", "5000", "5000")});
  machine.process(400, "strange", 1, {use("5", "-1", "x")});
  DrmProcesses looks(machine.root());
  const auto shares = [&looks] {
    std::map<std::string, std::optional<double>> by_name;
    const auto users = looks.read();
    for (const GpuProcess& process : users.at("pci:0000:03:00.0"))
      by_name[process.name] = process.utilisation_percent;
    return by_name;
  };
  for (const auto& [name, share] : shares())
    EXPECT_EQ(share, std::nullopt) << name << ": nothing is known from one look";
  // A whole hour of the video part's time.
  machine.file("proc/200/fdinfo/3", use("2", "5001", "3600000000000"));
  machine.file("proc/300/fdinfo/3", use("4", "1", "1"));
  machine.process(500, "new", 1, {use("6", "5000", "0")});
  const std::map<std::string, std::optional<double>> expected = {
      {"idle", 0}, {"film", 100}, {"reset", std::nullopt}, {"strange", std::nullopt}, {"new", std::nullopt}};
  EXPECT_EQ(shares(), expected);
}

TEST(HostReader, MemoryProcessorsAndPower) {
  RecordedMachine machine;
  machine.file("proc/meminfo", "MemTotal:       65777832 kB\nMemFree:         100 kB\nMemAvailable:   48123456 kB");
  machine.file("proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 2 3");
  machine.file("sys/class/power_supply/AC/type", "Mains");
  machine.file("sys/class/power_supply/AC/online", "0");
  machine.file("sys/class/power_supply/BAT0/type", "Battery");
  machine.file("sys/class/power_supply/BAT0/capacity", "81");
  machine.file("sys/class/power_supply/BAT0/status", "Discharging");
  machine.file("sys/class/power_supply/hidpp_battery_0/type", "Battery");
  machine.file("sys/class/power_supply/hidpp_battery_0/scope", "Device");
  machine.file("sys/class/power_supply/hidpp_battery_0/capacity", "7");
  HostReader reader(machine.root(), machine.root());
  HostReading reading = reader.read();
  EXPECT_EQ(reading.memory_bytes, 65777832ull * 1024);
  EXPECT_EQ(reading.memory_available_bytes, 48123456ull * 1024);
  EXPECT_EQ(reading.cpu_percent, std::nullopt);
  EXPECT_EQ(reading.battery, (Battery{81, "Discharging"}));
  EXPECT_EQ(reading.on_mains, false);
  EXPECT_GT(reading.disk_bytes, 0u);
  EXPECT_LE(reading.disk_free_bytes, reading.disk_bytes);
  machine.file("proc/stat", "cpu  150 0 125 825 0 0 0 0 0 0");
  EXPECT_EQ(reader.read().cpu_percent, 75);
}

TEST(HostReader, ADesktopHasNoBattery) {
  RecordedMachine machine;
  machine.file("sys/class/power_supply/mouse/type", "Battery");
  machine.file("sys/class/power_supply/mouse/scope", "Device");
  const HostReading reading = HostReader("", machine.root()).read();
  EXPECT_EQ(reading.battery, std::nullopt);
  EXPECT_EQ(reading.on_mains, std::nullopt);
  EXPECT_EQ(reading.disk_bytes, 0u);
}

// The test library's GPU at 0000:01:00.0 is the one that the kernel has there.
TEST(SystemProbe, NvmlAndTheKernelTellOfOneGpu) {
  RecordedMachine machine;
  add_radeon(machine);
  const std::string device = machine.pci_device("0000:01:00.0", "10de", "2684", "030000", "nvidia");
  machine.file("sys/module/nvidia/version", "0");
  const Survey survey = SystemProbe(machine.root(), "", TEST_NVML_DIR "/new/libnvidia-ml.so.1").look();
  ASSERT_EQ(survey.gpus.size(), 3u);
  EXPECT_EQ(survey.gpus[0].id, "pci:0000:01:00.0");
  EXPECT_EQ(survey.gpus[0].name, "NVIDIA GeForce RTX 4090");
  EXPECT_EQ(survey.gpus[0].driver_version, "550.54.14");
  EXPECT_EQ(survey.gpus[1].vendor, "AMD");
  EXPECT_EQ(survey.gpus[2].id, "pci:0010:c1:00.0");
  EXPECT_THAT(survey.looked_at, ElementsAre(HasSubstr("2 GPUs"), "NVML (2 GPUs)"));
}

TEST(SystemProbe, NvmlIsLeftAloneWhileItsGpuSleeps) {
  RecordedMachine machine;
  const std::string device = machine.pci_device("0000:01:00.0", "10de", "2684", "030000", "nvidia");
  machine.file(device + "/power/runtime_status", "suspended");
  SystemProbe probe(machine.root(), "", TEST_NVML_DIR "/new/libnvidia-ml.so.1");
  Survey survey = probe.look();
  ASSERT_EQ(survey.gpus.size(), 1u);
  EXPECT_TRUE(survey.gpus[0].reading.asleep);
  EXPECT_THAT(survey.looked_at.back(), HasSubstr("sleeps"));
  machine.file(device + "/power/runtime_status", "active");
  survey = probe.look();
  EXPECT_EQ(survey.gpus.at(0).reading.temperature_celsius, 61);
}

}  // namespace
}  // namespace gogrid::worker
