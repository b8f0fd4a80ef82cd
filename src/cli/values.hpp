// Values of options that are more than a word or a number: moments, days, names with values. Pure functions, any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "client/coordinator_client.hpp"

namespace gogrid::cli {

// A moment as seconds since 1970: "+10m" from now, "18:30" (the next time it is), "2026-11-28 18:30", with a "T" in
// place of the space, with seconds, with a "Z" for UTC, or the seconds themselves. Without the "Z" it is the machine's
// own time. The error names `what`.
Result<std::int64_t> parse_moment(std::string_view text, std::int64_t now, std::string_view what);

// "2026-11-28", as it is; other texts are an error that names `what`.
Result<std::string> parse_day(std::string_view text, std::string_view what);

// {"a=b", …} taken apart at the first "=".
Result<client::NamedTexts> parse_pairs(const std::vector<std::string>& texts, std::string_view what);

}  // namespace gogrid::cli
