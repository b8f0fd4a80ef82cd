// Text for terminals: what servers and models say is made harmless, widths are counted in columns, numbers and times
// are shown as people read them. Pure functions, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace gogrid::cli {

// Columns the text takes on a terminal: two for wide East Asian characters and emoji, none for combining marks. Invalid
// UTF-8 counts one column a byte.
std::size_t display_width(std::string_view text);
// At most `columns` wide, with "…" in place of what was cut.
std::string shorten(std::string_view text, std::size_t columns);

// The same for text that styled() has coloured, which is left uncoloured at its end.
std::string shorten_styled(std::string_view text, std::size_t columns);

enum class Style { none, bold, dim, red, green, yellow, cyan };
// `text` in that style if `colour`, as it is otherwise.
std::string styled(Style style, std::string_view text, bool colour);

// "0 B", "812 B", "7.6 MiB", "1.5 GiB"
std::string format_bytes(std::uint64_t bytes);
// "45 s", "3 min 5 s", "2 h 10 min", "4 d 3 h"
std::string format_duration(std::chrono::seconds duration);
// "12.3/s", "4.2/min", "3.1/h": in the unit that has a digit before the point.
std::string format_rate(double per_second);
// "about 40 s", "about 5 min"; "unknown" for nullopt.
std::string format_estimate(std::optional<std::int64_t> seconds);
// "3 min ago", "in 2 h 10 min", "just now"; "-" for nullopt. Both in seconds since 1970.
std::string format_when(std::optional<std::int64_t> time, std::int64_t now);
// "2024-05-01 12:30:05 UTC"
std::string format_time(std::int64_t unix_seconds);

// "90", "30s", "24h", "30d": at least a second. The error names `what`.
Result<std::int64_t> parse_duration_seconds(std::string_view text, std::string_view what);

}  // namespace gogrid::cli
