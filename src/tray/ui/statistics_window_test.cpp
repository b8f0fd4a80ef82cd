// Proves what the statistics window shows of readings that end, are missing or are out of all measure, and that charts
// say the same from right to left.
#include "tray/ui/statistics_window.hpp"

#include <QJsonArray>
#include <QJsonDocument>
#include <QPushButton>

#include "tray/connection/test_daemon_test_support.hpp"
#include "tray/tray_test_support.hpp"

namespace gogrid::tray {
namespace {

QJsonObject object(const char* text) {
  const auto parsed = QJsonDocument::fromJson(text);
  EXPECT_TRUE(parsed.isObject()) << text;
  return parsed.object();
}

class StatisticsWindowTest : public TrayTest {
 protected:
  StatisticsWindowTest() : daemon_(std::make_unique<TestDaemon>(path("run/control.sock"))) {
    daemon_->results["status.subscribe"] = {};
    daemon_->results["history.get"] = {};
    daemon_->results["hardware.subscribe"] =
        object(R"({"gpus":[{"id":"1","name":"A","utilisation_percent":42,"temperature_celsius":60}]})");
    worker_.start();
    window_.setAttribute(Qt::WA_DeleteOnClose, false);
    window_.show();
  }

  QString said(const QString& chart) {
    for (const Chart* one : window_.findChildren<Chart*>()) {
      if (one->accessibleName() == chart) return one->accessibleDescription();
    }
    return "no such chart";
  }

  std::unique_ptr<TestDaemon> daemon_;
  WorkerModel worker_{path("run/control.sock")};
  StatisticsWindow window_{worker_};
};

TEST_F(StatisticsWindowTest, WithoutADaemonNothingOldPassesForNow) {
  ASSERT_TRUE(wait_for([&] { return said("Load") == "42 %"; }));
  daemon_.reset();
  EXPECT_TRUE(wait_for([&] { return said("Load") == "not known"; }));
  bool tells = false;
  for (const QLabel* label : window_.findChildren<QLabel*>())
    tells = tells || (label->isVisible() && label->text() == "The worker is not running.");
  EXPECT_TRUE(tells);
}

TEST_F(StatisticsWindowTest, AReadingThatStopsIsNotKnownAnyMore) {
  ASSERT_TRUE(wait_for([&] { return said("Temperature") == "60 °C"; }));
  daemon_->notify("hardware.reading", object(R"({"gpus":[{"id":"1","name":"A","utilisation_percent":43}]})"));
  ASSERT_TRUE(wait_for([&] { return said("Load") == "43 %"; }));
  EXPECT_EQ(said("Temperature"), "not known");
}

TEST_F(StatisticsWindowTest, ValuesOutOfAllMeasureAndWrongTypesAreDrawn) {
  ASSERT_TRUE(wait_for([&] { return said("Load") == "42 %"; }));
  daemon_->notify("hardware.reading", object(R"({"gpus":[7,{"id":"1","utilisation_percent":1e308,"used_bytes":-1e308,
    "total_bytes":"all","power_watts":1e308,"temperature_celsius":[]}]})"));
  ASSERT_TRUE(wait_for([&] { return said("Load") != "42 %"; }));
  EXPECT_FALSE(window_.grab().isNull());
}

// Where something is drawn in the lowest line, where the ends of the axis of time are labelled.
QRect label_place(Qt::LayoutDirection direction) {
  Chart chart("", Qt::red, [](double) { return QString(); });
  chart.setLayoutDirection(direction);
  chart.set_span(0, 10, "begin", "");
  chart.resize(280, 130);
  const QImage image = chart.grab().toImage();
  QRect place;
  for (int y = image.height() - 14; y < image.height(); ++y) {
    for (int x = 0; x < image.width() / 3; ++x) {
      if (image.pixel(x, y) != image.pixel(0, 0)) place |= QRect(x, y, 1, 1);
    }
  }
  return place;
}

TEST_F(StatisticsWindowTest, TimeGoesToTheRightInEveryLanguage) {
  EXPECT_FALSE(label_place(Qt::LeftToRight).isEmpty());
  EXPECT_EQ(label_place(Qt::RightToLeft), label_place(Qt::LeftToRight));
}

// A theme's colour of placeholders may be left as it is for light ones.
TEST_F(StatisticsWindowTest, LabelsOfADarkChartAreLight) {
  Chart chart("", Qt::red, [](double) { return QString(); });
  QPalette dark;
  dark.setColor(QPalette::Base, Qt::black);
  dark.setColor(QPalette::Text, Qt::white);
  dark.setColor(QPalette::PlaceholderText, Qt::black);
  chart.setPalette(dark);
  chart.set_span(0, 10, "begin", "now");
  chart.resize(280, 130);
  const QImage image = chart.grab().toImage();
  int lightest = 0;
  for (int y = image.height() - 14; y < image.height(); ++y) {
    for (int x = 0; x < image.width(); ++x)
      lightest = std::max(lightest, image.pixelColor(x, y).lightness());
  }
  EXPECT_GT(lightest, 100);
}

}  // namespace
}  // namespace gogrid::tray
