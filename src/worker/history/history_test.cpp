#include "worker/history/history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <nlohmann/json.hpp>

namespace gogrid::worker {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// Days of 24 hours, all from one hour before midnight in Greenwich on.
class PlainCalendar : public Calendar {
 public:
  DayNumber day_of(SystemTime time) const override {
    return static_cast<DayNumber>((to_unix_seconds(time) + 3600) / 86400);
  }
  SystemTime end_of(DayNumber day) const override { return from_unix_seconds((std::int64_t{day} + 1) * 86400 - 3600); }
};

const PlainCalendar plain;
// 2026-11-29, 12:00 in Greenwich.
const SystemTime noon = from_unix_seconds(1'795'953'600);

class LocalCalendarTest : public testing::Test {
 protected:
  static void live_in(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  void TearDown() override {
    ::unsetenv("TZ");
    ::tzset();
  }
};

// By a rule that is written out, so that no list of zones is needed.
constexpr const char* berlin = "CET-1CEST,M3.5.0,M10.5.0/3";

TEST_F(LocalCalendarTest, DaysBeginAtLocalMidnight) {
  const LocalCalendar calendar;
  struct Case {
    const char* zone;
    const char* date;
    std::int64_t end;
  };
  const Case cases[] = {
      {"UTC0", "2026-11-29", 1'795'996'800},
      {berlin, "2026-11-29", 1'795'993'200},
      {"AEST-14", "2026-11-30", 1'796'032'800},
      {"HST11", "2026-11-29", 1'796'036'400},
  };
  for (const Case& one : cases) {
    live_in(one.zone);
    const DayNumber day = calendar.day_of(noon);
    EXPECT_EQ(date_text(day), one.date) << one.zone;
    EXPECT_EQ(to_unix_seconds(calendar.end_of(day)), one.end) << one.zone;
    EXPECT_EQ(calendar.day_of(calendar.end_of(day)), day + 1) << one.zone;
    EXPECT_EQ(calendar.day_of(calendar.end_of(day) - 1s), day) << one.zone;
  }
}

TEST_F(LocalCalendarTest, ADayMayHave23Or25Hours) {
  live_in(berlin);
  const LocalCalendar calendar;
  const auto length = [&](const char* date) {
    const DayNumber day = parse_date(date).value();
    return calendar.end_of(day) - calendar.end_of(day - 1);
  };
  EXPECT_EQ(length("2026-03-29"), 23h);
  EXPECT_EQ(length("2026-10-25"), 25h);
  EXPECT_EQ(length("2026-11-29"), 24h);
}

TEST(Calendar, OnlyDatesAreDates) {
  EXPECT_EQ(parse_date("1970-01-01"), 0);
  EXPECT_EQ(parse_date("2024-02-29").has_value(), true);
  EXPECT_EQ(date_text(parse_date("9999-12-31").value()), "9999-12-31");
  for (const char* text : {"", "2026-11-3", "2026-13-01", "2026-02-29", "1969-12-31", "2026/11/29", "2026-1a-29",
                           "-026-11-29", "2026-11-290", "2026-00-10", "0000-01-01"})
    EXPECT_EQ(parse_date(text), std::nullopt) << text;
}

TEST(History, JobsAndTokensCountOnTheirDayAndInAll) {
  History history;
  history.count_job(plain, noon);
  history.count_tokens(plain, noon, 30);
  history.count_tokens(plain, noon + 10h, 12);
  history.count_job(plain, noon + 11h);
  history.count_tokens(plain, noon + 11h, 5);
  ASSERT_EQ(history.days().size(), 2u);
  EXPECT_EQ(history.days()[0].totals.jobs, 1u);
  EXPECT_EQ(history.days()[0].totals.tokens, 42u);
  EXPECT_EQ(history.days()[1].day, history.days()[0].day + 1);
  EXPECT_EQ(history.days()[1].totals.jobs, 1u);
  EXPECT_EQ(history.totals().jobs, 2u);
  EXPECT_EQ(history.totals().tokens, 47u);
}

TEST(History, ASpanIsCountedOnEachOfItsDays) {
  struct Case {
    const char* what;
    milliseconds after_noon;
    milliseconds span;
    std::vector<milliseconds> days;
  };
  const Case cases[] = {
      {"within a day", 1h, 30min, {30min}},
      {"over midnight", 12h, 2h, {1h, 1h}},
      {"to midnight", 11h, 2h, {2h}},
      {"from midnight on", 12h, 1h, {1h}},
      {"over three days", 36h, 30h, {5h, 24h, 1h}},
      {"of nothing", 1h, 0ms, {}},
      {"backwards", 1h, -5h, {}},
      {"a moment over midnight", 11h + 1ms, 2ms, {1ms, 1ms}},
  };
  for (const Case& one : cases) {
    History given;
    given.add_given(plain, noon + one.after_noon, one.span);
    History paused;
    paused.add_paused(plain, noon + one.after_noon, one.span, "user_active");
    std::vector<milliseconds> given_days;
    milliseconds sum{0};
    for (const HistoryDay& day : given.days()) {
      given_days.push_back(day.totals.given);
      sum += day.totals.given;
      EXPECT_THAT(day.paused, IsEmpty());
    }
    std::vector<milliseconds> paused_days;
    for (const HistoryDay& day : paused.days())
      paused_days.push_back(day.paused.at("user_active"));
    EXPECT_EQ(given_days, one.days) << one.what;
    EXPECT_EQ(paused_days, one.days) << one.what;
    EXPECT_EQ(given.totals().given, sum) << one.what;
  }
}

TEST(History, ReasonsAreKeptApartAndBounded) {
  History history;
  history.add_paused(plain, noon, 1h, "user_active");
  history.add_paused(plain, noon, 2h, "user_active");
  history.add_paused(plain, noon, 5min, "too_hot");
  EXPECT_THAT(history.days().at(0).paused, ElementsAre(Pair("too_hot", 5min), Pair("user_active", 3h)));
  for (int i = 0; i < 100; ++i)
    history.add_paused(plain, noon, 1s, "code_" + std::to_string(i) + std::string(100, 'x'));
  EXPECT_EQ(history.days()[0].paused.size(), max_pause_codes);
  EXPECT_TRUE(read_history(write_history(history)));
}

TEST(History, TheOldestDayGoesAndTheTotalsStay) {
  History history;
  for (int i = 0; i < 450; ++i)
    history.count_job(plain, noon + i * 24h);
  EXPECT_EQ(history.days().size(), max_history_days);
  EXPECT_EQ(history.days().front().day, plain.day_of(noon + 50 * 24h));
  EXPECT_EQ(history.totals().jobs, 450u);
  // A clock that was set back: there is no room for a day before all others.
  history.count_job(plain, from_unix_seconds(0));
  EXPECT_EQ(history.days().front().day, plain.day_of(noon + 50 * 24h));
  EXPECT_EQ(history.totals().jobs, 451u);
}

TEST(History, DaysAreInOrderWhenTheClockIsSetBack) {
  History history;
  history.count_job(plain, noon + 48h);
  history.count_job(plain, noon);
  history.count_job(plain, noon + 24h);
  history.count_job(plain, noon);
  ASSERT_EQ(history.days().size(), 3u);
  EXPECT_EQ(history.days()[0].totals.jobs, 2u);
  EXPECT_TRUE(read_history(write_history(history)));
}

TEST(History, SumsStayInTheirRange) {
  History history;
  for (int i = 0; i < 3; ++i) {
    history.count_tokens(plain, noon, ~0ull);
    history.add_given(plain, noon, milliseconds::max());
  }
  EXPECT_EQ(history.totals().tokens, 1ull << 53);
  EXPECT_GT(history.totals().given, 24h);
  EXPECT_TRUE(read_history(write_history(history)));
}

GpuFigures figures(std::optional<double> percent, std::optional<std::uint64_t> bytes, std::optional<double> celsius,
                   std::optional<double> watts) {
  GpuFigures made;
  made.percent = percent;
  made.memory_bytes = bytes;
  made.temperature_celsius = celsius;
  made.power_watts = watts;
  return made;
}

TEST(History, FiveMinutesOfReadingsMakeASample) {
  History history;
  history.add_reading(noon + 1s, figures(10, 100, 50, 90));
  history.add_reading(noon + 2s, figures(20, 300, 70, 100));
  history.add_reading(noon + 299s, figures(90, 200, 60, 110));
  history.add_reading(noon + 300s, figures(std::nullopt, std::nullopt, 40, std::nullopt));
  history.add_reading(noon + 301s, figures(std::nullopt, std::nullopt, std::nullopt, std::nullopt));
  ASSERT_EQ(history.samples().size(), 2u);
  EXPECT_EQ(history.samples()[0].at, to_unix_seconds(noon));
  EXPECT_EQ(history.samples()[0].readings, 3u);
  EXPECT_EQ(history.samples()[0].figures, figures(40, 300, 70, 100));
  EXPECT_EQ(history.samples()[1].at, to_unix_seconds(noon) + 300);
  EXPECT_EQ(history.samples()[1].readings, 1u);
  EXPECT_EQ(history.samples()[1].figures, figures(std::nullopt, std::nullopt, 40, std::nullopt));
}

TEST(History, SamplesOfADayAreKept) {
  History history;
  for (int i = 0; i < 1000; ++i)
    history.add_reading(noon + i * 5min, figures(1, 1, 1, 1));
  EXPECT_EQ(history.samples().size(), 288u);
  EXPECT_EQ(history.samples().back().at, to_unix_seconds(noon + 999 * 5min));
  history.add_reading(noon, figures(1, 1, 1, 1));
  EXPECT_EQ(history.samples().size(), 1u) << "those of a clock that was ahead";
}

TEST(History, WhateverADriverSaysCanBeReadAgain) {
  History history;
  history.add_reading(noon, figures(1e300, ~0ull, -1e300, 1e300));
  history.add_reading(noon, figures(-1e300, 1, 5, 1e300));
  const auto again = read_history(write_history(history));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, history);
}

TEST(History, IsShownInSecondsAndKeptInFull) {
  History history;
  history.count_job(plain, noon);
  history.count_tokens(plain, noon, 42);
  history.add_given(plain, noon, 1999ms);
  history.add_paused(plain, noon, 61s, "on_battery");
  history.add_reading(noon, figures(12.5, 100, std::nullopt, 90));
  EXPECT_EQ(to_json(history), json::parse(R"({
    "days": [{"date": "2026-11-29", "jobs": 1, "tokens": 42, "given_seconds": 1, "paused_seconds": {"on_battery": 61}}],
    "samples": [{"at": 1795953600, "gpu_percent": 12.5, "vram_bytes": 100, "temperature_celsius": null,
                 "power_watts": 90.0}],
    "totals": {"jobs": 1, "tokens": 42, "given_seconds": 1}})"));
  const auto again = read_history(write_history(history));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(*again, history);
  EXPECT_EQ(*read_history(write_history(History())), History());
}

TEST(History, TheLargestFitsIntoItsFile) {
  History history;
  for (std::size_t day = 0; day < max_history_days; ++day) {
    const SystemTime time = noon + day * 24h;
    history.count_tokens(plain, time, ~0ull);
    history.add_given(plain, time, 24h);
    for (int code = 0; code < 14; ++code)
      history.add_paused(plain, time, 100min, "a_reason_of_a_usual_length_" + std::to_string(code));
  }
  for (int i = 0; i < 288; ++i)
    history.add_reading(noon + i * 5min, figures(33.333333333333336, 1ull << 40, 77.7, 333.3333333333333));
  const std::string text = write_history(history);
  EXPECT_LT(text.size(), max_history_bytes);
  EXPECT_EQ(*read_history(text), history);
}

TEST(History, WhatIsNotAsItWasWrittenIsNone) {
  History history;
  history.count_job(plain, noon);
  history.count_job(plain, noon + 24h);
  history.add_paused(plain, noon, 1s, "user_active");
  history.add_reading(noon, figures(1, 2, 3, 4));
  const json good = json::parse(write_history(history));
  ASSERT_TRUE(read_history(good.dump()));
  struct Change {
    std::string place;
    json value;
    ErrorCode code;
  };
  const ErrorCode broken = ErrorCode::protocol;
  const Change changes[] = {
      {"/version", 2, ErrorCode::unsupported},
      {"/version", "1", broken},
      {"/version", nullptr, broken},
      {"/days", json::object(), broken},
      {"/days/0", 5, broken},
      {"/days/0/jobs", -1, broken},
      {"/days/0/tokens", 1.5, broken},
      {"/days/0/tokens", ~0ull, broken},
      {"/days/0/given_ms", "much", broken},
      {"/days/0/date", "2026-11-31", broken},
      {"/days/0/date", "2026-11-30", broken},
      {"/days/1/date", "2020-01-01", broken},
      {"/days/0/paused_ms", json::array(), broken},
      {"/days/0/paused_ms/user_active", nullptr, broken},
      {"/days/0/paused_ms/" + std::string(33, 'x'), 1, broken},
      {"/samples/0/at", nullptr, broken},
      {"/samples/0/readings", -1, broken},
      {"/samples/0/gpu_percent", "5", broken},
      {"/samples/0/power_watts", 1e300, broken},
      {"/samples/0/vram_bytes", 0.5, broken},
      {"/totals", json::array(), broken},
      {"/totals/jobs", nullptr, broken},
  };
  for (const Change& change : changes) {
    json changed = good;
    changed[json::json_pointer(change.place)] = change.value;
    const auto read = read_history(changed.dump());
    ASSERT_FALSE(read) << change.place << change.value;
    EXPECT_EQ(read.error().code, change.code) << change.place;
  }
  for (const char* member : {"version", "days", "samples", "totals"}) {
    json changed = good;
    changed.erase(member);
    EXPECT_FALSE(read_history(changed.dump())) << member;
  }
  for (const std::string& text : {std::string(), std::string("null"), std::string("[]"), good.dump().substr(1),
                                  std::string(100'000, '['), std::string(10, '\0')})
    EXPECT_EQ(read_history(text).error().code, broken);
  EXPECT_EQ(read_history(std::string(max_history_bytes + 1, ' ')).error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace gogrid::worker
