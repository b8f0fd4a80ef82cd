// Proves with real pseudo-terminals that what is typed on them is heard at once.
#include "worker/activity/terminal_idle.hpp"

#include <gtest/gtest.h>
#include <pty.h>
#include <utmp.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "worker/activity/activity_test_support.hpp"

namespace gogrid::worker {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using test::Loop;
using test::TemporaryDirectory;
using Time = std::chrono::steady_clock;

// A terminal with a program that reads what is typed.
struct Terminal {
  Terminal() {
    int master_fd = -1;
    int slave_fd = -1;
    char path[64] = {};
    EXPECT_EQ(::openpty(&master_fd, &slave_fd, path, nullptr, nullptr), 0);
    master = FileDescriptor(master_fd);
    slave = FileDescriptor(slave_fd);
    name = std::string(path).substr(std::strlen("/dev/"));
  }
  void type() const {
    char line[16];
    EXPECT_EQ(::write(master.get(), "x\n", 2), 2);
    EXPECT_EQ(::read(slave.get(), line, sizeof line), 2);
  }
  void print() const { EXPECT_EQ(::write(slave.get(), "output", 6), 6); }

  FileDescriptor master;
  FileDescriptor slave;
  std::string name;
};

std::string record(short type, const std::string& line) {
  utmp entry{};
  entry.ut_type = type;
  line.copy(entry.ut_line, sizeof entry.ut_line);
  return std::string(reinterpret_cast<const char*>(&entry), sizeof entry);
}

struct Watched {
  explicit Watched(Loop& its_loop) : loop(its_loop) { options.utmp = directory.path / "utmp"; }
  ~Watched() {
    if (!source) return;
    source->stop();
    loop.finish(source->stopped());
  }
  void write_sessions(const std::vector<std::string>& names) const {
    std::ofstream file(options.utmp, std::ios::binary);
    file << record(BOOT_TIME, "~");
    for (const std::string& name : names)
      file << record(USER_PROCESS, name);
  }
  void start(std::chrono::milliseconds idle_after = 300ms) {
    source = std::make_unique<TerminalIdle>(loop.io.get_executor(), options, idle_after, [this] { ++changes; });
    source->start();
  }
  bool becomes(SourceState state) {
    return loop.until([&] { return source->report().state == state; });
  }

  Loop& loop;
  TemporaryDirectory directory;
  TerminalOptions options;
  std::unique_ptr<TerminalIdle> source;
  int changes = 0;
};

TEST(TerminalIdle, TellsOfInputAtOnceAndOfItsAbsence) {
  Loop loop;
  Terminal terminal;
  Watched watched(loop);
  watched.write_sessions({terminal.name});
  watched.start();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(watched.becomes(SourceState::idle));
    const auto typed = Time::now();
    terminal.type();
    ASSERT_TRUE(watched.becomes(SourceState::active));
    EXPECT_LT(Time::now() - typed, 1s);
    EXPECT_EQ(watched.source->report().detail, "terminal " + terminal.name);
  }
}

TEST(TerminalIdle, WhatAProgramPrintsIsNoInput) {
  Loop loop;
  Terminal terminal;
  Watched watched(loop);
  watched.write_sessions({terminal.name});
  watched.start();
  ASSERT_TRUE(watched.becomes(SourceState::idle));
  loop.settle();
  terminal.print();
  loop.io.restart();
  const auto work = asio::make_work_guard(loop.io);
  EXPECT_EQ(loop.io.run_for(1s), 0u);
  EXPECT_EQ(watched.source->report().state, SourceState::idle);
}

TEST(TerminalIdle, SessionsComeAndGo) {
  Loop loop;
  Watched watched(loop);
  watched.write_sessions({});
  watched.start(1h);
  const auto nobody = [&] {
    return loop.until([&] { return watched.source->report().detail == "no session on a terminal"; });
  };
  ASSERT_TRUE(watched.becomes(SourceState::idle));
  ASSERT_TRUE(nobody());
  const Terminal first;
  watched.write_sessions({first.name, first.name, "pts/999999"});
  const auto tells = [&](const std::string& detail) {
    return loop.until([&] { return watched.source->report().detail == detail; });
  };
  ASSERT_TRUE(tells("terminal " + first.name));
  // A login is input.
  EXPECT_EQ(watched.source->report().state, SourceState::active);
  const Terminal second;
  watched.write_sessions({first.name, second.name});
  ASSERT_TRUE(tells("terminals " + std::min(first.name, second.name) + ", " + std::max(first.name, second.name)));
  watched.write_sessions({});
  EXPECT_TRUE(nobody());
  EXPECT_EQ(watched.source->report().state, SourceState::idle);
}

TEST(TerminalIdle, WithoutARecordOfSessionsTheUsersTerminalsCount) {
  Loop loop;
  Terminal terminal;
  Watched watched(loop);
  watched.start(10min);
  ASSERT_TRUE(watched.becomes(SourceState::active));
  EXPECT_NE(watched.source->report().detail, "no session on a terminal");
}

TEST(TerminalIdle, TheTimeCanBeChanged) {
  Loop loop;
  Terminal terminal;
  Watched watched(loop);
  watched.write_sessions({terminal.name});
  watched.start(1h);
  ASSERT_TRUE(watched.becomes(SourceState::active));
  watched.source->set_idle_after(100ms);
  ASSERT_TRUE(watched.becomes(SourceState::idle));
  watched.source->set_idle_after(1h);
  EXPECT_TRUE(watched.becomes(SourceState::active));
}

TEST(Utmp, OnlyTerminalsOfSessionsAreTaken) {
  const std::string bytes = record(USER_PROCESS, "pts/3") + record(DEAD_PROCESS, "pts/4") + record(USER_PROCESS, ":0") +
                            record(USER_PROCESS, "tty1") + record(LOGIN_PROCESS, "tty2") +
                            record(USER_PROCESS, "pts/../../etc") + record(USER_PROCESS, "../sda") +
                            record(USER_PROCESS, "") + record(USER_PROCESS, std::string(32, 'x')) +
                            record(USER_PROCESS, "pts/3");
  EXPECT_EQ(parse_utmp(bytes), (std::vector<std::string>{"pts/3", "tty1"}));
  EXPECT_EQ(parse_utmp(bytes.substr(0, sizeof(utmp) - 1)).size(), 0u);
  EXPECT_EQ(parse_utmp(std::string(100'000, '\7')).size(), 0u);
}

}  // namespace
}  // namespace gogrid::worker
