#include "base/ordered_id.hpp"

namespace gogrid {
namespace {
constexpr std::size_t digits_count = 16;
}

std::string ordered_id_digits(std::int64_t value) {
  std::string text(digits_count, '0');
  auto rest = static_cast<std::uint64_t>(value);
  for (std::size_t at = digits_count; at-- > 0; rest >>= 4)
    text[at] = "0123456789abcdef"[rest & 15];
  return text;
}

std::optional<std::int64_t> parse_ordered_id_digits(std::string_view digits) {
  if (digits.size() != digits_count) return std::nullopt;
  std::uint64_t value = 0;
  for (const char digit : digits) {
    const bool number = digit >= '0' && digit <= '9';
    if (!number && (digit < 'a' || digit > 'f')) return std::nullopt;
    value = value << 4 | static_cast<std::uint64_t>(number ? digit - '0' : digit - 'a' + 10);
  }
  if (value == 0 || value > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

}  // namespace gogrid
