#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/utf8.hpp"
#include "worker/history/history.hpp"

namespace gogrid::worker {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr int format_version = 1;
constexpr int max_depth = 6;

std::int64_t seconds(milliseconds span) { return std::chrono::duration_cast<std::chrono::seconds>(span).count(); }

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

json figures_json(const HistorySample& sample) {
  const GpuFigures& figures = sample.figures;
  return {{"at", sample.at},
          {"gpu_percent", or_null(figures.percent)},
          {"vram_bytes", or_null(figures.memory_bytes)},
          {"temperature_celsius", or_null(figures.temperature_celsius)},
          {"power_watts", or_null(figures.power_watts)}};
}

json kept_totals(const HistoryTotals& totals) {
  return {{"jobs", totals.jobs}, {"tokens", totals.tokens}, {"given_ms", totals.given.count()}};
}

// Reads one file. What is not as it was written makes all of it broken: nothing is guessed.
class Reader {
 public:
  bool whole() const { return whole_; }

  const json& member(const json& object, const char* key) {
    static const json null;
    const auto found = object.is_object() ? object.find(key) : object.end();
    if (object.is_object() && found != object.end()) return *found;
    whole_ = false;
    return null;
  }
  const json& list(const json& object, const char* key, std::size_t limit) {
    static const json none = json::array();
    const json& value = member(object, key);
    if (value.is_array() && value.size() <= limit) return value;
    whole_ = false;
    return none;
  }
  std::uint64_t number(const json& value, std::uint64_t limit = max_history_number) {
    if (value.is_number_unsigned() && value.get<std::uint64_t>() <= limit) return value.get<std::uint64_t>();
    whole_ = false;
    return 0;
  }
  milliseconds span(const json& value) { return milliseconds(number(value)); }
  std::optional<double> figure(const json& object, const char* key) {
    const json& value = member(object, key);
    if (value.is_null()) return std::nullopt;
    if (value.is_number() && std::abs(value.get<double>()) <= max_history_figure) return value.get<double>();
    whole_ = false;
    return std::nullopt;
  }

  HistoryTotals totals(const json& value) {
    HistoryTotals totals;
    totals.jobs = number(member(value, "jobs"));
    totals.tokens = number(member(value, "tokens"));
    totals.given = span(member(value, "given_ms"));
    return totals;
  }

  HistoryDay day(const json& value) {
    HistoryDay day;
    const json& date = member(value, "date");
    const auto number = date.is_string() ? parse_date(date.get_ref<const std::string&>()) : std::nullopt;
    day.day = number.value_or(0);
    day.totals = totals(value);
    const json& paused = member(value, "paused_ms");
    whole_ = whole_ && number && paused.is_object() && paused.size() <= max_pause_codes;
    if (!whole_) return day;
    for (const auto& [code, time] : paused.items()) {
      if (code.empty() || code.size() > max_pause_code_bytes) whole_ = false;
      day.paused.emplace(code, span(time));
    }
    return day;
  }

  HistorySample sample(const json& value) {
    HistorySample sample;
    sample.at = static_cast<std::int64_t>(number(member(value, "at")));
    sample.readings = static_cast<std::uint32_t>(number(member(value, "readings"), max_sample_readings));
    sample.figures.percent = figure(value, "gpu_percent");
    sample.figures.temperature_celsius = figure(value, "temperature_celsius");
    sample.figures.power_watts = figure(value, "power_watts");
    const json& bytes = member(value, "vram_bytes");
    if (!bytes.is_null()) sample.figures.memory_bytes = number(bytes);
    return sample;
  }

 private:
  bool whole_ = true;
};

template <class List, class Key>
bool is_rising(const List& list, Key key) {
  return std::adjacent_find(list.begin(), list.end(),
                            [key](const auto& one, const auto& next) { return one.*key >= next.*key; }) == list.end();
}

}  // namespace

json to_json(const History& history) {
  json out = {{"days", json::array()}, {"samples", json::array()}};
  for (const HistoryDay& day : history.days()) {
    json paused = json::object();
    for (const auto& [code, span] : day.paused)
      paused[valid_utf8(code, max_pause_code_bytes)] = seconds(span);
    out["days"].push_back({{"date", date_text(day.day)},
                           {"jobs", day.totals.jobs},
                           {"tokens", day.totals.tokens},
                           {"given_seconds", seconds(day.totals.given)},
                           {"paused_seconds", std::move(paused)}});
  }
  for (const HistorySample& sample : history.samples())
    out["samples"].push_back(figures_json(sample));
  const HistoryTotals& totals = history.totals();
  out["totals"] = {{"jobs", totals.jobs}, {"tokens", totals.tokens}, {"given_seconds", seconds(totals.given)}};
  return out;
}

std::string write_history(const History& history) {
  json out = {{"version", format_version}, {"days", json::array()}, {"samples", json::array()}};
  for (const HistoryDay& day : history.days()) {
    json kept = kept_totals(day.totals);
    kept["date"] = date_text(day.day);
    kept["paused_ms"] = json::object();
    for (const auto& [code, span] : day.paused)
      kept["paused_ms"][valid_utf8(code, max_pause_code_bytes)] = span.count();
    out["days"].push_back(std::move(kept));
  }
  for (const HistorySample& sample : history.samples()) {
    json kept = figures_json(sample);
    kept["readings"] = sample.readings;
    out["samples"].push_back(std::move(kept));
  }
  out["totals"] = kept_totals(history.totals());
  return out.dump() + "\n";
}

Result<History> read_history(std::string_view text) {
  if (text.size() > max_history_bytes) return Error(ErrorCode::too_large, "too long for a history");
  bool too_deep = false;
  const auto watch_depth = [&too_deep](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > max_depth;
    return !too_deep;
  };
  const json parsed = json::parse(text, watch_depth, false);
  const Error broken(ErrorCode::protocol, "this is no history of a worker");
  if (too_deep || !parsed.is_object()) return broken;
  const auto version = parsed.find("version");
  if (version == parsed.end() || !version->is_number_unsigned()) return broken;
  if (*version != format_version) return Error(ErrorCode::unsupported, "another version of GoGrid wrote it");
  Reader reader;
  History history;
  for (const json& day : reader.list(parsed, "days", max_history_days))
    history.days_.push_back(reader.day(day));
  for (const json& sample : reader.list(parsed, "samples", max_samples))
    history.samples_.push_back(reader.sample(sample));
  history.totals_ = reader.totals(reader.member(parsed, "totals"));
  const bool in_order = is_rising(history.days_, &HistoryDay::day) && is_rising(history.samples_, &HistorySample::at);
  if (!reader.whole() || !in_order) return broken;
  return history;
}

}  // namespace gogrid::worker
