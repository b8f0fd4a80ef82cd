// Proves with a real compositor (sway, headless) that a window that fills the screen is told with its program's name,
// and with a double of one that odd and absent compositors do no harm.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <wayland-client.h>

#include <wlr-foreign-toplevel-server.h>
#include <xdg-shell-client.h>
#include <algorithm>
#include <initializer_list>
#include <list>
#include <stdexcept>

#include "worker/activity/activity_test_support.hpp"
#include "worker/activity/full_screen.hpp"
#include "worker/activity/wayland_test_support.hpp"

namespace gogrid::worker {
namespace {

using test::Loop;
using test::Sway;
using test::TemporaryDirectory;

constexpr std::uint32_t activated = ZWLR_FOREIGN_TOPLEVEL_HANDLE_V1_STATE_ACTIVATED;
constexpr std::uint32_t full_screen = ZWLR_FOREIGN_TOPLEVEL_HANDLE_V1_STATE_FULLSCREEN;

// A program with one window. It waits for the compositor, which does not wait for the test.
class Window {
 public:
  Window(const std::filesystem::path& socket, const std::string& app_id)
      : display_(wl_display_connect(socket.c_str())) {
    if (display_ == nullptr) throw std::runtime_error("no compositor at " + socket.string());
    static constexpr wl_registry_listener globals{on_global, [](void*, wl_registry*, std::uint32_t) {}};
    registry_ = wl_display_get_registry(display_);
    wl_registry_add_listener(registry_, &globals, this);
    sync();
    if (compositor_ == nullptr || memory_ == nullptr || shell_ == nullptr) throw std::runtime_error("no windows there");
    surface_ = wl_compositor_create_surface(compositor_);
    shell_surface_ = xdg_wm_base_get_xdg_surface(shell_, surface_);
    static constexpr xdg_surface_listener configure{on_configure};
    xdg_surface_add_listener(shell_surface_, &configure, this);
    toplevel_ = xdg_surface_get_toplevel(shell_surface_);
    xdg_toplevel_set_app_id(toplevel_, app_id.c_str());
    wl_surface_commit(surface_);
    while (!configured_ && wl_display_dispatch(display_) >= 0)
      continue;
    show();
    sync();
  }
  ~Window() {
    wl_buffer_destroy(buffer_);
    xdg_toplevel_destroy(toplevel_);
    xdg_surface_destroy(shell_surface_);
    wl_surface_destroy(surface_);
    xdg_wm_base_destroy(shell_);
    wl_shm_destroy(memory_);
    wl_compositor_destroy(compositor_);
    wl_registry_destroy(registry_);
    wl_display_flush(display_);
    wl_display_disconnect(display_);
  }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  void set_full_screen(bool on) {
    if (on) {
      xdg_toplevel_set_fullscreen(toplevel_, nullptr);
    } else {
      xdg_toplevel_unset_fullscreen(toplevel_);
    }
    sync();
  }

 private:
  static void on_global(void* data, wl_registry* registry, std::uint32_t name, const char* interface, std::uint32_t) {
    auto& self = *static_cast<Window*>(data);
    const std::string_view what = interface;
    const auto bind = [&](const wl_interface& type) { return wl_registry_bind(registry, name, &type, 1); };
    if (what == wl_compositor_interface.name)
      self.compositor_ = static_cast<wl_compositor*>(bind(wl_compositor_interface));
    if (what == wl_shm_interface.name) self.memory_ = static_cast<wl_shm*>(bind(wl_shm_interface));
    if (what == xdg_wm_base_interface.name) self.shell_ = static_cast<xdg_wm_base*>(bind(xdg_wm_base_interface));
  }
  static void on_configure(void* data, xdg_surface* surface, std::uint32_t serial) {
    auto& self = *static_cast<Window*>(data);
    xdg_surface_ack_configure(surface, serial);
    if (self.buffer_ != nullptr) wl_surface_commit(self.surface_);
    self.configured_ = true;
  }
  void show() {
    constexpr int side = 64;
    constexpr int bytes = side * side * 4;
    const FileDescriptor file(::memfd_create("window", MFD_CLOEXEC));
    if (::ftruncate(file.get(), bytes) != 0) throw std::runtime_error("no memory for a window");
    wl_shm_pool* pool = wl_shm_create_pool(memory_, file.get(), bytes);
    buffer_ = wl_shm_pool_create_buffer(pool, 0, side, side, side * 4, WL_SHM_FORMAT_XRGB8888);
    wl_shm_pool_destroy(pool);
    wl_surface_attach(surface_, buffer_, 0, 0);
    wl_surface_commit(surface_);
  }
  void sync() { EXPECT_GE(wl_display_roundtrip(display_), 0); }

