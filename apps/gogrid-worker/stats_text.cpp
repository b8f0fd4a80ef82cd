#include "stats_text.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace gogrid::worker_app {
namespace {

using nlohmann::json;

struct Period {
  const char* name;
  std::uint64_t jobs = 0;
  std::uint64_t tokens = 0;
  std::uint64_t given_seconds = 0;
  // By the reason's code, in seconds.
  std::map<std::string, std::uint64_t, std::less<>> paused;
};

const json& member(const json& object, const char* key) {
  static const json none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

std::uint64_t figure(const json& object, const char* key) {
  const json& value = member(object, key);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 15> reasons = {{
    {"by_owner", "paused by you"},
    {"going_to_sleep", "the computer went to sleep"},
    {"update_pending", "an update waited"},
    {"outside_schedule", "outside the schedule"},
    {"on_battery", "on battery"},
    {"too_hot", "a GPU was too hot"},
    {"user_active", "you used the computer"},
    {"exclusive_app", "a listed program ran"},
    {"full_screen", "a program filled the screen"},
    {"gpu_in_use", "others used the GPU"},
    {"cpu_busy", "the processors were busy"},
    {"memory_short", "memory was short"},
    {"metered_network", "the network was metered"},
    {"low_disk", "the disk was nearly full"},
    {"activity_unknown", "it was not known whether you used the computer"},
}};

// A reason of a newer worker's has its code only, which came out of a file.
std::string reason_text(std::string_view code) {
  const auto known =
      std::find_if(reasons.begin(), reasons.end(), [code](const auto& reason) { return reason.first == code; });
  if (known != reasons.end()) return std::string(known->second);
  std::string text;
  for (const char c : code)
    text += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ? c : '?';
  return text;
}

void add(Period& period, const json& day) {
  period.jobs += figure(day, "jobs");
  period.tokens += figure(day, "tokens");
  period.given_seconds += figure(day, "given_seconds");
  for (const auto& [code, span] : member(day, "paused_seconds").items()) {
    if (span.is_number_unsigned()) period.paused[code] += span.get<std::uint64_t>();
  }
}

// "1234567" → "1,234,567"
std::string number(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string duration(std::uint64_t seconds) {
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} h {:02} min", seconds / 3600, seconds / 60 % 60);
}

}  // namespace

std::string stats_text(const json& history, worker::DayNumber today) {
  std::array<Period, 3> periods;
  periods[0].name = "today";
  periods[1].name = "7 days";
  periods[2].name = "all";
  for (const json& day : member(history, "days")) {
    const json& date = member(day, "date");
    const auto number = date.is_string() ? worker::parse_date(date.get_ref<const std::string&>()) : std::nullopt;
    if (!number) continue;
    if (*number == today) add(periods[0], day);
    if (*number <= today && *number > today - 7) add(periods[1], day);
    add(periods[2], day);
  }
  // Also of days that are not kept any more.
  const json& totals = member(history, "totals");
  periods[2].jobs = figure(totals, "jobs");
  periods[2].tokens = figure(totals, "tokens");
  periods[2].given_seconds = figure(totals, "given_seconds");
  std::string out;
  const auto row = [&](std::string_view name, const auto& value) {
    out += fmt::format("{:<34}{:>16}{:>16}{:>16}\n", name, value(periods[0]), value(periods[1]), value(periods[2]));
  };
  row("", [](const Period& period) { return std::string(period.name); });
  row("jobs", [](const Period& period) { return number(period.jobs); });
  row("tokens", [](const Period& period) { return number(period.tokens); });
  row("time given", [](const Period& period) { return duration(period.given_seconds); });
  std::vector<std::string> by_length;
  for (const auto& [code, span] : periods[2].paused)
    by_length.push_back(code);
  // No sum: several of them may have held at the same time.
  if (!by_length.empty()) out += "paused, all of it or a part\n";
  std::stable_sort(by_length.begin(), by_length.end(), [&](const std::string& one, const std::string& other) {
    return periods[2].paused.at(one) > periods[2].paused.at(other);
  });
  for (const std::string& code : by_length) {
    row("  " + reason_text(code), [&its_code = code](const Period& period) {
      const auto found = period.paused.find(its_code);
      return found == period.paused.end() ? std::string("-") : duration(found->second);
    });
  }
  return out;
}

}  // namespace gogrid::worker_app
