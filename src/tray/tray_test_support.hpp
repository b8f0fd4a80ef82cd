// What the tray's unit tests share: a Qt application without a display, and waiting for a fact in its event loop.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <QApplication>
#include <QDeadlineTimer>
#include <QTemporaryDir>
#include <QTimer>
#include <functional>

namespace gogrid::tray {

class TrayTest : public ::testing::Test {
 protected:
  TrayTest() {
    qputenv("QT_QPA_PLATFORM", "offscreen");
    static int count = 1;
    static char name[] = "tray_test";
    static char* arguments[] = {name, nullptr};
    static QApplication application(count, arguments);
    application.setQuitOnLastWindowClosed(false);
  }

  // Runs the event loop until it holds; false when it did not within ten seconds.
  static bool wait_for(const std::function<bool()>& holds) {
    const QDeadlineTimer deadline(10'000);
    QTimer wakes;
    wakes.start(20);
    while (!holds()) {
      if (deadline.hasExpired()) return false;
      QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
    }
    return true;
  }

  QString path(const QString& name) const { return directory_.filePath(name); }

  QTemporaryDir directory_;
};

}  // namespace gogrid::tray
