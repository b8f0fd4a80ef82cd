#include "worker/history/calendar.hpp"

#include <fmt/format.h>
#include <chrono>
#include <ctime>

#include "worker/facts_file.hpp"

namespace gogrid::worker {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

// 9999-12-31
constexpr DayNumber last_day = 2'932'896;

year_month_day date_of(DayNumber day) { return year_month_day(sys_days(std::chrono::days(day))); }

}  // namespace

DayNumber LocalCalendar::day_of(SystemTime time) const {
  const std::time_t seconds = static_cast<std::time_t>(to_unix_seconds(time));
  std::tm parts{};
  if (::localtime_r(&seconds, &parts) == nullptr) return 0;
  const year_month_day date(std::chrono::year(parts.tm_year + 1900),
                            std::chrono::month(static_cast<unsigned int>(parts.tm_mon + 1)),
                            std::chrono::day(static_cast<unsigned int>(parts.tm_mday)));
  return sys_days(date).time_since_epoch().count();
}

SystemTime LocalCalendar::end_of(DayNumber day) const {
  const year_month_day next = date_of(day + 1);
  std::tm parts{};
  parts.tm_year = static_cast<int>(next.year()) - 1900;
  parts.tm_mon = static_cast<int>(static_cast<unsigned int>(next.month())) - 1;
  parts.tm_mday = static_cast<int>(static_cast<unsigned int>(next.day()));
  // Whether it is summer then.
  parts.tm_isdst = -1;
  return from_unix_seconds(::mktime(&parts));
}

std::string date_text(DayNumber day) {
  const year_month_day date = date_of(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned int>(date.month()),
                     static_cast<unsigned int>(date.day()));
}

std::optional<DayNumber> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = parse_number<std::uint16_t>(text.substr(0, 4));
  const auto month = parse_number<std::uint8_t>(text.substr(5, 2));
  const auto day = parse_number<std::uint8_t>(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const year_month_day date{std::chrono::year(*year), std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  const DayNumber number = sys_days(date).time_since_epoch().count();
  if (number < 0 || number > last_day) return std::nullopt;
  return number;
}

}  // namespace gogrid::worker
