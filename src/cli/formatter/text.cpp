#include "cli/formatter/text.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include "base/config.hpp"
#include "base/utf8.hpp"

namespace gogrid::cli {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

template <std::size_t Count>
bool in_any(const std::array<Range, Count>& ranges, char32_t value) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [value](Range range) { return value >= range.first && value <= range.last; });
}

// The blocks that matter of Unicode's EastAsianWidth (W and F) and of the marks without width.
constexpr std::array wide{Range{0x1100, 0x115f},   Range{0x2e80, 0x303e},   Range{0x3041, 0xa4cf},
                          Range{0xac00, 0xd7a3},   Range{0xf900, 0xfaff},   Range{0xfe30, 0xfe6f},
                          Range{0xff00, 0xff60},   Range{0xffe0, 0xffe6},   Range{0x1f300, 0x1f64f},
                          Range{0x1f680, 0x1f6ff}, Range{0x1f900, 0x1f9ff}, Range{0x20000, 0x3fffd}};
constexpr std::array no_width{Range{0x300, 0x36f},   Range{0x483, 0x489},   Range{0x591, 0x5bd},
                              Range{0x64b, 0x65f},   Range{0x200b, 0x200f}, Range{0x20d0, 0x20ff},
                              Range{0xfe00, 0xfe0f}, Range{0xfeff, 0xfeff}, Range{0xe0100, 0xe01ef}};

std::size_t width_of(char32_t value) {
  if (in_any(no_width, value)) return 0;
  return in_any(wide, value) ? 2 : 1;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    width += point.bytes == 0 ? 1 : width_of(point.value);
    text.remove_prefix(std::max<std::size_t>(point.bytes, 1));
  }
  return width;
}

std::string shorten(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return "";
  std::size_t width = 0;
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const CodePoint point = decode_utf8(text.substr(bytes));
    const std::size_t next = point.bytes == 0 ? 1 : width_of(point.value);
    if (width + next > columns - 1) break;
    width += next;
    bytes += std::max<std::size_t>(point.bytes, 1);
  }
  return std::string(text.substr(0, bytes)) + "…";
}

std::string shorten_styled(std::string_view text, std::size_t columns) {
  constexpr std::string_view reset = "\x1b[0m";
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    // Nothing but SGR stands in such a text.
    if (text[at] == '\x1b') {
      at = std::min(text.find('m', at), text.size() - 1);
    } else {
      plain += text[at];
    }
  }
  if (display_width(plain) <= columns) return std::string(text);
  const std::string kept = shorten(plain, columns);
  std::size_t left = kept.ends_with("…") ? kept.size() - std::string_view("…").size() : kept.size();
  std::string out;
  bool is_styled = false;
  for (std::size_t at = 0; at < text.size() && left > 0; ++at) {
    if (text[at] == '\x1b') {
      const std::size_t end = std::min(text.find('m', at), text.size() - 1);
      out += text.substr(at, end - at + 1);
      is_styled = text.substr(at, end - at + 1) != reset;
      at = end;
    } else {
      out += text[at];
      --left;
    }
  }
  out += kept.ends_with("…") ? "…" : "";
  return is_styled ? out + std::string(reset) : out;
}

std::string styled(Style style, std::string_view text, bool colour) {
  // ECMA-48 SGR parameters, by Style.
  constexpr std::array<std::string_view, 7> codes{"", "1", "2", "31", "32", "33", "36"};
  const std::string_view code = codes[static_cast<std::size_t>(style)];
  if (!colour || code.empty() || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 6> units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 1023.96 would be shown as "1024.0".
  while (value >= 1023.95 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string format_duration(std::chrono::seconds duration) {
  const std::int64_t seconds = std::max<std::int64_t>(duration.count(), 0);
  const auto two = [](std::int64_t large, std::string_view large_unit, std::int64_t small,
                      std::string_view small_unit) {
    if (small == 0) return fmt::format("{} {}", large, large_unit);
    return fmt::format("{} {} {} {}", large, large_unit, small, small_unit);
  };
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return two(seconds / 60, "min", seconds % 60, "s");
  if (seconds < 86400) return two(seconds / 3600, "h", seconds / 60 % 60, "min");
  return two(seconds / 86400, "d", seconds / 3600 % 24, "h");
}

std::string format_rate(double per_second) {
  if (per_second >= 1) return fmt::format("{:.1f}/s", per_second);
  if (per_second * 60 >= 1) return fmt::format("{:.1f}/min", per_second * 60);
  return fmt::format("{:.1f}/h", per_second * 3600);
}

std::string format_estimate(std::optional<std::int64_t> seconds) {
  if (!seconds) return "unknown";
  return "about " + format_duration(std::chrono::seconds(*seconds));
}

std::string format_when(std::optional<std::int64_t> time, std::int64_t now) {
  constexpr std::int64_t far = 100'000'000'000;
  if (!time || *time <= 0 || *time > far) return "-";
  const std::int64_t distance = *time > now ? *time - now : now - *time;
  // One unit is enough to place a moment.
  const std::int64_t unit = distance >= 86400 ? 86400 : distance >= 3600 ? 3600 : distance >= 60 ? 60 : 1;
  if (distance < 2) return "just now";
  const std::string length = format_duration(std::chrono::seconds((distance + unit / 2) / unit * unit));
  return *time > now ? "in " + length : length + " ago";
}

std::string format_time(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  if (!::gmtime_r(&time, &parts)) return "-";
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

Result<std::int64_t> parse_duration_seconds(std::string_view text, std::string_view what) {
  std::chrono::milliseconds duration{0};
  if (!SettingTarget(duration).assign(text) || duration < std::chrono::seconds(1)) {
    return Error(ErrorCode::invalid_argument, fmt::format("{} must be a time such as 30m, 24h or 7d", what));
  }
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

}  // namespace gogrid::cli
