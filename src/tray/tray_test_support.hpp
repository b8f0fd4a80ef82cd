// What the tray's unit tests share: a Qt application without a display, and waiting for a fact in its event loop.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <QApplication>
#include <QDeadlineTimer>
#include <QTemporaryDir>
#include <QTimer>
#include <functional>
#include <memory>

namespace gogrid::tray {

// Ends before the program's own objects do, some of which Qt needs for it.
class QtEnvironment : public ::testing::Environment {
 public:
  void SetUp() override {
    qputenv("QT_QPA_PLATFORM", "offscreen");
    application_ = std::make_unique<QApplication>(count_, arguments_);
    application_->setQuitOnLastWindowClosed(false);
  }
  void TearDown() override { application_.reset(); }

 private:
  int count_ = 1;
  char name_[10] = "tray_test";
  char* arguments_[2] = {name_, nullptr};
  std::unique_ptr<QApplication> application_;
};
// GoogleTest owns it.
inline ::testing::Environment* const qt_environment = ::testing::AddGlobalTestEnvironment(new QtEnvironment);

class TrayTest : public ::testing::Test {
 protected:
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