  wl_display* display_;
  wl_registry* registry_ = nullptr;
  wl_compositor* compositor_ = nullptr;
  wl_shm* memory_ = nullptr;
  xdg_wm_base* shell_ = nullptr;
  wl_surface* surface_ = nullptr;
  xdg_surface* shell_surface_ = nullptr;
  xdg_toplevel* toplevel_ = nullptr;
  wl_buffer* buffer_ = nullptr;
  bool configured_ = false;
};

// A double of a compositor that tells of windows, for what real ones seldom do.
class StandInCompositor {
 public:
  // Version 0: it has no such protocol.
  StandInCompositor(Loop& loop, const std::filesystem::path& socket, int version = 3) : stand_in_(loop, socket) {
    if (version > 0)
      wl_global_create(stand_in_.get(), &zwlr_foreign_toplevel_manager_v1_interface, version, this, bind_manager);
  }

  bool has_client() const { return manager_ != nullptr; }
  std::size_t windows() const { return windows_.size(); }
  wl_resource* add(const std::string& app_id, std::initializer_list<std::uint32_t> states) {
    static const auto implementation = [] {
      struct zwlr_foreign_toplevel_handle_v1_interface calls {};
      calls.destroy = [](wl_client*, wl_resource* window) { wl_resource_destroy(window); };
      return calls;
    }();
    wl_resource* window =
        wl_resource_create(wl_resource_get_client(manager_), &zwlr_foreign_toplevel_handle_v1_interface,
                           wl_resource_get_version(manager_), 0);
    wl_resource_set_implementation(window, &implementation, this, [](wl_resource* gone) {
      static_cast<StandInCompositor*>(wl_resource_get_user_data(gone))->windows_.remove(gone);
    });
    windows_.push_back(window);
    zwlr_foreign_toplevel_manager_v1_send_toplevel(manager_, window);
    zwlr_foreign_toplevel_handle_v1_send_title(window, "A title");
    zwlr_foreign_toplevel_handle_v1_send_app_id(window, app_id.c_str());
    tell(window, states);
    return window;
  }
  void tell(wl_resource* window, std::initializer_list<std::uint32_t> states, bool done = true) {
    wl_array list;
    wl_array_init(&list);
    if (states.size() > 0) {
      auto* place = static_cast<std::uint32_t*>(wl_array_add(&list, states.size() * sizeof(std::uint32_t)));
      std::copy(states.begin(), states.end(), place);
    }
    zwlr_foreign_toplevel_handle_v1_send_state(window, &list);
    wl_array_release(&list);
    if (done) zwlr_foreign_toplevel_handle_v1_send_done(window);
    stand_in_.flush();
  }
  void close(wl_resource* window) {
    zwlr_foreign_toplevel_handle_v1_send_closed(window);
    stand_in_.flush();
  }
  void finish() {
    zwlr_foreign_toplevel_manager_v1_send_finished(manager_);
    stand_in_.flush();
  }

 private:
  static void bind_manager(wl_client* client, void* data, std::uint32_t version, std::uint32_t id) {
    static const struct zwlr_foreign_toplevel_manager_v1_interface implementation = {[](wl_client*, wl_resource*) {}};
    auto& self = *static_cast<StandInCompositor*>(data);
    self.manager_ =
        wl_resource_create(client, &zwlr_foreign_toplevel_manager_v1_interface, static_cast<int>(version), id);
    wl_resource_set_implementation(self.manager_, &implementation, data, [](wl_resource* gone) {
      static_cast<StandInCompositor*>(wl_resource_get_user_data(gone))->manager_ = nullptr;
    });
  }

