// What the tray knows and does of other programs: where the worker is, joining, starting it, starting at login.
#include <QDir>
#include <QFile>

#include "tray/connection/autostart.hpp"
#include "tray/connection/joining.hpp"
#include "tray/connection/place.hpp"
#include "tray/connection/worker_starter.hpp"
#include "tray/tray_test_support.hpp"

namespace gogrid::tray {
namespace {

class ProcessesTest : public TrayTest {
 protected:
  // A program that does what the shell is told.
  QString script(const QString& name, const QByteArray& text) {
    QFile file(path(name));
    EXPECT_TRUE(file.open(QIODevice::WriteOnly));
    file.write("#!/bin/sh\n" + text);
    file.setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
    return file.fileName();
  }
  QByteArray content(const QString& name) {
    QFile file(path(name));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
  }
  Place place_with(const QString& program) {
    Place place;
    place.state_dir = path("state");
    place.is_elsewhere = true;
    place.program = program;
    QDir().mkpath(place.state_dir);
    return place;
  }
};

TEST_F(ProcessesTest, TheStateDirectoryIsTheOneThatTheWorkerUses) {
  const auto place = [](const QString& asked, const QString& variable, const QString& data, const QString& home) {
    return find_place(
        asked,
        [&](const char* name) -> QString {
          const QString key = name;
          return key == "GOGRID_WORKER_STATE_DIR" ? variable
                 : key == "XDG_DATA_HOME"         ? data
                 : key == "HOME"                  ? home
                                                  : "";
        },
        "/nowhere");
  };
  EXPECT_EQ(place("", "", "", "/home/a").state_dir, "/home/a/.local/share/gogrid-worker");
  EXPECT_FALSE(place("", "", "", "/home/a").is_elsewhere);
  EXPECT_EQ(place("", "", "/data", "/home/a").state_dir, "/data/gogrid-worker");
  EXPECT_EQ(place("", "", "relative", "/home/a").state_dir, "/home/a/.local/share/gogrid-worker");
  EXPECT_EQ(place("", "/other/", "/data", "/home/a").state_dir, "/other");
  EXPECT_TRUE(place("", "/other", "/data", "/home/a").is_elsewhere);
  EXPECT_EQ(place("/asked", "/other", "/data", "/home/a").state_dir, "/asked");
  EXPECT_EQ(place("", "", "", "").state_dir, "");
}

TEST_F(ProcessesTest, WhatIsInTheHomeIsShownWithATilde) {
  EXPECT_EQ(shown_path("/home/a/.local/share/gogrid-worker", "/home/a"), "~/.local/share/gogrid-worker");
  EXPECT_EQ(shown_path("/home/a", "/home/a"), "~");
  EXPECT_EQ(shown_path("/home/ab/state", "/home/a"), "/home/ab/state");
  EXPECT_EQ(shown_path("/var/lib/gogrid", "/"), "/var/lib/gogrid");
  EXPECT_EQ(shown_path("/var/lib/gogrid", ""), "/var/lib/gogrid");
}

TEST_F(ProcessesTest, WhatWasPastedIsFoundInAllThatIsPrinted) {
  const QString token = "ggj_0123456789abcdef." + QString(43, 'A') + "." + QString(64, 'f');
  EXPECT_EQ(read_pasted("  " + token + "\n").token, token);
  const PastedToken all = read_pasted(
      token + "\n\nThe token is shown only now.\n\n  gogrid-worker join --coordinator grid.example.com:8443\n");
  EXPECT_EQ(all.token, token);
  EXPECT_EQ(all.coordinator, "grid.example.com:8443");
  EXPECT_EQ(read_pasted("ggj_0123").token, "");
  EXPECT_EQ(read_pasted("").token, "");
  EXPECT_EQ(join_address("grid", 8443), "grid:8443");
  EXPECT_EQ(join_address("fd00::1", 8443), "[fd00::1]:8443");
  EXPECT_EQ(join_address("[fd00::1]", 8443), "[fd00::1]:8443");
  EXPECT_EQ(join_address("grid:9000", 8443), "grid:9000");
  EXPECT_EQ(join_address("[fd00::1]:9000", 8443), "[fd00::1]:9000");
}

TEST_F(ProcessesTest, JoiningGivesTheTokenToStandardInputOnly) {
  const QString program =
      script("worker", "echo \"$@\" >\"$2/arguments\"; env >\"$2/environment\"; cat >\"$2/input\"\n");
  Joining joining(place_with(program));
  bool joined = false;
  QObject::connect(&joining, &Joining::joined, &joining, [&joined] { joined = true; });
  joining.start("grid:8443", "ggj_secret");
  ASSERT_TRUE(wait_for([&] { return joined; }));
  EXPECT_EQ(content("state/input"), "ggj_secret\n");
  EXPECT_EQ(content("state/arguments").trimmed(),
            "--state-dir " + path("state").toUtf8() + " join - --coordinator grid:8443");
  EXPECT_FALSE(content("state/environment").contains("ggj_secret"));
}

TEST_F(ProcessesTest, JoiningThatFailsSaysWhy) {
  Joining joining(
      place_with(script("worker", "echo 'note' >&2; echo 'gogrid-worker: the token is used up' >&2; exit 1\n")));
  QString why;
  QObject::connect(&joining, &Joining::failed, &joining, [&why](const QString& text) { why = text; });
  joining.start("grid:8443", "ggj_secret");
  ASSERT_TRUE(wait_for([&] { return !why.isEmpty(); }));
  EXPECT_EQ(why, "the token is used up");
  Joining without(place_with(path("not-there")));
  why.clear();
  QObject::connect(&without, &Joining::failed, &without, [&why](const QString& text) { why = text; });
  without.start("grid:8443", "ggj_secret");
  EXPECT_TRUE(wait_for([&] { return !why.isEmpty(); }));
}

TEST_F(ProcessesTest, AWorkerThatEndsIsToldWithTheLastThingThatItSaid) {
  const QString program = script(
      "worker", "echo \"$@\" >\"$2/arguments\"; echo 'gogrid-worker: the certificate has expired' >&2; exit 1\n");
  // It may be gone before anybody can watch it, or a moment later.
  for (int run = 0; run < 10; ++run) {
    WorkerStarter starter(place_with(program));
    std::optional<QString> why;
    QObject::connect(&starter, &WorkerStarter::ended, &starter, [&why](const QString& text) { why = text; });
    starter.start();
    ASSERT_TRUE(wait_for([&] { return why.has_value(); })) << run;
    EXPECT_EQ(why, "the certificate has expired");
  }
  EXPECT_EQ(content("state/arguments").trimmed(), "--state-dir " + path("state").toUtf8() + " run");
}

TEST_F(ProcessesTest, AWorkerThatIsToldToStopLeavesNoReason) {
  WorkerStarter starter(place_with(script("worker", "echo '2026-11-29T12:00:00Z info  the worker ends' >&2\n")));
  std::optional<QString> why;
  QObject::connect(&starter, &WorkerStarter::ended, &starter, [&why](const QString& text) { why = text; });
  starter.start();
  ASSERT_TRUE(wait_for([&] { return why.has_value(); }));
  EXPECT_EQ(why, "");
}

TEST_F(ProcessesTest, TheUnitOfSystemdIsStartedWhereItExists) {
  QDir().mkpath(path("bin"));
  script("bin/systemctl", "echo \"$@\" >>" + path("asked").toUtf8() + "\n");
  const QByteArray before = qgetenv("PATH");
  qputenv("PATH", path("bin").toUtf8() + ":" + before);
  Place place = place_with(script("worker", "touch \"$2/ran\"\n"));
  place.is_elsewhere = false;
  WorkerStarter starter(place);
  bool started = false;
  QObject::connect(&starter, &WorkerStarter::started, &starter, [&started] { started = true; });
  starter.start();
  EXPECT_TRUE(wait_for([&] { return started; }));
  EXPECT_EQ(content("asked"), "--user cat gogrid-worker.service\n--user start gogrid-worker.service\n");
  EXPECT_FALSE(QFile::exists(path("state/ran")));

  script("bin/systemctl", "exit 1\n");
  started = false;
  starter.start();
  EXPECT_TRUE(wait_for([&] { return QFile::exists(path("state/ran")); }));
  EXPECT_TRUE(started);
  qputenv("PATH", before);
}

TEST_F(ProcessesTest, StartingAtLoginIsAnEntryThatDesktopsRead) {
  const auto environment = [this](const char* name) -> QString { return QString(name) == "HOME" ? path("home") : ""; };
  const QString file = autostart_file(environment);
  EXPECT_EQ(file, path("home/.config/autostart/gogrid-tray.desktop"));
  EXPECT_FALSE(autostarts(file));
  EXPECT_EQ(set_autostart(file, true, "/opt/my \"apps\"/gogrid-tray"), "");
  EXPECT_TRUE(autostarts(file));
  EXPECT_TRUE(content("home/.config/autostart/gogrid-tray.desktop")
                  .contains("\nExec=\"/opt/my \\\\\"apps\\\\\"/gogrid-tray\" --background\n"));
  QFile entry(file);
  ASSERT_TRUE(entry.open(QIODevice::Append));
  entry.write("Hidden = true\n");
  entry.close();
  EXPECT_FALSE(autostarts(file));
  EXPECT_EQ(set_autostart(file, false, ""), "");
  EXPECT_FALSE(QFile::exists(file));
  EXPECT_EQ(set_autostart(file, false, ""), "");
  EXPECT_NE(set_autostart("/proc/none/x.desktop", true, "/x"), "");
}

}  // namespace
}  // namespace gogrid::tray
