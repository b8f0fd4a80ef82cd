// Proves that what each sensor finds out reaches the owner's rules, as the settings say; and that the machine may go to
// sleep once nothing runs any more, and not before.
#include "worker/owner_sensors.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "worker/activity/bus_test_support.hpp"
#include "worker/gpu/gpu_test_support.hpp"

namespace gogrid::worker {
namespace {

using test::Loop;
using test::StandInLogind;
using test::StandInNetworkManager;
using test::TestBus;

class OwnerSensorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    daemon_.start();
    ::setenv("DBUS_SYSTEM_BUS_ADDRESS", daemon_.address().c_str(), 1);
    ::unsetenv("DISPLAY");
    ::unsetenv("WAYLAND_DISPLAY");
    // A driver's probe that says again and again what the test says.
    std::ofstream(directory_.path / "probe.sh") << "while :; do cat " << survey().string()
                                                << "; case \"$*\" in *--watch*) sleep 0.02;; *) exit 0;; esac; done\n";
    say_of_gpu(R"("temperature_celsius":50)");
    InventoryOptions inventory;
    inventory.program = {"/bin/sh", (directory_.path / "probe.sh").string()};
    inventory.environment = {"PATH=/usr/bin:/bin"};
    inventory_ = std::make_unique<Inventory>(loop_.io.get_executor(), std::move(inventory));
  }
  void TearDown() override {
    sensors_->stop();
    inventory_->stop();
    loop_.finish(inventory_->stopped());
    loop_.finish(sensors_->stopped());
    sensors_.reset();
    ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
  }

  void start(const WorkerConfig& config = {}) {
    OwnerSensors::Events events;
    events.on_change = [this] { told_ = told_ || (sensors_ && sensors_->senses().going_to_sleep); };
    events.on_survey = [](const Survey&) {};
    sensors_ = std::make_unique<OwnerSensors>(loop_.io.get_executor(), loop_.pool, *inventory_,
                                              OwnerSensors::Place{directory_.path, {}, machine_.root()}, config,
                                              std::move(events));
    sensors_->start();
  }
  void set_engines(bool running, bool on_gpu = false, bool computing = false) {
    EngineActivity engines;
    engines.running = running;
    engines.on_gpu = on_gpu;
    engines.computing = computing;
    sensors_->set_engines(engines);
    loop_.settle();
  }
  std::filesystem::path survey() const { return directory_.path / "survey.json"; }
  void say_of_gpu(const std::string& reading) {
    const std::string text = R"({"gpus":[{"id":"pci:0000:01:00.0","name":"RTX","driver":"x","total_bytes":9,)" +
                             reading + R"(}],"looked_at":["sys"]})" + "\n";
    ASSERT_TRUE(write_file_atomically(survey(), text, 0600));
  }
  bool becomes(const std::function<bool(const OwnerSenses&)>& wanted) {
    return loop_.until([&] { return wanted(sensors_->senses()); });
  }
  GpuSenses gpu() const {
    const auto senses = sensors_->senses();
    const auto found = senses.gpus.find("pci:0000:01:00.0");
    return found == senses.gpus.end() ? GpuSenses() : found->second;
  }

  Loop loop_;
  TestBus daemon_{loop_};
  test::TemporaryDirectory directory_;
  test::RecordedMachine machine_;
  std::unique_ptr<Inventory> inventory_;
  bool told_ = false;
  std::unique_ptr<OwnerSensors> sensors_;
};

TEST_F(OwnerSensorsTest, SleepWaitsForTheEnginesEnd) {
  start();
  StandInLogind logind(loop_, daemon_);
  ASSERT_TRUE(loop_.until([&] { return logind.count("delay") == 1; }));
  set_engines(true);
  logind.service.signal("PrepareForSleep", "b", 1);
  ASSERT_TRUE(loop_.until([&] { return told_; }));
  loop_.settle();
  EXPECT_EQ(logind.count("delay"), 1) << "an engine runs";
  set_engines(false);
  EXPECT_TRUE(loop_.until([&] { return logind.count("delay") == 0; }));
  logind.service.signal("PrepareForSleep", "b", 0);
  EXPECT_TRUE(loop_.until([&] { return logind.count("delay") == 1 && !sensors_->senses().going_to_sleep; }));
  // With nothing that runs it waits for nobody.
  logind.service.signal("PrepareForSleep", "b", 1);
  EXPECT_TRUE(loop_.until([&] { return sensors_->senses().going_to_sleep && logind.count("delay") == 0; }));
}

TEST_F(OwnerSensorsTest, TheMachineIsKeptAwakeOnlyWhileARequestRunsAndTheOwnerAllowsIt) {
  start();
  StandInLogind logind(loop_, daemon_);
  ASSERT_TRUE(loop_.until([&] { return logind.count("delay") == 1; }));
  set_engines(true, false, true);
  EXPECT_EQ(logind.count("block"), 0) << "it is not allowed";
  WorkerConfig allowing;
  allowing.keep_awake = true;
  sensors_->set_config(allowing);
  EXPECT_TRUE(loop_.until([&] { return logind.count("block") == 1; }));
  set_engines(true, false, false);
  EXPECT_TRUE(loop_.until([&] { return logind.count("block") == 0; })) << "nothing runs";
}

TEST_F(OwnerSensorsTest, BatteryAndDiskAreSensedAsTheSettingsSay) {
  machine_.file("sys/class/power_supply/BAT0/type", "Battery");
  machine_.file("sys/class/power_supply/BAT0/capacity", "80");
  machine_.file("sys/class/power_supply/BAT0/status", "Discharging");
  WorkerConfig config;
  config.on_battery = "pause";
  start(config);
  EXPECT_TRUE(becomes([](const OwnerSenses& senses) { return senses.on_battery; }));
  EXPECT_FALSE(sensors_->senses().low_disk);
  config.min_free_disk_gb = 1e6;
  sensors_->set_config(config);
  EXPECT_TRUE(becomes([](const OwnerSenses& senses) { return senses.low_disk; }));
}

TEST_F(OwnerSensorsTest, ANetworkThatCostsIsSensed) {
  start();
  StandInNetworkManager manager(loop_, daemon_, 1);
  EXPECT_TRUE(becomes([](const OwnerSenses& senses) { return senses.metered_network; }));
  manager.set(2);
  EXPECT_TRUE(becomes([](const OwnerSenses& senses) { return !senses.metered_network; }));
}

TEST_F(OwnerSensorsTest, GpusAreLookedAtOnlyWhileEnginesAreOnThem) {
  WorkerConfig config;
  config.gpu_busy_percent = 20;
  start(config);
  set_engines(true);
  EXPECT_TRUE(sensors_->senses().gpus.empty());
  set_engines(true, true, true);
  EXPECT_TRUE(loop_.until([&] { return gpu().temperature_c == 50; }));
  EXPECT_FALSE(gpu().in_use);
  say_of_gpu(R"("temperature_celsius":91,"utilisation_percent":70,"processes":[{"pid":7,"name":"game","bytes":5}])");
  EXPECT_TRUE(loop_.until([&] { return gpu().temperature_c == 91 && gpu().in_use && gpu().used_by == "game"; }));
  config.gpu_busy_percent = 80;
  sensors_->set_config(config);
  EXPECT_FALSE(gpu().in_use) << "not as much as the owner minds";
  set_engines(false);
  EXPECT_TRUE(sensors_->senses().gpus.empty());
}

}  // namespace
}  // namespace gogrid::worker
