// Proves which minutes of the week a schedule's text allows, and that what cannot be read is refused by name.
#include "worker/policy/schedule.hpp"

#include <gtest/gtest.h>

namespace gogrid::worker {
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

}  // namespace
}  // namespace gogrid::worker