  wl_resource* manager_ = nullptr;
  std::list<wl_resource*> windows_;
  // Goes first: its clients' ends are told to this.
  test::StandInDisplay stand_in_;
};

struct Watched {
  Watched(Loop& its_loop, std::filesystem::path runtime_directory) : loop(its_loop) {
    X11Options x11;
    x11.sockets = directory.path;
    x11.sessions = directory.path;
    WaylandOptions wayland;
    wayland.runtime_directory = std::move(runtime_directory);
    watch = std::make_unique<FullScreenWatch>(loop.io.get_executor(), loop.pool, x11, wayland, [] {});
    watch->start();
  }
  ~Watched() {
    watch->stop();
    loop.finish(watch->stopped());
  }
  bool becomes_watched() {
    return loop.until([&] { return watch->watched(); });
  }
  bool becomes(const std::string& program) {
    return loop.until([&] { return watch->state() && watch->state()->program == program; });
  }
  bool becomes_nothing() {
    return loop.until([&] { return !watch->state(); });
  }
  bool says(const std::string& detail) {
    return loop.until([&] { return watch->detail() == detail; });
  }

  Loop& loop;
  TemporaryDirectory directory;
  std::unique_ptr<FullScreenWatch> watch;
};

TEST(FullScreenWayland, TellsOfTheActiveWindowThatFillsTheScreenUnderARealCompositor) {
  Loop loop;
  Sway sway(loop);
  Watched watched(loop, sway.directory.path);
  EXPECT_FALSE(watched.watch->watched());
  ASSERT_TRUE(watched.becomes_watched()) << watched.watch->detail();
  EXPECT_EQ(watched.watch->detail(), sway.name());
  const auto socket = sway.directory.path / sway.name();
  Window game(socket, "some.Game");
  EXPECT_FALSE(watched.watch->state());
  game.set_full_screen(true);
  ASSERT_TRUE(watched.becomes("some.Game"));
  game.set_full_screen(false);
  ASSERT_TRUE(watched.becomes_nothing());
  game.set_full_screen(true);
  ASSERT_TRUE(watched.becomes("some.Game"));
  // It goes on to fill a screen that nobody sees.
  sway.tell("workspace 2");
  ASSERT_TRUE(watched.becomes_nothing());
  {
    Window film(socket, "Player");
    film.set_full_screen(true);
    ASSERT_TRUE(watched.becomes("Player"));
  }
  ASSERT_TRUE(watched.becomes_nothing());
  sway.tell("workspace 1");
  ASSERT_TRUE(watched.becomes("some.Game"));
  // Another window comes to the front.
  Window other(socket, "Other");
  sway.tell("[app_id=Other] focus");
  ASSERT_TRUE(watched.becomes_nothing());
  sway.tell("[app_id=Other] fullscreen enable");
  ASSERT_TRUE(watched.becomes("Other"));
  sway.close();
  EXPECT_TRUE(watched.becomes_nothing());
  EXPECT_FALSE(watched.watch->watched());
}

TEST(FullScreenWayland, ChangesCountTogether) {
  Loop loop;
  TemporaryDirectory directory;
  StandInCompositor compositor(loop, directory.path / "wayland-0");
  Watched watched(loop, directory.path);
  ASSERT_TRUE(watched.becomes_watched());
  ASSERT_TRUE(loop.until([&] { return compositor.has_client(); }));
  wl_resource* game = compositor.add("Game", {full_screen});
  wl_resource* film = compositor.add("Film", {activated, full_screen, 17});
  ASSERT_TRUE(watched.becomes("Film"));
  // Not told in full yet; that the other's end was heard shows that this was too.
  compositor.tell(film, {}, false);
  compositor.close(game);
  ASSERT_TRUE(loop.until([&] { return compositor.windows() == 1; }));
  EXPECT_EQ(watched.watch->state(), FullScreen{"Film"});
  compositor.tell(film, {activated});
  ASSERT_TRUE(watched.becomes_nothing());
  compositor.tell(film, {full_screen, activated});
  ASSERT_TRUE(watched.becomes("Film"));
  compositor.finish();
  ASSERT_TRUE(watched.says("wayland-0: this compositor tells no longer which windows fill the screen"));
  EXPECT_FALSE(watched.watch->state());
  EXPECT_FALSE(watched.watch->watched());
}

TEST(FullScreenWayland, ACompositorMayTellMoreThanAnybodyNeeds) {
  Loop loop;
  TemporaryDirectory directory;
  StandInCompositor compositor(loop, directory.path / "wayland-0");
  Watched watched(loop, directory.path);
  ASSERT_TRUE(loop.until([&] { return compositor.has_client(); }));
  wl_resource* first = compositor.add(std::string(3000, '\xff'), {});
  for (int i = 0; i < 1100; ++i) {
    compositor.add("Window", {});
    if (i % 100 == 0) loop.settle();
  }
  ASSERT_TRUE(loop.until([&] { return compositor.windows() == 1024; }));
  compositor.tell(first, {activated, full_screen});
  ASSERT_TRUE(loop.until([&] { return watched.watch->state().has_value(); }));
  EXPECT_LE(watched.watch->state()->program.size(), 100u);
}

TEST(FullScreenWayland, SaysThatACompositorDoesNotTell) {
  for (const int version : {0, 1}) {
    Loop loop;
    TemporaryDirectory directory;
    StandInCompositor compositor(loop, directory.path / "wayland-0", version);
    Watched watched(loop, directory.path);
    EXPECT_EQ(watched.watch->detail(), "no X display, no Wayland compositor");
    ASSERT_TRUE(watched.says("wayland-0: this compositor does not tell which windows fill the screen"))
        << watched.watch->detail();
    EXPECT_FALSE(watched.watch->watched());
    EXPECT_FALSE(watched.watch->state());
  }
}

TEST(FullScreenWayland, ACompositorMayComeLaterAndGo) {
  Loop loop;
  TemporaryDirectory directory;
  Watched watched(loop, directory.path);
  loop.settle();
  EXPECT_EQ(watched.watch->detail(), "no X display, no Wayland compositor");
  for (const char* name : {"wayland-0", "wayland-0", "wayland-1"}) {
    auto compositor = std::make_unique<StandInCompositor>(loop, directory.path / name);
    ASSERT_TRUE(loop.until([&] { return compositor->has_client(); })) << watched.watch->detail();
    compositor->add("Game", {activated, full_screen});
    ASSERT_TRUE(watched.becomes("Game"));
    compositor.reset();
    std::filesystem::remove(directory.path / name);
    ASSERT_TRUE(watched.says("no X display, no Wayland compositor")) << watched.watch->detail();
    EXPECT_FALSE(watched.watch->state());
  }
}

TEST(FullScreenReport, WhatIsThereAndUnseenIsToldBesideWhatIsSeen) {
  using Sight = FullScreenReport::Sight;
  const auto report = [](Sight sight, std::string detail) {
    FullScreenReport one;
    one.sight = sight;
    one.detail = std::move(detail);
    return one;
  };
  auto game = report(Sight::watched, "display :7");
  game.full_screen = FullScreen();
  const auto absent = report(Sight::absent, "no X display");
  const auto blind = report(Sight::blind, "wayland-0: blind");
  const auto all = FullScreenReport::combine({absent, blind, game});
  EXPECT_EQ(all.sight, Sight::watched);
  EXPECT_EQ(all.detail, "display :7, wayland-0: blind");
  EXPECT_EQ(all.full_screen, FullScreen());
  EXPECT_EQ(FullScreenReport::combine({absent, absent}).detail, "no X display, no X display");
  EXPECT_EQ(FullScreenReport::combine({}), FullScreenReport());
}

}  // namespace
}  // namespace gogrid::worker
