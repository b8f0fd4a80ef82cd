// Numbers in text from elsewhere. Pure, any thread.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gogrid {

// The whole text is one number that fits: digits of the base, before them a "-" where the type has a sign. Neither "+"
// nor white space nor a prefix as "0x" belongs to one.
template <std::integral Number = std::uint64_t>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace gogrid
