#include "coordinator/api/byte_range.hpp"

#include <algorithm>
#include <charconv>

namespace gogrid::coordinator {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

ByteRange parse_byte_range(std::optional<std::string_view> header, std::uint64_t size_bytes) {
  ByteRange whole;
  whole.length = size_bytes;
  constexpr std::string_view unit = "bytes=";
  if (!header || !header->starts_with(unit)) return whole;
  const std::string_view text = header->substr(unit.size());
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return whole;
  const auto first = number(text.substr(0, dash));
  const auto last = number(text.substr(dash + 1));
  ByteRange range;
  range.kind = ByteRange::Kind::part;
  if (dash == 0) {
    if (!last) return whole;
    range.length = std::min(*last, size_bytes);
    range.first = size_bytes - range.length;
  } else {
    const bool open_ended = dash + 1 == text.size();
    if (!first || (!last && !open_ended) || (last && *last < *first)) return whole;
    range.first = *first;
    if (range.first < size_bytes)
      range.length = std::min(last.value_or(size_bytes - 1), size_bytes - 1) - range.first + 1;
  }
  if (range.length == 0) range.kind = ByteRange::Kind::unsatisfiable;
  return range;
}

}  // namespace gogrid::coordinator
