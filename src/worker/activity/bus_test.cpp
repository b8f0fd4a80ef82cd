// Proves on a real message bus, with doubles of the services on it, that each is understood, and that all of it comes
// back after the bus or the service went.
#include "worker/activity/bus.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "worker/activity/bus_test_support.hpp"
#include "worker/activity/logind.hpp"
#include "worker/activity/logind_idle.hpp"
#include "worker/activity/metered_network.hpp"
#include "worker/activity/mutter_idle.hpp"

namespace gogrid::worker {
namespace {

using namespace std::chrono_literals;
using test::Loop;
using test::StandInLogind;
using test::StandInNetworkManager;
using test::StandInService;
using test::TestBus;
using Time = std::chrono::steady_clock;

// A bus that is stopped in the end.
struct Connection {
  Connection(Loop& its_loop, const std::string& address) : loop(its_loop), bus(its_loop.io.get_executor(), address) {}
  ~Connection() {
    bus.stop();
    loop.finish(bus.stopped());
  }
  Loop& loop;
  Bus bus;
};

// GNOME's idle monitor: the test says how long its user has done nothing.
struct StandInMutter {
  StandInMutter(Loop& loop, const TestBus& bus)
      : service(loop, bus, "org.gnome.Mutter.IdleMonitor", "/org/gnome/Mutter/IdleMonitor/Core",
                "org.gnome.Mutter.IdleMonitor", table, this) {}

  static int get_idle_time(sd_bus_message* message, void* userdata, sd_bus_error*) {
    return sd_bus_reply_method_return(message, "t", static_cast<StandInMutter*>(userdata)->idle_ms);
  }
  static int add_idle_watch(sd_bus_message* message, void* userdata, sd_bus_error*) {
    auto& self = *static_cast<StandInMutter*>(userdata);
    sd_bus_message_read(message, "t", &self.interval_ms);
    self.idle_watch = ++self.last_watch;
    return sd_bus_reply_method_return(message, "u", self.idle_watch);
  }
  static int add_active_watch(sd_bus_message* message, void* userdata, sd_bus_error*) {
    auto& self = *static_cast<StandInMutter*>(userdata);
    self.active_watch = ++self.last_watch;
    return sd_bus_reply_method_return(message, "u", self.active_watch);
  }
  static int remove_watch(sd_bus_message* message, void* userdata, sd_bus_error*) {
    auto& self = *static_cast<StandInMutter*>(userdata);
    std::uint32_t watch = 0;
    sd_bus_message_read(message, "u", &watch);
    self.removed = watch;
    return sd_bus_reply_method_return(message, "");
  }
  void fire(std::uint32_t watch) { service.signal("WatchFired", "u", watch); }

