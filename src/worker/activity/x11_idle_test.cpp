// Proves under a real X server that input and its absence are told at once, and that displays may come and go.
#include "worker/activity/x11_idle.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <fstream>

#include "base/file.hpp"
#include "worker/activity/activity_test_support.hpp"

namespace gogrid::worker {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using test::Loop;
using test::TemporaryDirectory;
using test::TestDisplay;
using Time = std::chrono::steady_clock;

// A machine's directory of displays, and the source that watches it.
struct Watched {
  explicit Watched(Loop& its_loop, std::string display = "", std::chrono::milliseconds idle_after = 300ms)
      : loop(its_loop) {
    options.display = std::move(display);
    options.sockets = directory.path / "sockets";
    options.sessions = directory.path / "sessions";
    std::filesystem::create_directories(options.sockets);
    std::filesystem::create_directories(options.sessions);
    after = idle_after;
  }
  ~Watched() {
    if (!source) return;
    source->stop();
    loop.finish(source->stopped());
  }
  void show(const TestDisplay& display, const std::string& as = "X7") const {
    std::filesystem::create_symlink(display.socket(), options.sockets / as);
  }
  void start() {
    source = std::make_unique<X11Idle>(loop.io.get_executor(), loop.pool, options, after, [this] { ++changes; });
    source->start();
  }
  SourceReport report() const { return source->report(); }
  bool becomes(SourceState state, std::chrono::milliseconds limit = 20s) {
    return loop.until([&] { return report().state == state; }, limit);
  }

  Loop& loop;
  TemporaryDirectory directory;
  X11Options options;
  std::chrono::milliseconds after;
  std::unique_ptr<X11Idle> source;
  int changes = 0;
};

TEST(X11Idle, TellsOfIdleAndOfTheFirstInputAtOnce) {
  Loop loop;
  TestDisplay display(loop);
  Watched watched(loop, ":7");
  watched.show(display);
  watched.start();
  ASSERT_TRUE(watched.becomes(SourceState::idle));
  for (int i = 0; i < 3; ++i) {
    const auto pressed = Time::now();
    display.press_key();
    ASSERT_TRUE(watched.becomes(SourceState::active));
    EXPECT_LT(Time::now() - pressed, 1s);
    ASSERT_TRUE(watched.becomes(SourceState::idle));
    // It became idle when it did, and knows when the last input was.
    // The server's clock is as coarse as the kernel's tick.
    EXPECT_GE(Time::now() - pressed, 280ms);
    EXPECT_GE(watched.report().since, pressed - 20ms);
    EXPECT_LE(watched.report().since, Time::now() - 280ms);
  }
  EXPECT_GE(watched.changes, 7);
}

TEST(X11Idle, NothingIsToldWhileNothingChanges) {
  Loop loop;
  TestDisplay display(loop);
  Watched watched(loop, ":7");
  watched.show(display);
  watched.start();
  ASSERT_TRUE(watched.becomes(SourceState::idle));
  loop.settle();
  const int changes = watched.changes;
  // Nothing in the loop is ready for as long as nobody types: the wait ends by its limit.
  loop.io.restart();
  const auto work = asio::make_work_guard(loop.io);
  EXPECT_EQ(loop.io.run_for(1500ms), 0u);
  EXPECT_EQ(watched.changes, changes);
}

TEST(X11Idle, TheTimeCanBeChangedBothWays) {
  Loop loop;
  TestDisplay display(loop);
  Watched watched(loop, ":7", 1h);
  watched.show(display);
  watched.start();
  ASSERT_TRUE(watched.becomes(SourceState::active));
  watched.source->set_idle_after(200ms);
  ASSERT_TRUE(watched.becomes(SourceState::idle));
  watched.source->set_idle_after(1h);
  ASSERT_TRUE(watched.becomes(SourceState::active));
  watched.source->set_idle_after(100ms);
  ASSERT_TRUE(watched.becomes(SourceState::idle));
  display.press_key();
  EXPECT_TRUE(watched.becomes(SourceState::active));
}

TEST(X11Idle, ADisplayMayComeLaterAndGo) {
  Loop loop;
  Watched watched(loop);
  watched.start();
  loop.settle();
  EXPECT_EQ(watched.report().state, SourceState::absent);
  EXPECT_EQ(watched.report().detail, "no X display");
  for (const char* name : {"X7", "X7", "X8"}) {
    TestDisplay display(loop);
    watched.show(display, name);
    ASSERT_TRUE(watched.becomes(SourceState::idle)) << watched.report().detail;
    display.close();
    ASSERT_TRUE(loop.until([&] { return watched.report().state != SourceState::idle; }));
    std::filesystem::remove(watched.options.sockets / name);
    ASSERT_TRUE(watched.becomes(SourceState::absent)) << watched.report().detail;
  }
}

TEST(X11Idle, ACookieIsFoundAlsoWhenItComesWithALaterSession) {
  Loop loop;
  TemporaryDirectory directory;
  const std::string cookie = "0123456789abcdef";
  const auto file = directory.path / "authority";
  // Family "any", no address, any display.
  std::ofstream(file, std::ios::binary) << std::string("\xff\xff\0\0\0\0\0\x12", 8) << "MIT-MAGIC-COOKIE-1"
                                        << std::string("\0\x10", 2) << cookie;
  TestDisplay display(loop, {"-auth", file.string()});
  Watched watched(loop);
  const auto found = directory.path / "home";
  watched.options.authority_files = [found] { return std::vector<std::filesystem::path>{found}; };
  watched.show(display);
  watched.start();
  ASSERT_TRUE(watched.becomes(SourceState::blind));
  EXPECT_EQ(watched.report().detail, "display :7: the X server refuses this user");
  std::filesystem::copy_file(file, found);
  ASSERT_TRUE(write_file_atomically(directory.path / "session", "", 0600));
  std::filesystem::rename(directory.path / "session", watched.options.sessions / "1");
  EXPECT_TRUE(watched.becomes(SourceState::idle)) << watched.report().detail;
}

TEST(X11Idle, AServerThatNeverAnswersHoldsNothingUp) {
  Loop loop;
  Watched watched(loop, ":7");
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = watched.options.sockets / "X7";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(socket.get(), 8), 0);
  watched.start();
  // The loop goes on meanwhile.
  const auto asked = Time::now();
  bool other_work = false;
  asio::post(loop.io, [&] { other_work = true; });
  ASSERT_TRUE(loop.until([&] { return other_work; }));
  EXPECT_LT(Time::now() - asked, 2s);
  ASSERT_TRUE(watched.becomes(SourceState::blind));
  EXPECT_EQ(watched.report().detail, "display :7: the X server does not answer");
}

