#include "stats_text.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <utility>

namespace gogrid::worker_app {
namespace {

using std::chrono::milliseconds;
using worker::DayNumber;
using worker::History;
using worker::HistoryDay;
using worker::HistoryTotals;

using Pauses = std::map<std::string, milliseconds, std::less<>>;

struct Period {
  const char* name;
  HistoryTotals totals;
  Pauses paused;
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 14> reasons = {{
    {"by_owner", "paused by you"},
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

void add(Period& period, const HistoryDay& day) {
  period.totals.jobs += day.totals.jobs;
  period.totals.tokens += day.totals.tokens;
  period.totals.given += day.totals.given;
  for (const auto& [code, span] : day.paused)
    period.paused[code] += span;
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

std::string duration(milliseconds span) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(span).count();
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} h {:02} min", seconds / 3600, seconds / 60 % 60);
}

}  // namespace

std::string stats_text(const History& history, DayNumber today) {
  std::array<Period, 3> periods = {Period{"today", {}, {}}, Period{"7 days", {}, {}}, Period{"all", {}, {}}};
  for (const HistoryDay& day : history.days()) {
    if (day.day == today) add(periods[0], day);
    if (day.day <= today && day.day > today - 7) add(periods[1], day);
    add(periods[2], day);
  }
  // Also of days that are not kept any more.
  periods[2].totals = history.totals();
  std::string out;
  const auto row = [&](std::string_view name, const auto& value) {
    out += fmt::format("{:<34}{:>16}{:>16}{:>16}\n", name, value(periods[0]), value(periods[1]), value(periods[2]));
  };
  row("", [](const Period& period) { return std::string(period.name); });
  row("jobs", [](const Period& period) { return number(period.totals.jobs); });
  row("tokens", [](const Period& period) { return number(period.totals.tokens); });
  row("time given", [](const Period& period) { return duration(period.totals.given); });
  row("paused", [](const Period& period) {
    milliseconds sum{0};
    for (const auto& [code, span] : period.paused)
      sum += span;
    return duration(sum);
  });
  std::vector<std::pair<milliseconds, std::string>> by_length;
  for (const auto& [code, span] : periods[2].paused)
    by_length.emplace_back(-span, code);
  std::sort(by_length.begin(), by_length.end());
  for (const auto& [span, code] : by_length) {
    row("  " + reason_text(code), [&its_code = code](const Period& period) {
      const auto found = period.paused.find(its_code);
      return found == period.paused.end() ? std::string("-") : duration(found->second);
    });
  }
  return out;
}

}  // namespace gogrid::worker_app
