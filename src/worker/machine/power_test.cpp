// Power: a laptop's files as the kernel has them, and its events on a socket.
#include "worker/machine/power.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "worker/gpu/gpu_test_support.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using test::RecordedMachine;

TEST(Power, WhatRunsOnABattery) {
  struct Case {
    const char* what;
    std::optional<bool> mains;
    const char* battery;
    bool on_battery;
  };
  const Case cases[] = {
      {"a desktop that says nothing", std::nullopt, nullptr, false},
      {"a desktop that says it has mains", true, nullptr, false},
      {"no battery, whatever its mains say", false, nullptr, false},
      {"a laptop at its charger", true, "Charging", false},
      {"a charger that is too weak", true, "Discharging", false},
      {"a laptop without its charger", false, "Discharging", true},
      {"a battery that says nothing", false, "Unknown", true},
      {"mains that say nothing", std::nullopt, "Discharging", true},
      {"mains that say nothing, and a full battery", std::nullopt, "Full", false},
  };
  for (const Case& one : cases) {
    HostReading reading;
    reading.on_mains = one.mains;
    if (one.battery != nullptr) reading.battery = Battery{std::nullopt, one.battery};
    EXPECT_EQ(is_on_battery(reading), one.on_battery) << one.what;
  }
}

class PowerTest : public testing::Test {
 protected:
  PowerTest() {
    machine_.file("sys/class/power_supply/BAT0/type", "Battery");
    machine_.file("sys/class/power_supply/BAT0/capacity", "80");
    machine_.file("sys/class/power_supply/hidpp_battery_0/type", "Battery");
    machine_.file("sys/class/power_supply/hidpp_battery_0/scope", "Device");
    machine_.file("sys/class/power_supply/AC/type", "Mains");
    plug_in(true);
  }
  void plug_in(bool in) {
    machine_.file("sys/class/power_supply/AC/online", in ? "1" : "0");
    machine_.file("sys/class/power_supply/BAT0/status", in ? "Charging" : "Discharging");
  }
  Power& make(bool has_events) {
    PowerOptions options;
    options.root = machine_.root();
    options.look_pause = 20ms;
    options.open_events = [this, has_events]() -> Result<FileDescriptor> {
      if (!has_events) return Error(ErrorCode::permission_denied, "not here");
      int ends[2];
      EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
      kernel_ = FileDescriptor(ends[1]);
      return FileDescriptor(ends[0]);
    };
    power_.emplace(io_.get_executor(), std::move(options), [this] { ++changes_; });
    power_->start();
    return *power_;
  }
  void say(std::string text) {
    for (char& c : text) {
      if (c == ' ') c = '\0';
    }
    ASSERT_GT(::send(kernel_.get(), text.data(), text.size(), 0), 0);
  }
  void wait_for_changes(int count) {
    io_.restart();
    while (changes_ < count && io_.run_one() > 0) {
    }
    ASSERT_EQ(changes_, count);
  }
  void TearDown() override {
    power_->stop();
    net::test::run(io_, power_->stopped());
  }

  asio::io_context io_{1};
  RecordedMachine machine_;
  FileDescriptor kernel_;
  std::optional<Power> power_;
  int changes_ = 0;
};

TEST_F(PowerTest, AChargerThatIsPulledIsHeardOfAndOtherDevicesAreNot) {
  const Power& power = make(true);
  EXPECT_FALSE(power.on_battery());
  EXPECT_EQ(power.battery()->percent, 80);
  EXPECT_EQ(power.trouble(), "");
  plug_in(false);
  say("change@/devices/usb1 ACTION=change SUBSYSTEM=usb");
  io_.restart();
  io_.poll();
  EXPECT_FALSE(power.on_battery()) << "nobody was woken for it";
  say("change@/devices/AC ACTION=change SUBSYSTEM=power_supply");
  wait_for_changes(1);
  EXPECT_TRUE(power.on_battery());
  say("change@/devices/BAT0 ACTION=change SUBSYSTEM=power_supply");
  plug_in(true);
  say("change@/devices/AC ACTION=change SUBSYSTEM=power_supply");
  wait_for_changes(2);
  EXPECT_FALSE(power.on_battery());
}

TEST_F(PowerTest, WithoutEventsItLooksNowAndThen) {
  const Power& power = make(false);
  EXPECT_EQ(power.trouble(), "not here");
  plug_in(false);
  wait_for_changes(1);
  EXPECT_TRUE(power.on_battery());
}

TEST_F(PowerTest, ItCanBeStartedAgain) {
  Power& power = make(true);
  power.stop();
  net::test::run(io_, power.stopped());
  plug_in(false);
  power.start();
  EXPECT_TRUE(power.on_battery());
  EXPECT_EQ(changes_, 0) << "what the start finds is not told";
}

TEST(RealPower, TheKernelsEventsCanBeHeard) {
  const auto socket = open_hotplug_socket();
  EXPECT_TRUE(socket) << socket.error().detail;
}

}  // namespace
}  // namespace gogrid::worker
