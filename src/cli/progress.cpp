#include "cli/progress.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "cli/formatter/text.hpp"

namespace gogrid::cli {
namespace {

constexpr std::chrono::milliseconds least_span{200};
constexpr std::chrono::milliseconds draw_interval{100};
constexpr std::size_t least_bar_columns = 6;
constexpr std::size_t most_bar_columns = 40;

// Answers of models come seldom.
std::chrono::seconds window_of(ProgressUnit unit) { return std::chrono::seconds(unit == ProgressUnit::bytes ? 5 : 60); }

std::string count_text(std::uint64_t count, ProgressUnit unit) {
  return unit == ProgressUnit::bytes ? format_bytes(count) : std::to_string(count);
}

std::string rate_text(double per_second, ProgressUnit unit) {
  if (unit == ProgressUnit::bytes) return format_bytes(static_cast<std::uint64_t>(per_second)) + "/s";
  return format_rate(per_second);
}

}  // namespace

void RateMeter::add(ProgressTime now, std::uint64_t done) {
  // Going back, after a broken connection, starts anew.
  if (!samples_.empty() && done < samples_.back().done) samples_.clear();
  samples_.push_back({now, done});
  while (samples_.size() > 2 && now - samples_.front().time > window_)
    samples_.pop_front();
}

std::optional<double> RateMeter::per_second() const {
  if (samples_.size() < 2) return std::nullopt;
  const auto span = samples_.back().time - samples_.front().time;
  const std::uint64_t done = samples_.back().done - samples_.front().done;
  if (span < least_span || done == 0) return std::nullopt;
  return static_cast<double>(done) / std::chrono::duration<double>(span).count();
}

std::string progress_line(ProgressState state, std::size_t width) {
  const std::uint64_t done = std::min(state.done, state.total);
  const double part = state.total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(state.total);
  std::string numbers = fmt::format("{:3} %  {} of {}", static_cast<int>(part * 100), count_text(done, state.unit),
                                    count_text(state.total, state.unit));
  if (state.per_second) {
    numbers += "  " + rate_text(*state.per_second, state.unit);
    const double left = std::min(static_cast<double>(state.total - done) / *state.per_second, 1e8);
    numbers += fmt::format("  {} left", format_duration(std::chrono::seconds(std::llround(left))));
  }
  if (!state.remark.empty()) numbers += "  " + state.remark;
  const std::size_t taken = display_width(state.label) + display_width(numbers) + 6;
  std::string line = state.label + "  ";
  if (width >= taken + least_bar_columns) {
    const std::size_t columns = std::min(width - taken, most_bar_columns);
    const auto full = static_cast<std::size_t>(part * static_cast<double>(columns));
    line += "[" + std::string(full, '#') + std::string(columns - full, '.') + "]  ";
  }
  return shorten(line + numbers, width);
}

Progress::Progress(Terminal& terminal, std::string label, std::uint64_t total, ProgressUnit unit)
    : terminal_(terminal), line_(terminal), rate_(window_of(unit)) {
  state_.label = std::move(label);
  state_.unit = unit;
  state_.total = total;
  if (terminal_.error_is_terminal()) return;
  const std::string what = count_text(total, unit) + (unit == ProgressUnit::bytes ? ""
                                                      : total == 1                ? " line"
                                                                                  : " lines");
  terminal_.error(state_.label + " " + what + "\n");
}

void Progress::update(std::uint64_t done, ProgressTime now) {
  if (!terminal_.error_is_terminal() || now < next_draw_) return;
  next_draw_ = now + draw_interval;
  rate_.add(now, done);
  state_.done = done;
  state_.per_second = rate_.per_second();
  line_.show(progress_line(state_, line_.width()));
}

}  // namespace gogrid::cli
