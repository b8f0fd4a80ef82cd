// Proves with a real compositor (sway, headless) and with a double of a newer one that input and its absence are told
// at once, and that compositors may come and go.
#include "worker/activity/wayland_idle.hpp"

#include <ext-idle-notify-v1-server.h>
#include <gtest/gtest.h>
#include <wayland-server.h>

#include <list>

#include "worker/activity/activity_test_support.hpp"
#include "worker/activity/wayland_test_support.hpp"

namespace gogrid::worker {
namespace {

using namespace std::chrono_literals;
using test::Loop;
using test::Sway;
using test::TemporaryDirectory;
using Time = std::chrono::steady_clock;

struct Watched {
  explicit Watched(Loop& its_loop, std::filesystem::path runtime_directory, std::string display = "",
                   std::chrono::milliseconds idle_after = 300ms)
      : loop(its_loop) {
    WaylandOptions options;
    options.display = std::move(display);
    options.runtime_directory = std::move(runtime_directory);
    source = std::make_unique<WaylandIdle>(loop.io.get_executor(), options, idle_after, [] {});
    source->start();
  }
  ~Watched() {
    source->stop();
    loop.finish(source->stopped());
  }
  bool becomes(SourceState state) {
    return loop.until([&] { return source->report().state == state; });
  }

  Loop& loop;
  std::unique_ptr<WaylandIdle> source;
};

// A double of a compositor that speaks ext-idle-notify-v1, as those newer than Debian 12's do. The test is its user.
class StandInCompositor {
 public:
  StandInCompositor(Loop& loop, const std::filesystem::path& socket, bool tells = true) : stand_in_(loop, socket) {
    wl_global_create(stand_in_.get(), &wl_seat_interface, 1, this, bind_seat);
    if (tells) wl_global_create(stand_in_.get(), &ext_idle_notifier_v1_interface, 1, this, bind_notifier);
  }

  void tell(bool idle) {
    for (wl_resource* notification : notifications_) {
      if (idle) {
        ext_idle_notification_v1_send_idled(notification);
      } else {
        ext_idle_notification_v1_send_resumed(notification);
      }
    }
    stand_in_.flush();
  }
  std::size_t notifications() const { return notifications_.size(); }

  std::uint32_t timeout_ms = 0;

 private:
  static void destroy(wl_client*, wl_resource* resource) { wl_resource_destroy(resource); }
  static void get_notification(wl_client* client, wl_resource* notifier, std::uint32_t id, std::uint32_t timeout,
                               wl_resource*) {
    static const struct ext_idle_notification_v1_interface implementation = {destroy};
    auto& self = *static_cast<StandInCompositor*>(wl_resource_get_user_data(notifier));
    wl_resource* notification = wl_resource_create(client, &ext_idle_notification_v1_interface, 1, id);
    wl_resource_set_implementation(notification, &implementation, &self, [](wl_resource* gone) {
      static_cast<StandInCompositor*>(wl_resource_get_user_data(gone))->notifications_.remove(gone);
    });
    self.notifications_.push_back(notification);
    self.timeout_ms = timeout;
  }
  static void bind_notifier(wl_client* client, void* data, std::uint32_t version, std::uint32_t id) {
    static const struct ext_idle_notifier_v1_interface implementation = {destroy, get_notification};
    wl_resource* notifier = wl_resource_create(client, &ext_idle_notifier_v1_interface, static_cast<int>(version), id);
    wl_resource_set_implementation(notifier, &implementation, data, nullptr);
  }
  static void bind_seat(wl_client* client, void* data, std::uint32_t version, std::uint32_t id) {
    wl_resource* seat = wl_resource_create(client, &wl_seat_interface, static_cast<int>(version), id);
    wl_resource_set_implementation(seat, nullptr, data, nullptr);
  }

