// Schedule: the hours of the week in which the owner lets the machine work, as a text such as
// "mon-fri 18:00-08:00; sat,sun". Local time is passed in. Pure, any thread.
#pragma once

#include <array>
#include <bitset>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace gogrid::domain {

inline constexpr std::array<std::string_view, 7> schedule_days = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

// A minute of the local week.
struct WeekTime {
  int day = 0;     // 0 is Monday
  int minute = 0;  // of the day

  bool operator==(const WeekTime&) const = default;
};

class Schedule {
 public:
  static constexpr std::size_t max_text_bytes = 1024;

  // Always.
  Schedule() { allowed_.set(); }
  // Entries separated by ";", each of days ("mon", "mon-fri", "sat,sun"), hours ("18:00-08:00", which goes on into the
  // next day) or both; what an entry leaves out is all of it. An empty text is always, "never" is never. The error
  // names what cannot be read.
  static Result<Schedule> parse(std::string_view text);
  // A short text that parses to the same.
  std::string text() const;

  bool allows(WeekTime at) const;
  // How many minutes until that changes; nullopt: never.
  std::optional<int> minutes_to_change(WeekTime at) const;
  bool always() const { return allowed_.all(); }
  bool never() const { return allowed_.none(); }
  // Of an hour of a day, 0 to 60.
  int allowed_minutes(int day, int hour) const;
  void set_hour(int day, int hour, bool allowed);

  bool operator==(const Schedule&) const = default;

 private:
  static constexpr int day_minutes = 24 * 60;
  static constexpr int week_minutes = 7 * day_minutes;

  void allow(int day, int begin, int end);
  Result<void> add(std::string_view entry);

  std::bitset<week_minutes> allowed_;
};

}  // namespace gogrid::domain
