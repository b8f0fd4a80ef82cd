// Proves which minutes of the week a schedule's text allows, that what cannot be read is refused by name, and that a
// schedule is written as a short text that means the same.
#include "domain/schedule.hpp"

#include <gtest/gtest.h>

#include <random>

namespace gogrid::domain {
namespace {

constexpr int monday = 0;
constexpr int friday = 4;
constexpr int saturday = 5;
constexpr int sunday = 6;

WeekTime at(int day, int hour, int minute = 0) { return {day, hour * 60 + minute}; }

TEST(Schedule, AllowsTheHoursThatItsTextNames) {
  const struct {
    const char* text;
    WeekTime time;
    bool allows;
    std::optional<int> minutes_to_change;
  } table[] = {
      {"", at(monday, 0), true, std::nullopt},
      {"always", at(sunday, 23, 59), true, std::nullopt},
      {"never", at(monday, 12), false, std::nullopt},
      {" Never ", at(monday, 12), false, std::nullopt},
      {"mon-sun", at(saturday, 3), true, std::nullopt},
      {"00:00-24:00", at(saturday, 3), true, std::nullopt},
      {"sat,sun", at(friday, 23, 59), false, 1},
      {"sat,sun", at(saturday, 0), true, 2 * 24 * 60},
      {"sat,sun", at(sunday, 23, 59), true, 1},
      {"sat,sun", at(monday, 0), false, 5 * 24 * 60},
      {"fri-mon", at(monday, 23), true, 60},
      {"fri-mon", at(friday, 0), true, 4 * 24 * 60},
      {"18:00-08:00", at(monday, 17, 59), false, 1},
      {"18:00-08:00", at(monday, 18), true, 14 * 60},
      {"18:00-08:00", at(monday, 7, 59), true, 1},
      {"18:00-08:00", at(monday, 8), false, 10 * 60},
      // Friday's night goes on into Saturday, Sunday's into Monday only where it is named.
      {"mon-fri 18:00-08:00", at(saturday, 7, 59), true, 1},
      {"mon-fri 18:00-08:00", at(saturday, 8), false, 2 * 24 * 60 + 10 * 60},
      {"mon-fri 18:00-08:00", at(monday, 7), false, 11 * 60},
      {"sun 22:00-02:00", at(monday, 1, 59), true, 1},
      {"sun 22:00-02:00", at(monday, 2), false, 7 * 24 * 60 - 4 * 60},
      {"mon-fri 18:00-08:00; sat,sun", at(saturday, 12), true, 36 * 60},
      {"mon-fri 18:00 - 8:00 ;sat , sun;", at(saturday, 12), true, 36 * 60},
      {"MON 9:00-17:00", at(monday, 9), true, 8 * 60},
      {"mon 9:00-24:00", at(monday, 23, 59), true, 1},
  };
  for (const auto& row : table) {
    const auto schedule = Schedule::parse(row.text);
    ASSERT_TRUE(schedule) << row.text;
    EXPECT_EQ(schedule->allows(row.time), row.allows) << row.text << " " << row.time.day << " " << row.time.minute;
    EXPECT_EQ(schedule->minutes_to_change(row.time), row.minutes_to_change) << row.text << " " << row.time.day;
  }
}

TEST(Schedule, RefusesWhatItCannotRead) {
  for (const char* text : {"someday", "mon-", "-fri", "mon,,tue", "18:00", "18-08", "18:00-18:00", "24:00-08:00",
                           "25:00-26:00", "18:60-19:00", "mon 18:00-08:00 tue", "18:00-08:00 mon", "mon never", ";",
                           "+1:00-02:00", "1:0-2:00", "mon-fri 9:00-17:00; lunch"}) {
    const auto schedule = Schedule::parse(text);
    ASSERT_FALSE(schedule) << text;
    EXPECT_EQ(schedule.error().code, ErrorCode::invalid_argument);
  }
  EXPECT_NE(Schedule::parse("mon; lunch").error().detail.find("\"lunch\""), std::string::npos);
  EXPECT_FALSE(Schedule::parse(std::string(2000, ' ')));
}

TEST(Schedule, IsWrittenAsAShortTextThatMeansTheSame) {
  const struct {
    const char* read;
    const char* written;
  } table[] = {
      {"", ""},
      {"always", ""},
      {"mon-sun", ""},
      {"mon-thu; fri-sun", ""},
      {"00:00-12:00; 12:00-24:00", ""},
      {"never", "never"},
      {"SAT , sun;", "sat,sun"},
      {"mon-fri 18:00-08:00; sat,sun", "mon-fri 18:00-08:00; sat,sun"},
      {"sat-sun; mon,tue,wed,thu,fri 18:00-8:00", "mon-fri 18:00-08:00; sat,sun"},
      {"18:00-08:00; sat,sun", "18:00-08:00; sat,sun"},
      {"fri 18:00-24:00; sat,sun; mon 0:00-8:00", "fri,sun 18:00-08:00; sat,sun"},
      {"22:00-6:00; mon-fri 12:00-13:00", "mon-fri 12:00-13:00; 22:00-06:00"},
      {"mon-fri 9:00-12:00; mon-fri 12:00-17:00", "mon-fri 09:00-17:00"},
      {"mon 8:30-9:15", "mon 08:30-09:15"},
      {"mon 9:00-24:00", "mon 09:00-24:00"},
      {"mon 0:00-9:00", "mon 00:00-09:00"},
      {"sun 22:00-24:00; mon 0:00-2:00", "sun 22:00-02:00"},
      {"fri-mon", "fri-mon"},
      {"sun,mon,wed", "wed,sun,mon"},
      {"mon 12:00-11:59", "mon 12:00-11:59"},
      {"mon-wed 8:00-18:00; thu 8:00-12:00; fri 8:00-18:00", "mon-wed,fri 08:00-18:00; thu 08:00-12:00"},
  };
  for (const auto& row : table) {
    const auto schedule = Schedule::parse(row.read);
    ASSERT_TRUE(schedule) << row.read;
    EXPECT_EQ(schedule->text(), row.written) << row.read;
    const auto again = Schedule::parse(schedule->text());
    ASSERT_TRUE(again) << schedule->text();
    EXPECT_TRUE(*again == *schedule) << row.read;
  }
}

TEST(Schedule, WhateverHoursAreSetIsWrittenAndReadAgain) {
  std::minstd_rand random(1);
  for (int round = 0; round < 60; ++round) {
    Schedule schedule = *Schedule::parse(round % 2 == 0 ? "never" : "mon-fri 7:20-9:50; sun 23:59-0:01");
    const unsigned density = 1 + static_cast<unsigned>(round) % 7;
    for (int day = 0; day < 7; ++day) {
      for (int hour = 0; hour < 24; ++hour) {
        if (random() % 8 < density) schedule.set_hour(day, hour, random() % 8 < density);
      }
    }
    const std::string text = schedule.text();
    const auto again = Schedule::parse(text);
    ASSERT_TRUE(again) << text;
    EXPECT_TRUE(*again == schedule) << text;
  }
}

TEST(Schedule, CountsAndSetsTheMinutesOfAnHour) {
  Schedule schedule = *Schedule::parse("tue 8:45-10:10");
  EXPECT_EQ(schedule.allowed_minutes(1, 8), 15);
  EXPECT_EQ(schedule.allowed_minutes(1, 9), 60);
  EXPECT_EQ(schedule.allowed_minutes(1, 10), 10);
  EXPECT_EQ(schedule.allowed_minutes(2, 9), 0);
  schedule.set_hour(1, 9, false);
  EXPECT_EQ(schedule.text(), "tue 08:45-09:00; tue 10:00-10:10");
  schedule.set_hour(1, 8, false);
  schedule.set_hour(1, 10, true);
  schedule.set_hour(sunday, 23, true);
  EXPECT_EQ(schedule.text(), "tue 10:00-11:00; sun 23:00-24:00");
}

}  // namespace
}  // namespace gogrid::domain