TEST(X11Idle, TheXServerOfAWaylandSessionIsLeftAlone) {
  Loop loop;
  TestDisplay display(loop);
  Watched watched(loop);
  bool wayland = true;
  watched.options.belongs_to_wayland = [&wayland] { return wayland; };
  watched.show(display);
  watched.start();
  ASSERT_TRUE(loop.until([&] { return watched.changes > 0; }));
  EXPECT_EQ(watched.report().state, SourceState::absent);
  EXPECT_EQ(watched.report().detail, "display :7: it belongs to a Wayland session");
  // That session ends, and one of X11 begins.
  wayland = false;
  ASSERT_TRUE(write_file_atomically(watched.directory.path / "session", "", 0600));
  std::filesystem::rename(watched.directory.path / "session", watched.options.sessions / "2");
  EXPECT_TRUE(watched.becomes(SourceState::idle)) << watched.report().detail;
}

TEST(X11Idle, ADisplayOfAnotherMachineIsNotThisOwners) {
  Loop loop;
  Watched watched(loop, "localhost:10.0");
  watched.start();
  loop.settle();
  EXPECT_EQ(watched.report().state, SourceState::absent);
  EXPECT_EQ(watched.report().detail, "no X display of this machine; DISPLAY is localhost:10.0");
}

TEST(X11Idle, WhoeverIsLoggedInOverSshDoesNotHideTheOwnersDisplay) {
  Loop loop;
  TestDisplay display(loop);
  Watched watched(loop, "localhost:10.0");
  watched.show(display);
  watched.start();
  EXPECT_TRUE(watched.becomes(SourceState::idle)) << watched.report().detail;
}

}  // namespace
}  // namespace gogrid::worker
