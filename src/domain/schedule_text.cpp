// How a schedule is written: as few and short entries as are found by taking, again and again, the one that says most
// for its length, and then leaving out of each what others say.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <vector>

#include "domain/schedule.hpp"

namespace gogrid::domain {
namespace {

constexpr int day_count = 7;
constexpr int day_minutes = 24 * 60;
constexpr int week_minutes = day_count * day_minutes;
using Minutes = std::bitset<week_minutes>;
using Days = std::bitset<day_count>;

std::size_t wrapped(int minute) { return static_cast<std::size_t>(minute % week_minutes); }

// On these days from `begin` to `end`, which may be in the day after.
struct Entry {
  Days days;
  int begin = 0;
  int end = day_minutes;
};

std::string days_text(Days days) {
  std::string text;
  const auto has = [days](int day) { return days.test(static_cast<std::size_t>(day % day_count)); };
  const auto name = [](int day) { return std::string(schedule_days[static_cast<std::size_t>(day % day_count)]); };
  for (int first = 0; first < day_count && !days.all(); ++first) {
    if (!has(first) || has(first + day_count - 1)) continue;
    int last = first;
    while (has(last + 1))
      ++last;
    text += (text.empty() ? "" : ",") + name(first);
    if (last > first) text += (last > first + 1 ? "-" : ",") + name(last);
  }
  return text;
}

std::string entry_text(const Entry& entry) {
  if (entry.begin == 0 && entry.end == day_minutes) return days_text(entry.days);
  const int end = entry.end > day_minutes ? entry.end - day_minutes : entry.end;
  std::array<char, 48> hours{};
  std::snprintf(hours.data(), hours.size(), "%s%02d:%02d-%02d:%02d", entry.days.all() ? "" : " ", entry.begin / 60,
                entry.begin % 60, end / 60, end % 60);
  return days_text(entry.days) + hours.data();
}

// sums[i] is how many of the minutes before i there are, over two weeks, as entries go on into the next one.
std::vector<int> running_sums(const Minutes& minutes) {
  std::vector<int> sums(2 * week_minutes + 1);
  for (int i = 0; i < 2 * week_minutes; ++i)
    sums[static_cast<std::size_t>(i) + 1] = sums[static_cast<std::size_t>(i)] + (minutes.test(wrapped(i)) ? 1 : 0);
  return sums;
}

int count(const std::vector<int>& sums, const Entry& entry, int day) {
  const auto at = [&sums](int minute) { return sums[static_cast<std::size_t>(minute)]; };
  return at(day * day_minutes + entry.end) - at(day * day_minutes + entry.begin);
}

// Every pair of times at which work begins and ends, on all days that allow what is between.
std::vector<Entry> possible_entries(const Minutes& allowed) {
  std::bitset<day_minutes + 1> begins;
  std::bitset<day_minutes + 1> ends;
  begins.set(0);
  ends.set(day_minutes);
  for (int minute = 0; minute < week_minutes; ++minute) {
    const auto time = static_cast<std::size_t>(minute % day_minutes);
    const bool now = allowed.test(wrapped(minute));
    const bool before = allowed.test(wrapped(minute + week_minutes - 1));
    if (now && !before) begins.set(time);
    if (before && !now && time > 0) ends.set(time);
  }
  const std::vector<int> sums = running_sums(allowed);
  std::vector<Entry> entries;
  for (int begin = 0; begin < day_minutes; ++begin) {
    for (int end = 1; begins.test(static_cast<std::size_t>(begin)) && end <= day_minutes; ++end) {
      if (!ends.test(static_cast<std::size_t>(end)) || end == begin) continue;
      Entry entry{Days(), begin, end > begin ? end : end + day_minutes};
      for (int day = 0; day < day_count; ++day) {
        if (count(sums, entry, day) == entry.end - entry.begin) entry.days.set(static_cast<std::size_t>(day));
      }
      if (entry.days.any()) entries.push_back(entry);
    }
  }
  return entries;
}

void for_each_minute(const Entry& entry, const auto& visit) {
  for (int day = 0; day < day_count; ++day) {
    for (int minute = entry.begin; entry.days.test(static_cast<std::size_t>(day)) && minute < entry.end; ++minute)
      visit(day, wrapped(day * day_minutes + minute));
  }
}

std::vector<Entry> choose(const Minutes& allowed) {
  const std::vector<Entry> possible = possible_entries(allowed);
  // With the separator.
  std::vector<double> lengths;
  lengths.reserve(possible.size());
  for (const Entry& entry : possible)
    lengths.push_back(static_cast<double>(entry_text(entry).size()) + 2);
  std::vector<Entry> chosen;
  for (Minutes missing = allowed; missing.any();) {
    const std::vector<int> sums = running_sums(missing);
    std::size_t best = 0;
    double best_worth = 0;
    for (std::size_t i = 0; i < possible.size(); ++i) {
      int said = 0;
      for (int day = 0; day < day_count; ++day) {
        if (possible[i].days.test(static_cast<std::size_t>(day))) said += count(sums, possible[i], day);
      }
      if (said / lengths[i] <= best_worth) continue;
      best_worth = said / lengths[i];
      best = i;
    }
    chosen.push_back(possible[best]);
    for_each_minute(possible[best], [&missing](int, std::size_t minute) { missing.reset(minute); });
  }
  return chosen;
}

// The fewest of an entry's days that the others do not say already, unless more are shorter to write.
Days needed_days(const std::vector<Entry>& entries, std::size_t at) {
  Minutes others;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i != at) for_each_minute(entries[i], [&others](int, std::size_t minute) { others.set(minute); });
  }
  Days needed;
  for_each_minute(entries[at], [&](int day, std::size_t minute) {
    if (!others.test(minute)) needed.set(static_cast<std::size_t>(day));
  });
  if (needed.none()) return needed;
  Entry best = entries[at];
  for (unsigned long bits = 0; bits < (1UL << day_count); ++bits) {
    Entry entry = entries[at];
    if ((needed & ~Days(bits)).any() || (Days(bits) & ~entry.days).any()) continue;
    entry.days = Days(bits);
    const std::size_t length = entry_text(entry).size();
    const std::size_t best_length = entry_text(best).size();
    if (length < best_length || (length == best_length && entry.days.count() < best.days.count())) best = entry;
  }
  return best.days;
}

}  // namespace

std::string Schedule::text() const {
  if (always()) return {};
  if (never()) return "never";
  std::vector<Entry> entries = choose(allowed_);
  for (std::size_t i = 0; i < entries.size();) {
    entries[i].days = needed_days(entries, i);
    if (entries[i].days.any()) {
      ++i;
    } else {
      entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& one, const Entry& other) {
    const auto first_day = [](const Entry& entry) { return std::countr_zero(entry.days.to_ulong()); };
    return first_day(one) != first_day(other) ? first_day(one) < first_day(other) : one.begin < other.begin;
  });
  std::string text;
  for (const Entry& entry : entries)
    text += (text.empty() ? "" : "; ") + entry_text(entry);
  return text;
}

}  // namespace gogrid::domain
