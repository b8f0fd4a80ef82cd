#include "worker/history/history.hpp"

#include <algorithm>

namespace gogrid::worker {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t most = max_history_number;
// A span is measured by a clock that does not jump, but the machine may be slow to say so.
constexpr milliseconds longest_span = std::chrono::hours(24 * 366);

void add(std::uint64_t& sum, std::uint64_t count) { sum = std::min(most, sum + std::min(count, most)); }

void add(milliseconds& sum, milliseconds span) { sum = std::min(milliseconds(most), sum + span); }

// Calls `count` with each day's part of a span.
template <class Count>
void by_day(const Calendar& calendar, SystemTime until, milliseconds span, const Count& count) {
  span = std::clamp(span, milliseconds(0), longest_span);
  SystemTime from = until - span;
  while (from < until) {
    const DayNumber day = calendar.day_of(from);
    SystemTime end = calendar.end_of(day);
    // No rule of a calendar may stop time.
    if (end <= from) end = until;
    end = std::min(end, until);
    count(day, std::chrono::duration_cast<milliseconds>(end - from));
    from = end;
  }
}

std::optional<double> in_range(std::optional<double> value) {
  if (!value) return value;
  return std::clamp(*value, -max_history_figure, max_history_figure);
}

void mean(std::optional<double>& into, std::optional<double> value, std::uint32_t readings) {
  if (!value) return;
  into = into ? *into + (*value - *into) / readings : *value;
}

template <class T>
void highest(std::optional<T>& into, std::optional<T> value) {
  if (value) into = into ? std::max(*into, *value) : *value;
}

}  // namespace

// Null: it is older than all that are kept.
HistoryDay* History::day(DayNumber number) {
  auto place = std::lower_bound(days_.begin(), days_.end(), number,
                                [](const HistoryDay& day, DayNumber wanted) { return day.day < wanted; });
  if (place != days_.end() && place->day == number) return &*place;
  if (days_.size() >= max_history_days) {
    if (place == days_.begin()) return nullptr;
    const auto index = place - days_.begin();
    days_.erase(days_.begin());
    place = days_.begin() + index - 1;
  }
  HistoryDay made;
  made.day = number;
  return &*days_.insert(place, std::move(made));
}

void History::count_job(const Calendar& calendar, SystemTime now) {
  add(totals_.jobs, 1);
  if (HistoryDay* today = day(calendar.day_of(now))) add(today->totals.jobs, 1);
}

void History::count_tokens(const Calendar& calendar, SystemTime now, std::uint64_t tokens) {
  add(totals_.tokens, tokens);
  if (HistoryDay* today = day(calendar.day_of(now))) add(today->totals.tokens, tokens);
}

void History::add_given(const Calendar& calendar, SystemTime until, milliseconds span) {
  by_day(calendar, until, span, [this](DayNumber number, milliseconds part) {
    add(totals_.given, part);
    if (HistoryDay* its_day = day(number)) add(its_day->totals.given, part);
  });
}

void History::add_paused(const Calendar& calendar, SystemTime until, milliseconds span, std::string_view code) {
  code = code.substr(0, max_pause_code_bytes);
  by_day(calendar, until, span, [this, code](DayNumber number, milliseconds part) {
    HistoryDay* its_day = day(number);
    if (its_day == nullptr || part.count() == 0) return;
    auto place = its_day->paused.find(code);
    if (place == its_day->paused.end()) {
      if (its_day->paused.size() >= max_pause_codes) return;
      place = its_day->paused.emplace(code, milliseconds(0)).first;
    }
    add(place->second, part);
  });
}

void History::add_reading(SystemTime now, const GpuFigures& figures) {
  if (figures == GpuFigures()) return;
  const std::int64_t seconds = to_unix_seconds(now);
  const std::int64_t interval = std::chrono::seconds(sample_interval).count();
  const std::int64_t at = seconds - seconds % interval;
  const std::int64_t oldest = seconds - std::chrono::seconds(samples_kept_for).count();
  // Also those of a clock that was wrong.
  std::erase_if(samples_, [&](const HistorySample& sample) { return sample.at <= oldest || sample.at > at; });
  if (samples_.empty() || samples_.back().at != at) {
    if (samples_.size() >= max_samples) samples_.erase(samples_.begin());
    HistorySample made;
    made.at = at;
    samples_.push_back(made);
  }
  HistorySample& sample = samples_.back();
  if (sample.readings < max_sample_readings) ++sample.readings;
  mean(sample.figures.percent, in_range(figures.percent), sample.readings);
  mean(sample.figures.power_watts, in_range(figures.power_watts), sample.readings);
  if (figures.memory_bytes) highest(sample.figures.memory_bytes, std::optional(std::min(most, *figures.memory_bytes)));
  highest(sample.figures.temperature_celsius, in_range(figures.temperature_celsius));
}

}  // namespace gogrid::worker
