#include "cli/progress.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "cli/formatter/text.hpp"

namespace gogrid::cli {
namespace {

constexpr std::chrono::seconds rate_window{5};
constexpr std::chrono::milliseconds least_span{200};
constexpr std::chrono::milliseconds draw_interval{100};
constexpr std::size_t least_bar_columns = 6;
constexpr std::size_t most_bar_columns = 40;

}  // namespace

void RateMeter::add(ProgressTime now, std::uint64_t done_bytes) {
  // Going back, after a broken connection, starts anew.
  if (!samples_.empty() && done_bytes < samples_.back().done_bytes) samples_.clear();
  samples_.push_back({now, done_bytes});
  while (samples_.size() > 2 && now - samples_.front().time > rate_window)
    samples_.pop_front();
}

std::optional<double> RateMeter::bytes_per_second() const {
  if (samples_.size() < 2) return std::nullopt;
  const auto span = samples_.back().time - samples_.front().time;
  const std::uint64_t bytes = samples_.back().done_bytes - samples_.front().done_bytes;
  if (span < least_span || bytes == 0) return std::nullopt;
  return static_cast<double>(bytes) / std::chrono::duration<double>(span).count();
}

std::string progress_line(const std::string& label, std::uint64_t done_bytes, std::uint64_t total_bytes,
                          std::optional<double> bytes_per_second, std::size_t width) {
  done_bytes = std::min(done_bytes, total_bytes);
  const double part = total_bytes == 0 ? 1 : static_cast<double>(done_bytes) / static_cast<double>(total_bytes);
  std::string numbers = fmt::format("{:3} %  {} of {}", static_cast<int>(part * 100), format_bytes(done_bytes),
                                    format_bytes(total_bytes));
  if (bytes_per_second) {
    numbers += fmt::format("  {}/s", format_bytes(static_cast<std::uint64_t>(*bytes_per_second)));
    const double left = std::min(static_cast<double>(total_bytes - done_bytes) / *bytes_per_second, 1e8);
    numbers += fmt::format("  {} left", format_duration(std::chrono::seconds(std::llround(left))));
  }
  const std::size_t taken = display_width(label) + display_width(numbers) + 6;
  std::string line = label + "  ";
  if (width >= taken + least_bar_columns) {
    const std::size_t columns = std::min(width - taken, most_bar_columns);
    const auto full = static_cast<std::size_t>(part * static_cast<double>(columns));
    line += "[" + std::string(full, '#') + std::string(columns - full, '.') + "]  ";
  }
  return shorten(line + numbers, width);
}

Progress::Progress(Terminal& terminal, std::string label, std::uint64_t total_bytes)
    : terminal_(terminal), label_(std::move(label)), total_bytes_(total_bytes) {
  if (!terminal_.error_is_terminal()) terminal_.error(fmt::format("{} {}\n", label_, format_bytes(total_bytes_)));
}

Progress::~Progress() { clear(); }

void Progress::update(std::uint64_t done_bytes, ProgressTime now) {
  if (!terminal_.error_is_terminal() || now < next_draw_) return;
  next_draw_ = now + draw_interval;
  rate_.add(now, done_bytes);
  const std::size_t width = terminal_.width();
  // A line that fills the last column would wrap on some terminals. CSI K clears what a longer line left.
  terminal_.error("\r" +
                  progress_line(label_, done_bytes, total_bytes_, rate_.bytes_per_second(), width > 1 ? width - 1 : 1) +
                  "\x1b[K");
  drawn_ = true;
}

void Progress::note(const std::string& line) {
  clear();
  terminal_.error(line + "\n");
}

void Progress::clear() {
  if (drawn_) terminal_.error("\r\x1b[K");
  drawn_ = false;
}

}  // namespace gogrid::cli
