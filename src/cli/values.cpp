#include "cli/values.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <ctime>

#include "cli/formatter/text.hpp"

namespace gogrid::cli {
namespace {

// The text by that form and nothing after it; nullopt also for days that no month has.
std::optional<std::tm> read_form(const std::string& text, const char* form) {
  std::tm parts{};
  parts.tm_mday = 1;
  const char* end = ::strptime(text.c_str(), form, &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  std::tm normal = parts;
  const std::time_t time = ::timegm(&normal);
  if (time < 0 || normal.tm_mday != parts.tm_mday || normal.tm_mon != parts.tm_mon) return std::nullopt;
  return parts;
}

std::int64_t to_seconds(std::tm parts, bool is_utc) {
  // Whether it is summer time is for the machine's rules to say.
  parts.tm_isdst = -1;
  return is_utc ? ::timegm(&parts) : ::mktime(&parts);
}

// The next moment at which clocks show this.
std::int64_t next_time_of_day(const std::tm& clock, std::int64_t now, bool is_utc) {
  const std::time_t now_time = now;
  std::tm today{};
  if (is_utc) {
    ::gmtime_r(&now_time, &today);
  } else {
    ::localtime_r(&now_time, &today);
  }
  today.tm_hour = clock.tm_hour;
  today.tm_min = clock.tm_min;
  today.tm_sec = clock.tm_sec;
  const std::int64_t moment = to_seconds(today, is_utc);
  if (moment > now) return moment;
  // Not a day's seconds more: some days are shorter.
  ++today.tm_mday;
  return to_seconds(today, is_utc);
}

bool is_number(std::string_view text) {
  constexpr std::size_t most_digits = 11;
  return !text.empty() && text.size() <= most_digits && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Result<std::int64_t> parse_moment(std::string_view text, std::int64_t now, std::string_view what) {
  if (text.starts_with('+')) {
    const auto duration = parse_duration_seconds(text.substr(1), what);
    if (duration) return now + *duration;
  }
  // Fewer digits could be meant as an hour.
  if (is_number(text) && text.size() > 8) return std::stoll(std::string(text));
  std::string form_text(text);
  const bool is_utc = form_text.ends_with('Z') || form_text.ends_with('z');
  if (is_utc) form_text.pop_back();
  std::replace(form_text.begin(), form_text.end(), 'T', ' ');
  for (const char* form : {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    if (const auto parts = read_form(form_text, form)) return to_seconds(*parts, is_utc);
  }
  for (const char* form : {"%H:%M:%S", "%H:%M"}) {
    std::tm clock{};
    const char* end = ::strptime(form_text.c_str(), form, &clock);
    if (end != nullptr && *end == '\0') return next_time_of_day(clock, now, is_utc);
  }
  return Error(ErrorCode::invalid_argument,
               fmt::format("{} must be a time such as 18:30, 2026-11-28T18:30 or +10m", what));
}

Result<std::string> parse_day(std::string_view text, std::string_view what) {
  constexpr std::size_t length = 10;
  if (text.size() == length && read_form(std::string(text), "%Y-%m-%d")) return std::string(text);
  return Error(ErrorCode::invalid_argument, fmt::format("{} must be a day such as 2026-11-28", what));
}

Result<client::NamedTexts> parse_pairs(const std::vector<std::string>& texts, std::string_view what) {
  client::NamedTexts pairs;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error(ErrorCode::invalid_argument, fmt::format("{} must be NAME=VALUE, as in team=research", what));
    pairs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return pairs;
}

}  // namespace gogrid::cli