  static constexpr sd_bus_vtable table[] = {SD_BUS_VTABLE_START(0),
                                            SD_BUS_METHOD("GetIdletime", "", "t", get_idle_time, 0),
                                            SD_BUS_METHOD("AddIdleWatch", "t", "u", add_idle_watch, 0),
                                            SD_BUS_METHOD("AddUserActiveWatch", "", "u", add_active_watch, 0),
                                            SD_BUS_METHOD("RemoveWatch", "u", "", remove_watch, 0),
                                            SD_BUS_SIGNAL("WatchFired", "u", 0),
                                            SD_BUS_VTABLE_END};
  std::uint64_t idle_ms = 0;
  std::uint64_t interval_ms = 0;
  std::uint32_t last_watch = 0;
  std::uint32_t idle_watch = 0;
  std::uint32_t active_watch = 0;
  std::uint32_t removed = 0;
  StandInService service;
};

TEST(Bus, ComesBackAfterItWasKilledAndIsQuietBetween) {
  Loop loop;
  TestBus daemon(loop);
  Connection connection(loop, daemon.address());
  int connected = 0;
  int lost = 0;
  BusClient client(connection.bus, {[&] { ++connected; }, [&] { ++lost; }});
  client.start();
  connection.bus.start();
  loop.settle();
  EXPECT_FALSE(connection.bus.connected());
  for (int round = 1; round <= 3; ++round) {
    daemon.start();
    ASSERT_TRUE(loop.until([&] { return connected == round; }));
    EXPECT_TRUE(connection.bus.connected());
    daemon.kill();
    ASSERT_TRUE(loop.until([&] { return lost == round; }));
    EXPECT_FALSE(connection.bus.connected());
  }
}

TEST(Bus, ACallSaysWhyItFails) {
  Loop loop;
  TestBus daemon(loop);
  Connection connection(loop, daemon.address());
  BusClient client(connection.bus, {});
  client.start();
  std::vector<Error> errors;
  const auto keep = [&](Result<sd_bus_message*> reply) { errors.push_back(reply ? Error() : reply.error()); };
  const BusMember nobodys{"com.example.Nobody", "/", "com.example.Nobody", "Do"};
  client.call(nobodys, {}, keep);
  ASSERT_EQ(errors.size(), 1u) << "no bus: told at once";
  daemon.start();
  connection.bus.start();
  ASSERT_TRUE(loop.until([&] { return connection.bus.connected(); }));
  client.call(nobodys, {std::string("text"), std::uint32_t{1}, std::uint64_t{2}, true}, keep);
  ASSERT_TRUE(loop.until([&] { return errors.size() == 2; }));
  EXPECT_EQ(errors[1].code, ErrorCode::not_found) << errors[1].detail;
}

TEST(Bus, AClientThatGoesHearsNoMore) {
  Loop loop;
  TestBus daemon(loop);
  daemon.start();
  Connection connection(loop, daemon.address());
  connection.bus.start();
  ASSERT_TRUE(loop.until([&] { return connection.bus.connected(); }));
  auto client = std::make_unique<BusClient>(connection.bus, BusClient::Events{});
  bool heard = false;
  client->follow_service("com.example.Nobody", [&](bool) { heard = true; });
  client->start();
  client.reset();
  BusClient other(connection.bus, {});
  bool answered = false;
  other.follow_service("com.example.Nobody", [&](bool) { answered = true; });
  other.start();
  ASSERT_TRUE(loop.until([&] { return answered; }));
  EXPECT_FALSE(heard);
}

TEST(SleepInhibitor, HoldsALockWhileItIsWantedOverEveryLoss) {
  Loop loop;
  TestBus daemon(loop);
  daemon.start();
  Connection connection(loop, daemon.address());
  connection.bus.start();
  SleepInhibitor inhibitor(connection.bus, [] {});
  auto logind = std::make_unique<StandInLogind>(loop, daemon);
  ASSERT_TRUE(loop.until([&] { return connection.bus.connected(); }));
  inhibitor.hold("running requests");
  ASSERT_TRUE(loop.until([&] { return inhibitor.held() && logind->count("block") == 1; }));
  inhibitor.release();
  EXPECT_FALSE(inhibitor.held());
  ASSERT_TRUE(loop.until([&] { return logind->count("block") == 0; }));
  inhibitor.hold("running requests");
  ASSERT_TRUE(loop.until([&] { return inhibitor.held(); }));
  // The login manager is restarted.
  logind.reset();
  ASSERT_TRUE(loop.until([&] { return !inhibitor.held(); }));
  EXPECT_NE(inhibitor.failure(), "");
  logind = std::make_unique<StandInLogind>(loop, daemon);
  ASSERT_TRUE(loop.until([&] { return inhibitor.held(); }));
  EXPECT_EQ(inhibitor.failure(), "");
  // And the bus.
  daemon.kill();
  ASSERT_TRUE(loop.until([&] { return !connection.bus.connected(); }));
  logind.reset();
  daemon.start();
  logind = std::make_unique<StandInLogind>(loop, daemon);
  EXPECT_TRUE(loop.until([&] { return inhibitor.held() && logind->count("block") == 1; }));
}

TEST(SleepInhibitor, SaysThatItWasRefused) {
  Loop loop;
  TestBus daemon(loop);
  daemon.start();
  Connection connection(loop, daemon.address());
  connection.bus.start();
  int changes = 0;
  SleepInhibitor inhibitor(connection.bus, [&] { ++changes; });
  StandInLogind logind(loop, daemon);
  logind.refuses = true;
  ASSERT_TRUE(loop.until([&] { return connection.bus.connected(); }));
  inhibitor.hold("running requests");
  ASSERT_TRUE(loop.until([&] { return inhibitor.failure() == "the machine may go to sleep: not you"; }));
  EXPECT_FALSE(inhibitor.held());
  EXPECT_GE(changes, 1);
  changes = 0;
  inhibitor.release();
  EXPECT_EQ(inhibitor.failure(), "");
  EXPECT_EQ(changes, 1) << "nothing failed any more is news too";
}

TEST(SleepWatch, DelaysSleepUntilItIsReadyAndHearsTheEnd) {
  Loop loop;
  TestBus daemon(loop);
  daemon.start();
  Connection connection(loop, daemon.address());
  connection.bus.start();
  std::vector<bool> told;
  SleepWatch watch(connection.bus, [&](bool asleep) { told.push_back(asleep); });
  StandInLogind logind(loop, daemon);
  ASSERT_TRUE(loop.until([&] { return logind.count("delay") == 1; }));
  // The lock has to have come here, too.
  logind.service.signal("PrepareForSleep", "b", 1);
  ASSERT_TRUE(loop.until([&] { return told.size() == 1; }));
  EXPECT_EQ(logind.count("delay"), 1);
  watch.ready();
  EXPECT_EQ(logind.count("delay"), 0);
  logind.service.signal("PrepareForSleep", "b", 0);
  ASSERT_TRUE(loop.until([&] { return told.size() == 2 && logind.count("delay") == 1; }));
  EXPECT_EQ(told, (std::vector<bool>{true, false}));
}

TEST(MeteredNetwork, FollowsNetworkManagerAsItComesChangesAndGoes) {
  Loop loop;
  TestBus daemon(loop);
  daemon.start();
  Connection connection(loop, daemon.address());
  connection.bus.start();
  MeteredNetwork network(connection.bus, [] {});
  const auto becomes = [&](Metered state) { return loop.until([&] { return network.state() == state; }); };
  auto manager = std::make_unique<StandInNetworkManager>(loop, daemon, 1);
  ASSERT_TRUE(becomes(Metered::yes));
  for (const auto& [number, state] :
       {std::pair(2u, Metered::no), std::pair(3u, Metered::yes), std::pair(4u, Metered::no),
        std::pair(99u, Metered::unknown), std::pair(1u, Metered::yes)}) {
    manager->set(number);
    ASSERT_TRUE(becomes(state)) << number;
  }
  manager.reset();
  ASSERT_TRUE(becomes(Metered::unknown));
  manager = std::make_unique<StandInNetworkManager>(loop, daemon, 1);
  ASSERT_TRUE(becomes(Metered::yes));
  daemon.kill();
  ASSERT_TRUE(becomes(Metered::unknown));
}

TEST(MutterIdle, FollowsTheDesktopsIdleMonitor) {
  Loop loop;
  TestBus daemon(loop);
  daemon.start();
  Connection connection(loop, daemon.address());
  MutterIdle source(connection.bus, 5min, [] {});
  source.start();
  connection.bus.start();
  const auto becomes = [&](SourceState state) { return loop.until([&] { return source.report().state == state; }); };
  auto mutter = std::make_unique<StandInMutter>(loop, daemon);
  mutter->idle_ms = 1000;
  ASSERT_TRUE(becomes(SourceState::active));
  EXPECT_EQ(mutter->interval_ms, 300'000u);
  for (int i = 0; i < 2; ++i) {
    mutter->active_watch = 0;
    mutter->fire(mutter->idle_watch);
    ASSERT_TRUE(becomes(SourceState::idle));
    ASSERT_TRUE(loop.until([&] { return mutter->active_watch != 0; }));
    loop.settle();
    mutter->fire(777);
    mutter->fire(mutter->active_watch);
    ASSERT_TRUE(becomes(SourceState::active));
  }
  // Shorter than the time without input: idle at once.
  mutter->idle_ms = 30'000;
  const auto first_watch = mutter->idle_watch;
  source.set_idle_after(10s);
  ASSERT_TRUE(becomes(SourceState::idle));
  EXPECT_EQ(mutter->interval_ms, 10'000u);
  EXPECT_EQ(mutter->removed, first_watch);
  mutter.reset();
  ASSERT_TRUE(becomes(SourceState::absent));
  mutter = std::make_unique<StandInMutter>(loop, daemon);
  ASSERT_TRUE(becomes(SourceState::active));
  daemon.kill();
  EXPECT_TRUE(becomes(SourceState::absent));
}

// One session, as systemd-logind shows it.
struct StandInSessions {
  StandInSessions(Loop& loop, const TestBus& bus)
      : service(loop, bus, "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", table,
                this) {
    service.add_object(session_path, "org.freedesktop.login1.Session", session_table, this);
  }

  static int list(sd_bus_message* message, void* userdata, sd_bus_error*) {
    const auto& self = *static_cast<StandInSessions*>(userdata);
    sd_bus_message* reply = nullptr;
    sd_bus_message_new_method_return(message, &reply);
    sd_bus_message_open_container(reply, 'a', "(susso)");
    if (self.logged_in) sd_bus_message_append(reply, "(susso)", "2", 1000, "someone", "seat0", session_path);
    sd_bus_message_close_container(reply);
    const int sent = sd_bus_send(nullptr, reply, nullptr);
    sd_bus_message_unref(reply);
    return sent;
  }
  static int get(sd_bus*, const char*, const char*, const char* name, sd_bus_message* reply, void* userdata,
                 sd_bus_error*) {
    const auto& self = *static_cast<StandInSessions*>(userdata);
    const std::string what = name;
    if (what == "IdleHint") return sd_bus_message_append(reply, "b", self.idle ? 1 : 0);
    if (what == "IdleSinceHintMonotonic") return sd_bus_message_append(reply, "t", self.idle_since_us);
    const char* text = what == "Id" ? "2" : what == "Type" ? self.type : what == "Class" ? "user" : "active";
    return sd_bus_message_append(reply, "s", text);
  }
  void set_idle(bool value, Time::duration ago) {
    idle = value;
    idle_since_us = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>((Time::now() - ago).time_since_epoch()).count());
    service.property_changed("IdleHint", session_path, "org.freedesktop.login1.Session");
  }

  static constexpr auto session_path = "/org/freedesktop/login1/session/_32";
  static constexpr sd_bus_vtable table[] = {
      SD_BUS_VTABLE_START(0), SD_BUS_METHOD("ListSessions", "", "a(susso)", list, 0),
      SD_BUS_SIGNAL("SessionNew", "so", 0), SD_BUS_SIGNAL("SessionRemoved", "so", 0), SD_BUS_VTABLE_END};
  static constexpr sd_bus_vtable session_table[] = {
      SD_BUS_VTABLE_START(0),
      SD_BUS_PROPERTY("Id", "s", get, 0, 0),
      SD_BUS_PROPERTY("Type", "s", get, 0, 0),
      SD_BUS_PROPERTY("Class", "s", get, 0, 0),
      SD_BUS_PROPERTY("State", "s", get, 0, 0),
      SD_BUS_PROPERTY("IdleHint", "b", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
      SD_BUS_PROPERTY("IdleSinceHintMonotonic", "t", get, 0, 0),
      SD_BUS_VTABLE_END};
  const char* type = "wayland";
  bool logged_in = false;
  bool idle = false;
  std::uint64_t idle_since_us = 0;
  StandInService service;
};

TEST(LogindIdle, FollowsTheSessionsOnTheScreens) {
  Loop loop;
  TestBus daemon(loop);
  daemon.start();
  Connection connection(loop, daemon.address());
  LogindIdle source(loop.io.get_executor(), connection.bus, 5min, [] {});
  source.start();
  connection.bus.start();
  const auto becomes = [&](SourceState state, const std::string& detail) {
    return loop.until([&] { return source.report().state == state && source.report().detail == detail; });
  };
  EXPECT_TRUE(becomes(SourceState::absent, "no login manager"));
  auto sessions = std::make_unique<StandInSessions>(loop, daemon);
  const std::string nobody = "nobody is logged in at the screen";
  ASSERT_TRUE(becomes(SourceState::idle, nobody));
  sessions->logged_in = true;
  sessions->service.signal("SessionNew", "so", "2", StandInSessions::session_path);
  ASSERT_TRUE(becomes(SourceState::active, "session 2"));
  sessions->set_idle(true, 10min);
  ASSERT_TRUE(becomes(SourceState::idle, "session 2"));
  sessions->set_idle(false, 0s);
  ASSERT_TRUE(becomes(SourceState::active, "session 2"));
  // Its own time was shorter than the owner's: the rest is waited for.
  source.set_idle_after(600ms);
  const auto hinted = Time::now();
  sessions->set_idle(true, 0s);
  ASSERT_TRUE(becomes(SourceState::idle, "session 2"));
  EXPECT_GE(Time::now() - hinted, 590ms);
  // A session on a terminal is none of a screen.
  sessions->type = "tty";
  sessions->service.signal("SessionNew", "so", "2", StandInSessions::session_path);
  ASSERT_TRUE(becomes(SourceState::idle, nobody));
  sessions.reset();
  EXPECT_TRUE(becomes(SourceState::absent, "no login manager"));
  source.stop();
}

}  // namespace
}  // namespace gogrid::worker
