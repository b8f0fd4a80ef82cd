// Proves under a real X server and window manager that a window that fills the screen is told with its program's name.
#include "worker/activity/full_screen.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "worker/activity/activity_test_support.hpp"

namespace gogrid::worker {
namespace {

using test::Loop;
using test::TemporaryDirectory;
using test::TestDisplay;

// A program with one window.
class Window {
 public:
  Window(const TestDisplay& display, const std::string& class_name) {
    x_ = xcb_connect(display.name().c_str(), nullptr);
    root_ = xcb_setup_roots_iterator(xcb_get_setup(x_)).data->root;
    window_ = xcb_generate_id(x_);
    xcb_create_window(x_, XCB_COPY_FROM_PARENT, window_, root_, 0, 0, 200, 100, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT,
                      XCB_COPY_FROM_PARENT, 0, nullptr);
    const std::string names = "instance" + std::string(1, '\0') + class_name + std::string(1, '\0');
    xcb_change_property(x_, XCB_PROP_MODE_REPLACE, window_, XCB_ATOM_WM_CLASS, XCB_ATOM_STRING, 8,
                        static_cast<std::uint32_t>(names.size()), names.data());
    xcb_map_window(x_, window_);
    sync();
  }
  ~Window() { xcb_disconnect(x_); }

  // Asks the window manager, as programs do.
  void set_full_screen(bool on) { ask("_NET_WM_STATE", {on ? 1u : 0u, atom("_NET_WM_STATE_FULLSCREEN"), 0, 1, 0}); }
  void activate() { ask("_NET_ACTIVE_WINDOW", {1, XCB_CURRENT_TIME, 0, 0, 0}); }

 private:
  xcb_atom_t atom(const std::string& name) {
    const XPointer<xcb_intern_atom_reply_t> reply(xcb_intern_atom_reply(
        x_, xcb_intern_atom(x_, 0, static_cast<std::uint16_t>(name.size()), name.c_str()), nullptr));
    return reply->atom;
  }
  void ask(const std::string& what, std::array<std::uint32_t, 5> data) {
    xcb_client_message_event_t event{};
    event.response_type = XCB_CLIENT_MESSAGE;
    event.format = 32;
    event.window = window_;
    event.type = atom(what);
    std::copy(data.begin(), data.end(), event.data.data32);
    xcb_send_event(x_, 0, root_, XCB_EVENT_MASK_SUBSTRUCTURE_REDIRECT | XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY,
                   reinterpret_cast<const char*>(&event));
    sync();
  }
  void sync() { std::free(xcb_get_input_focus_reply(x_, xcb_get_input_focus(x_), nullptr)); }

  xcb_connection_t* x_;
  xcb_window_t root_;
  xcb_window_t window_;
};

struct Watched {
  Watched(Loop& its_loop, const TestDisplay& display) : loop(its_loop) {
    X11Options options;
    options.sockets = directory.path / "sockets";
    options.sessions = directory.path;
    std::filesystem::create_directories(options.sockets);
    std::filesystem::create_symlink(display.socket(), options.sockets / "X7");
    watch = std::make_unique<FullScreenWatch>(loop.io.get_executor(), loop.pool, options, WaylandOptions(), [] {});
    watch->start();
  }
  ~Watched() {
    watch->stop();
    loop.finish(watch->stopped());
  }
  bool sees_a_window_manager() {
    return loop.until([&] { return watch->watched() && watch->detail() == "display :7"; });
  }
  bool becomes(const std::string& program) {
    return loop.until([&] { return watch->state() && watch->state()->program == program; });
  }
  bool becomes_nothing() {
    return loop.until([&] { return !watch->state(); });
  }

  Loop& loop;
  TemporaryDirectory directory;
  std::unique_ptr<FullScreenWatch> watch;
};

struct Desktop {
  explicit Desktop(Loop& loop) : display(loop) {
    window_manager = test::start_program(loop.io, {"/usr/bin/openbox", "--config-file", "/dev/null"},
                                         {"DISPLAY=" + display.name(), "HOME=" + home.path.string()});
  }
  TemporaryDirectory home;
  TestDisplay display;
  std::unique_ptr<Process> window_manager;
};

TEST(FullScreenWatch, TellsOfTheActiveWindowThatFillsTheScreen) {
  Loop loop;
  Desktop desktop(loop);
  Watched watched(loop, desktop.display);
  ASSERT_TRUE(watched.sees_a_window_manager());
  EXPECT_FALSE(watched.watch->state());
  Window game(desktop.display, "Some Game");
  game.activate();
  game.set_full_screen(true);
  ASSERT_TRUE(watched.becomes("Some Game"));
  game.set_full_screen(false);
  ASSERT_TRUE(watched.becomes_nothing());
  game.set_full_screen(true);
  ASSERT_TRUE(watched.becomes("Some Game"));
  {
    // Another program comes to the front, and fills the screen as well; then it ends.
    Window film(desktop.display, "Player");
    film.activate();
    ASSERT_TRUE(watched.becomes_nothing());
    film.set_full_screen(true);
    ASSERT_TRUE(watched.becomes("Player"));
  }
  game.activate();
  ASSERT_TRUE(watched.becomes("Some Game"));
  desktop.display.close();
  EXPECT_TRUE(watched.becomes_nothing());
  EXPECT_FALSE(watched.watch->watched());
}

TEST(FullScreenWatch, SaysThatThereIsNoWindowManager) {
  Loop loop;
  TestDisplay display(loop);
  Watched watched(loop, display);
  EXPECT_TRUE(loop.until([&] { return watched.watch->detail() == "display :7: no window manager that tells"; }))
      << watched.watch->detail();
}

TEST(FullScreenWatch, ANameOfRubbishIsTakenAsItIsCut) {
  Loop loop;
  Desktop desktop(loop);
  Watched watched(loop, desktop.display);
  ASSERT_TRUE(watched.sees_a_window_manager());
  Window game(desktop.display, std::string(4000, '\xff'));
  game.activate();
  game.set_full_screen(true);
  ASSERT_TRUE(loop.until([&] { return watched.watch->state().has_value(); }));
  EXPECT_LE(watched.watch->state()->program.size(), 100u);
}

}  // namespace
}  // namespace gogrid::worker
