// History: what this worker gave, for its owner: jobs, tokens and time by day, how long it was paused for what, and how
// the GPUs were used in the last 24 hours. No prompt, no answer, no model's name and no user is in it. Pure: times come
// in. Owned by the HistoryKeeper; event loop thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "worker/history/calendar.hpp"

namespace gogrid::worker {

inline constexpr std::size_t max_history_days = 400;
inline constexpr std::chrono::minutes sample_interval{5};
inline constexpr std::chrono::hours samples_kept_for{24};
// One more than fit into that time, as it begins in the middle of one.
inline constexpr std::size_t max_samples = samples_kept_for / sample_interval + 1;
inline constexpr std::uint32_t max_sample_readings = 1'000'000;
// Of degrees and watts, and of all other numbers: what drivers and engines that are wrong may say.
inline constexpr double max_history_figure = 1'000'000;
inline constexpr std::uint64_t max_history_number = std::uint64_t{1} << 53;
// Of its file.
inline constexpr std::size_t max_history_bytes = 1024 * 1024;
// Of different reasons in a day, and of the text of one.
inline constexpr std::size_t max_pause_codes = 32;
inline constexpr std::size_t max_pause_code_bytes = 32;

struct HistoryTotals {
  // Requests and jobs that were answered to the end.
  std::uint64_t jobs = 0;
  // Read and generated for them, and for those that went on elsewhere.
  std::uint64_t tokens = 0;
  // In which at least one of them ran.
  std::chrono::milliseconds given{0};

  bool operator==(const HistoryTotals&) const = default;
};

struct HistoryDay {
  DayNumber day = 0;
  HistoryTotals totals;
  // By reason, how long the machine or a part of it was paused for it. Several may have held at the same time.
  std::map<std::string, std::chrono::milliseconds, std::less<>> paused;

  bool operator==(const HistoryDay&) const = default;
};

// Of all GPUs together; nullopt is what no driver said.
struct GpuFigures {
  std::optional<double> percent;              // the mean
  std::optional<std::uint64_t> memory_bytes;  // the sum
  std::optional<double> temperature_celsius;  // the highest
  std::optional<double> power_watts;          // the sum

  bool operator==(const GpuFigures&) const = default;
};

struct HistorySample {
  // When its five minutes began, in seconds since 1970.
  std::int64_t at = 0;
  // Readings that it is made of. Load and power are their mean, memory and temperature the highest.
  std::uint32_t readings = 0;
  GpuFigures figures;

  bool operator==(const HistorySample&) const = default;
};

class History {
 public:
  void count_job(const Calendar& calendar, SystemTime now);
  void count_tokens(const Calendar& calendar, SystemTime now, std::uint64_t tokens);
  // A span that ended at `until`; what it has of each day is counted there.
  void add_given(const Calendar& calendar, SystemTime until, std::chrono::milliseconds span);
  void add_paused(const Calendar& calendar, SystemTime until, std::chrono::milliseconds span, std::string_view code);
  void add_reading(SystemTime now, const GpuFigures& figures);

  // The oldest first.
  const std::vector<HistoryDay>& days() const { return days_; }
  const std::vector<HistorySample>& samples() const { return samples_; }
  // Of all time, also of days that are not kept any more.
  const HistoryTotals& totals() const { return totals_; }

  bool operator==(const History&) const = default;

 private:
  friend Result<History> read_history(std::string_view text);
  HistoryDay* day(DayNumber number);

  std::vector<HistoryDay> days_;
  std::vector<HistorySample> samples_;
  HistoryTotals totals_;
};

// As others are shown it: days and samples with the oldest first, and totals; times in seconds.
nlohmann::json to_json(const History& history);

// As it is kept, in the format's version 1.
std::string write_history(const History& history);
// The opposite. `unsupported`: another version's; `protocol`: no history; `too_large`.
Result<History> read_history(std::string_view text);

}  // namespace gogrid::worker
