#include "domain/schedule.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

namespace gogrid::domain {
namespace {

Error unreadable(std::string_view what) {
  return Error(ErrorCode::invalid_argument,
               "\"" + std::string(what) +
                   "\" is no part of a schedule: write days, hours or both, as in \"mon-fri "
                   "18:00-08:00; sat,sun\", or \"never\"");
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::optional<int> read_day(std::string_view text) {
  for (std::size_t i = 0; i < schedule_days.size(); ++i) {
    if (schedule_days[i] == text) return static_cast<int>(i);
  }
  return std::nullopt;
}

// "8:05", "08:05", "24:00"; in minutes of the day.
std::optional<int> read_time(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > 2 || text.size() != colon + 3) return std::nullopt;
  int hour = 0;
  int minute = 0;
  const char* end = text.data() + text.size();
  const auto hours = std::from_chars(text.data(), text.data() + colon, hour);
  const auto minutes = std::from_chars(text.data() + colon + 1, end, minute);
  const bool read = hours.ec == std::errc() && hours.ptr == text.data() + colon && minutes.ec == std::errc() &&
                    minutes.ptr == end && hour >= 0 && minute >= 0;
  const int total = hour * 60 + minute;
  if (!read || minute > 59 || total > 24 * 60) return std::nullopt;
  return total;
}

// Bit i is day i.
std::optional<std::bitset<7>> read_days(std::string_view text) {
  std::bitset<7> days;
  for (const std::string_view part : split(text, ',')) {
    const auto dash = part.find('-');
    const auto first = read_day(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : read_day(part.substr(dash + 1));
    if (!first || !last) return std::nullopt;
    for (int day = *first;; day = (day + 1) % 7) {
      days.set(static_cast<std::size_t>(day));
      if (day == *last) break;
    }
  }
  return days;
}

}  // namespace

void Schedule::allow(int day, int begin, int end) {
  for (int minute = begin; minute < end; ++minute)
    allowed_.set(static_cast<std::size_t>((day * day_minutes + minute) % week_minutes));
}

Result<void> Schedule::add(std::string_view entry) {
  const auto digit = std::min(entry.find_first_of("0123456789"), entry.size());
  const auto named = trimmed(entry.substr(0, digit));
  const auto hours = entry.substr(digit);
  std::optional<std::bitset<7>> days = std::bitset<7>().set();
  if (!named.empty()) days = read_days(named);
  if (!days) return unreadable(entry);
  int begin = 0;
  int end = day_minutes;
  if (!hours.empty()) {
    const auto dash = hours.find('-');
    if (dash == std::string_view::npos) return unreadable(entry);
    const auto from = read_time(trimmed(hours.substr(0, dash)));
    const auto to = read_time(trimmed(hours.substr(dash + 1)));
    if (!from || !to || *from == day_minutes || *from == *to) return unreadable(entry);
    begin = *from;
    end = *to > *from ? *to : *to + day_minutes;
  }
  for (int day = 0; day < 7; ++day) {
    if (days->test(static_cast<std::size_t>(day))) allow(day, begin, end);
  }
  return {};
}

Result<Schedule> Schedule::parse(std::string_view text) {
  if (text.size() > max_text_bytes) return Error(ErrorCode::invalid_argument, "the schedule is too long");
  const std::string words = lower(trimmed(text));
  Schedule schedule;
  if (words.empty() || words == "always") return schedule;
  schedule.allowed_.reset();
  if (words == "never") return schedule;
  for (const std::string_view entry : split(words, ';')) {
    if (entry.empty()) continue;
    if (auto added = schedule.add(entry); !added) return added.error();
  }
  if (schedule.never()) return unreadable(text);
  return schedule;
}

bool Schedule::allows(WeekTime at) const {
  return allowed_.test(static_cast<std::size_t>((at.day * day_minutes + at.minute) % week_minutes));
}

int Schedule::allowed_minutes(int day, int hour) const {
  int minutes = 0;
  for (int minute = 0; minute < 60; ++minute)
    minutes += allows({day, hour * 60 + minute}) ? 1 : 0;
  return minutes;
}

void Schedule::set_hour(int day, int hour, bool allowed) {
  const int begin = day * day_minutes + hour * 60;
  for (int minute = begin; minute < begin + 60; ++minute)
    allowed_.set(static_cast<std::size_t>(minute), allowed);
}

std::optional<int> Schedule::minutes_to_change(WeekTime at) const {
  if (always() || never()) return std::nullopt;
  const int now = at.day * day_minutes + at.minute;
  int minutes = 1;
  while (allowed_.test(static_cast<std::size_t>((now + minutes) % week_minutes)) == allows(at))
    ++minutes;
  return minutes;
}

}  // namespace gogrid::domain
