#include "tray/models/history.hpp"

#include <QJsonArray>
#include <QJsonDocument>
#include <QLocale>

#include "tray/tray_test_support.hpp"

namespace gogrid::tray {
namespace {

QJsonObject object(const char* text) {
  const auto parsed = QJsonDocument::fromJson(text);
  EXPECT_TRUE(parsed.isObject()) << text;
  return parsed.object();
}

TEST(HistoryTest, TodayAndTheWeekAreSumsOfDaysAndPausesAreOrderedByTheirLength) {
  const History history = read_history(object(R"({"days":[
    {"date":"2026-11-22","jobs":1000,"tokens":1,"given_seconds":1,"paused_seconds":{"too_hot":9999}},
    {"date":"2026-11-23","jobs":1,"tokens":10,"given_seconds":60,"paused_seconds":{"user_active":50,"low_disk":0}},
    {"date":"2026-11-29","jobs":2,"tokens":20,"given_seconds":60,"paused_seconds":{"user_active":70,"on_battery":300}},
    {"date":"2026-11-30","jobs":5000},
    {"date":"yesterday","jobs":5000}],
    "samples":[{"at":20,"gpu_percent":5,"power_watts":null},{"at":10,"vram_bytes":7}],
    "totals":{"jobs":9,"tokens":90,"given_seconds":-5}})"),
                                       QDate(2026, 11, 29));
  EXPECT_EQ(history.today.jobs, 2);
  EXPECT_EQ(history.week.jobs, 3);
  EXPECT_EQ(history.week.tokens, 30);
  EXPECT_EQ(history.week.given_seconds, 120);
  EXPECT_EQ(history.all.jobs, 9);
  EXPECT_EQ(history.all.given_seconds, 0);
  ASSERT_EQ(history.pauses.size(), 2u);
  EXPECT_EQ(history.pauses[0].code, "on_battery");
  EXPECT_EQ(history.pauses[1].seconds, 120);
  ASSERT_EQ(history.samples.size(), 2u);
  EXPECT_EQ(history.samples[0].at, 10);
  EXPECT_FALSE(history.samples[0].gpu_percent);
  EXPECT_EQ(history.samples[1].gpu_percent, 5);
  EXPECT_FALSE(history.samples[1].power_watts);
}

TEST(HistoryTest, WhatIsNotTherePutsNothingIntoTheWindow) {
  const History history = read_history({}, QDate(2026, 11, 29));
  EXPECT_EQ(history.all.jobs, 0);
  EXPECT_TRUE(history.samples.empty());
  EXPECT_TRUE(read_hardware({}, 0).empty());
}

TEST(HistoryTest, AmountsOutOfAllMeasureAreBounded) {
  QJsonObject reasons;
  for (int i = 0; i < 1000; ++i)
    reasons[QString::number(i) + QString(500, 'x')] = 1e18;
  QJsonArray days;
  for (int i = 0; i < 30'000; ++i)
    days.append(QJsonObject{{"date", "2026-11-29"}, {"tokens", 9e18}});
  days.append(QJsonObject{{"date", "2026-11-29"}, {"paused_seconds", reasons}});
  const History history = read_history({{"days", days}, {"samples", 7}, {"totals", {}}}, QDate(2026, 11, 29));
  EXPECT_EQ(history.week.tokens, 3'000'000'000'000'000'000);
  EXPECT_EQ(history.pauses.size(), 20u);
  EXPECT_EQ(history.pauses[0].code.size(), 100);
}

TEST(HistoryTest, ASurveyIsALookAtEachGpu) {
  const auto gpus = read_hardware(object(R"({"gpus":[
    {"id":"pci:1","name":"A","total_bytes":100,"used_bytes":40,"utilisation_percent":12.5,"temperature_celsius":null},
    {"id":"pci:2","name":""}]})"),
                                  42);
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0].sample.at, 42);
  EXPECT_EQ(gpus[0].sample.vram_bytes, 40);
  EXPECT_EQ(gpus[0].sample.gpu_percent, 12.5);
  EXPECT_FALSE(gpus[0].sample.temperature_celsius);
  EXPECT_EQ(gpus[1].name, "pci:2");
}

TEST(HistoryTest, AmountsAreSaidForPeople) {
  QLocale::setDefault(QLocale("en_GB"));
  EXPECT_EQ(Amounts::time(59), "59 s");
  EXPECT_EQ(Amounts::time(3599), "59 min");
  EXPECT_EQ(Amounts::time(3600 * 1234 + 125), "1,234 h 2 min");
  EXPECT_EQ(Amounts::count(48211), "48,211");
  EXPECT_EQ(Amounts::count(31'400'000), "31.4 million");
  QLocale::setDefault(QLocale::c());
}

}  // namespace
}  // namespace gogrid::tray