  std::list<wl_resource*> notifications_;
  // Goes first: its clients' ends are told to this.
  test::StandInDisplay stand_in_;
};

TEST(WaylandIdle, TellsOfIdleAndOfTheFirstInputUnderARealCompositor) {
  Loop loop;
  Sway sway(loop);
  Watched watched(loop, sway.directory.path);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(watched.becomes(SourceState::idle)) << watched.source->report().detail;
    EXPECT_EQ(watched.source->report().detail, sway.name());
    sway.type();
    ASSERT_TRUE(watched.becomes(SourceState::active));
  }
  watched.source->set_idle_after(1h);
  EXPECT_EQ(watched.source->report().state, SourceState::active);
  watched.source->set_idle_after(100ms);
  ASSERT_TRUE(watched.becomes(SourceState::idle));
  sway.close();
  EXPECT_TRUE(loop.until([&] { return watched.source->report().state == SourceState::absent; }));
}

TEST(WaylandIdle, FollowsTheStandardProtocol) {
  Loop loop;
  TemporaryDirectory directory;
  StandInCompositor compositor(loop, directory.path / "wayland-3");
  Watched watched(loop, directory.path, "wayland-3", 5min);
  ASSERT_TRUE(watched.becomes(SourceState::active));
  ASSERT_TRUE(loop.until([&] { return compositor.notifications() == 1; }));
  EXPECT_EQ(compositor.timeout_ms, 300'000u);
  for (int i = 0; i < 3; ++i) {
    compositor.tell(true);
    ASSERT_TRUE(watched.becomes(SourceState::idle));
    compositor.tell(false);
    ASSERT_TRUE(watched.becomes(SourceState::active));
  }
  compositor.tell(true);
  ASSERT_TRUE(watched.becomes(SourceState::idle));
  // Another time: it has to be without input for that long first.
  watched.source->set_idle_after(10s);
  EXPECT_EQ(watched.source->report().state, SourceState::active);
  ASSERT_TRUE(loop.until([&] { return compositor.timeout_ms == 10'000u && compositor.notifications() == 1; }));
  compositor.tell(true);
  EXPECT_TRUE(watched.becomes(SourceState::idle));
}

TEST(WaylandIdle, ACompositorMayComeLaterAndGo) {
  Loop loop;
  TemporaryDirectory directory;
  Watched watched(loop, directory.path);
  loop.settle();
  EXPECT_EQ(watched.source->report().state, SourceState::absent);
  EXPECT_EQ(watched.source->report().detail, "no Wayland compositor");
  for (const char* name : {"wayland-0", "wayland-0", "wayland-1"}) {
    auto compositor = std::make_unique<StandInCompositor>(loop, directory.path / name);
    ASSERT_TRUE(watched.becomes(SourceState::active)) << watched.source->report().detail;
    compositor.reset();
    std::filesystem::remove(directory.path / name);
    ASSERT_TRUE(watched.becomes(SourceState::absent)) << watched.source->report().detail;
  }
}

TEST(WaylandIdle, SaysThatACompositorDoesNotTell) {
  Loop loop;
  TemporaryDirectory directory;
  StandInCompositor compositor(loop, directory.path / "wayland-0", false);
  Watched watched(loop, directory.path);
  const std::string said = "wayland-0: this compositor does not tell when its user is idle";
  ASSERT_TRUE(loop.until([&] { return watched.source->report().detail == said; })) << watched.source->report().detail;
  EXPECT_EQ(watched.source->report().state, SourceState::blind);
}

TEST(WaylandIdle, ASocketsNameIsNotItsLocks) {
  EXPECT_TRUE(is_wayland_socket_name("wayland-0"));
  EXPECT_TRUE(is_wayland_socket_name("wayland-12"));
  for (const char* other : {"wayland-0.lock", "wayland-", "wayland", "xwayland-0", "wayland-x", ""})
    EXPECT_FALSE(is_wayland_socket_name(other)) << other;
}

}  // namespace
}  // namespace gogrid::worker
