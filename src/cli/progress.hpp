// A progress bar on standard error, where that is a terminal; elsewhere one line at the start and none after. One
// owner, one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "cli/terminal.hpp"

namespace gogrid::cli {

using ProgressTime = std::chrono::steady_clock::time_point;

// Bytes a second over the last few seconds.
class RateMeter {
 public:
  void add(ProgressTime now, std::uint64_t done_bytes);
  // nullopt until two samples a little apart are there, and when nothing moved.
  std::optional<double> bytes_per_second() const;

 private:
  struct Sample {
    ProgressTime time;
    std::uint64_t done_bytes;
  };
  std::deque<Sample> samples_;
};

// "Uploading  [######......]  45 %  1.2 GiB of 2.7 GiB  85.1 MiB/s  18 s left", no wider than `width` columns.
std::string progress_line(const std::string& label, std::uint64_t done_bytes, std::uint64_t total_bytes,
                          std::optional<double> bytes_per_second, std::size_t width);

class Progress {
 public:
  // `label` is one word or two: "Uploading".
  Progress(Terminal& terminal, std::string label, std::uint64_t total_bytes);
  // Takes the bar away.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Drawn ten times a second at most.
  void update(std::uint64_t done_bytes, ProgressTime now = std::chrono::steady_clock::now());
  // A line that stays, above the bar.
  void note(const std::string& line);

 private:
  void clear();

  Terminal& terminal_;
  std::string label_;
  std::uint64_t total_bytes_;
  RateMeter rate_;
  ProgressTime next_draw_{};
  bool drawn_ = false;
};

}  // namespace gogrid::cli
