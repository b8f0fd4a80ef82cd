// Proves that the machine may go to sleep once nothing runs any more, and not before.
#include "worker/owner_sensors.hpp"

#include <gtest/gtest.h>

#include "worker/activity/bus_test_support.hpp"

namespace gogrid::worker {
namespace {

using test::Loop;
using test::StandInLogind;
using test::TestBus;

class OwnerSensorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    daemon_.start();
    ::setenv("DBUS_SYSTEM_BUS_ADDRESS", daemon_.address().c_str(), 1);
    ::unsetenv("DISPLAY");
    ::unsetenv("WAYLAND_DISPLAY");
    OwnerSensors::Events events;
    events.on_change = [this] { told_ = told_ || (sensors_ && sensors_->senses().going_to_sleep); };
    events.on_survey = [](const Survey&) {};
    sensors_ =
        std::make_unique<OwnerSensors>(loop_.io.get_executor(), loop_.pool, inventory_,
                                       OwnerSensors::Place{directory_.path, {}}, WorkerConfig(), std::move(events));
    sensors_->start();
  }
  void TearDown() override {
    sensors_->stop();
    loop_.finish(sensors_->stopped());
    inventory_.stop();
    loop_.finish(inventory_.stopped());
    sensors_.reset();
    ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
  }
  void set_running(bool running) {
    EngineActivity engines;
    engines.running = running;
    sensors_->set_engines(engines);
    loop_.settle();
  }

  Loop loop_;
  TestBus daemon_{loop_};
  test::TemporaryDirectory directory_;
  Inventory inventory_{loop_.io.get_executor(), InventoryOptions()};
  bool told_ = false;
  std::unique_ptr<OwnerSensors> sensors_;
};

TEST_F(OwnerSensorsTest, SleepWaitsForTheEnginesEnd) {
  StandInLogind logind(loop_, daemon_);
  ASSERT_TRUE(loop_.until([&] { return logind.count("delay") == 1; }));
  set_running(true);
  logind.service.signal("PrepareForSleep", "b", 1);
  ASSERT_TRUE(loop_.until([&] { return told_; }));
  loop_.settle();
  EXPECT_EQ(logind.count("delay"), 1) << "an engine runs";
  set_running(false);
  EXPECT_TRUE(loop_.until([&] { return logind.count("delay") == 0; }));
  logind.service.signal("PrepareForSleep", "b", 0);
  EXPECT_TRUE(loop_.until([&] { return logind.count("delay") == 1 && !sensors_->senses().going_to_sleep; }));
  // With nothing that runs it waits for nobody.
  logind.service.signal("PrepareForSleep", "b", 1);
  EXPECT_TRUE(loop_.until([&] { return sensors_->senses().going_to_sleep && logind.count("delay") == 0; }));
}

}  // namespace
}  // namespace gogrid::worker
