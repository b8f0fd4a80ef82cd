// A progress bar on standard error, where that is a terminal; elsewhere one line at the start and none after. One
// owner, one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "cli/status_line.hpp"

namespace gogrid::cli {

using ProgressTime = std::chrono::steady_clock::time_point;

// What is counted: how numbers are shown, and how long is looked back for their rate.
enum class ProgressUnit { bytes, lines };

// Units a second over the last few seconds.
class RateMeter {
 public:
  explicit RateMeter(std::chrono::seconds window = std::chrono::seconds(5)) : window_(window) {}

  void add(ProgressTime now, std::uint64_t done);
  // nullopt until two samples a little apart are there, and when nothing moved.
  std::optional<double> per_second() const;

 private:
  struct Sample {
    ProgressTime time;
    std::uint64_t done;
  };
  std::chrono::seconds window_;
  std::deque<Sample> samples_;
};

struct ProgressState {
  // One word or two: "Uploading".
  std::string label;
  ProgressUnit unit = ProgressUnit::bytes;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::optional<double> per_second;
  // Stands at the end: "3 failed".
  std::string remark;
};

// "Uploading  [######......]  45 %  1.2 GiB of 2.7 GiB  85.1 MiB/s  18 s left", no wider than `width` columns.
std::string progress_line(ProgressState state, std::size_t width);

class Progress {
 public:
  Progress(Terminal& terminal, std::string label, std::uint64_t total, ProgressUnit unit = ProgressUnit::bytes);

  // Drawn ten times a second at most.
  void update(std::uint64_t done, ProgressTime now = std::chrono::steady_clock::now());
  void set_remark(std::string remark) { state_.remark = std::move(remark); }
  // A line that stays, above the bar.
  void note(const std::string& line) { line_.note(line); }

 private:
  Terminal& terminal_;
  StatusLine line_;
  ProgressState state_;
  RateMeter rate_;
  ProgressTime next_draw_{};
};

}  // namespace gogrid::cli
