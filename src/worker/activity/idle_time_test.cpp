#include "worker/activity/idle_time.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "worker/activity/activity_test_support.hpp"
#include "worker/activity/terminal_idle.hpp"
#include "worker/activity/x11_idle.hpp"

namespace gogrid::worker {
namespace {

using namespace std::chrono_literals;
using test::Loop;
using test::TemporaryDirectory;
using test::TestDisplay;

SourceReport make_report(std::string name, SourceState state, std::chrono::seconds since, bool graphical = true,
                         bool fallback = false) {
  SourceReport report;
  report.name = std::move(name);
  report.state = state;
  report.since = SteadyTime(since);
  report.detail = "seen";
  report.graphical = graphical;
  report.fallback = fallback;
  return report;
}

struct Case {
  const char* what;
  std::vector<SourceReport> reports;
  Presence presence;
  std::chrono::seconds since;
  const char* detail;
};

TEST(IdleState, IsWhatTheSourcesSayTogether) {
  constexpr auto absent = SourceState::absent;
  constexpr auto blind = SourceState::blind;
  constexpr auto active = SourceState::active;
  constexpr auto idle = SourceState::idle;
  const std::vector<Case> cases{
      {"nothing to watch", {}, Presence::unknown, 0s, ""},
      {"only absent ones", {make_report("X11", absent, 0s)}, Presence::unknown, 0s, "X11: seen"},
      {"an idle display", {make_report("X11", idle, 5s)}, Presence::idle, 5s, "X11: seen"},
      {"one in use counts",
       {make_report("X11", idle, 5s), make_report("terminals", active, 9s, false)},
       Presence::active,
       9s,
       "terminals: seen"},
      {"in use since the first of them",
       {make_report("X11", active, 5s), make_report("terminals", active, 9s, false)},
       Presence::active,
       5s,
       "X11: seen; terminals: seen"},
      {"in use, though another cannot be seen",
       {make_report("Wayland", blind, 1s), make_report("terminals", active, 9s, false)},
       Presence::active,
       9s,
       "terminals: seen"},
      {"the last input of all",
       {make_report("X11", idle, 5s), make_report("terminals", idle, 9s, false)},
       Presence::idle,
       9s,
       "X11: seen; terminals: seen"},
      {"no screen at all: terminals tell",
       {make_report("X11", absent, 0s), make_report("terminals", idle, 9s, false)},
       Presence::idle,
       9s,
       "terminals: seen"},
      {"a screen that nobody sees",
       {make_report("X11", blind, 0s), make_report("terminals", idle, 9s, false)},
       Presence::unknown,
       0s,
       "X11: seen"},
      {"one desktop, seen in another way",
       {make_report("Wayland", blind, 0s), make_report("GNOME", idle, 7s)},
       Presence::idle,
       7s,
       "GNOME: seen"},
      {"the login manager where nothing else sees the screen",
       {make_report("X11", blind, 0s), make_report("login", idle, 3s, true, true)},
       Presence::idle,
       3s,
       "login: seen"},
      {"and where nothing else sees that there is one",
       {make_report("X11", absent, 0s), make_report("login", active, 3s, true, true),
        make_report("terminals", idle, 4s, false)},
       Presence::active,
       3s,
       "login: seen"},
      {"but not against what sees the screen",
       {make_report("X11", idle, 5s), make_report("login", active, 3s, true, true)},
       Presence::idle,
       5s,
       "X11: seen"},
      {"terminals that cannot be seen",
       {make_report("X11", absent, 0s), make_report("terminals", blind, 0s, false)},
       Presence::unknown,
       0s,
       "terminals: seen"},
  };
  for (const Case& one : cases) {
    const IdleState state = combine(one.reports);
    EXPECT_EQ(state.presence, one.presence) << one.what;
    EXPECT_EQ(state.since, SteadyTime(one.since)) << one.what;
    EXPECT_EQ(state.detail, one.detail) << one.what;
  }
}

TEST(IdleWatch, TellsOnlyWhatChanges) {
  Loop loop;
  TestDisplay display(loop);
  TemporaryDirectory directory;
  std::filesystem::create_symlink(display.socket(), directory.path / "X7");
  const auto make_sources = [&](std::chrono::milliseconds idle_after, std::function<void()> on_change) {
    X11Options options;
    options.sockets = directory.path;
    TerminalOptions no_terminals;
    no_terminals.utmp = directory.path / "utmp";
    std::ofstream(no_terminals.utmp) << "no sessions";
    IdleSources sources;
    sources.push_back(std::make_unique<X11Idle>(loop.io.get_executor(), loop.pool, options, idle_after, on_change));
    sources.push_back(std::make_unique<TerminalIdle>(loop.io.get_executor(), no_terminals, idle_after, on_change));
    return sources;
  };
  std::vector<Presence> told;
  IdleWatch* watching = nullptr;
  IdleWatch watch(make_sources, 300ms, [&] { told.push_back(watching->state().presence); });
  watching = &watch;
  watch.start();
  const auto becomes = [&](Presence presence) {
    return loop.until([&] { return watch.state().presence == presence; });
  };
  ASSERT_TRUE(becomes(Presence::idle));
  display.press_key();
  ASSERT_TRUE(becomes(Presence::active));
  EXPECT_EQ(watch.state().detail, "X11: display :7");
  ASSERT_TRUE(becomes(Presence::idle));
  watch.set_idle_after(1h);
  ASSERT_TRUE(becomes(Presence::active));
  EXPECT_EQ(watch.sources().size(), 2u);
  for (std::size_t i = 1; i < told.size(); ++i)
    EXPECT_TRUE(told[i] != told[i - 1] || told[i] == Presence::unknown) << i;
  display.close();
  std::filesystem::remove(directory.path / "X7");
  ASSERT_TRUE(loop.until([&] { return watch.state().detail == "terminals: no session on a terminal"; }));
  EXPECT_EQ(watch.state().presence, Presence::idle);
  watch.stop();
  loop.finish(watch.stopped());
}

}  // namespace
}  // namespace gogrid::worker
