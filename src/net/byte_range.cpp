#include "net/byte_range.hpp"

#include <algorithm>
#include <cassert>

#include "base/number.hpp"

namespace gogrid::net {

ByteRange parse_byte_range(std::optional<std::string_view> header, std::uint64_t size_bytes) {
  ByteRange whole;
  whole.length = size_bytes;
  constexpr std::string_view unit = "bytes=";
  if (!header || !header->starts_with(unit)) return whole;
  const std::string_view text = header->substr(unit.size());
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return whole;
  const auto first = parse_number(text.substr(0, dash));
  const auto last = parse_number(text.substr(dash + 1));
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

std::string content_range(const ByteRange& range, std::uint64_t size_bytes) {
  assert(range.kind != ByteRange::Kind::whole);
  const std::string part = range.kind == ByteRange::Kind::part
                               ? std::to_string(range.first) + "-" + std::to_string(range.first + range.length - 1)
                               : "*";
  return "bytes " + part + "/" + std::to_string(size_bytes);
}

ContentRange parse_content_range(std::string_view header) {
  constexpr std::string_view unit = "bytes ";
  const auto slash = header.find('/');
  if (!header.starts_with(unit) || slash == std::string_view::npos) return {};
  const std::string_view part = header.substr(unit.size(), slash - unit.size());
  const std::string_view size = header.substr(slash + 1);
  ContentRange range;
  range.total_bytes = parse_number(size);
  if (!range.total_bytes && size != "*") return {};
  if (part == "*") return range;
  const auto dash = std::min(part.find('-'), part.size());
  range.first = parse_number(part.substr(0, dash));
  const auto last = parse_number(part.substr(std::min(dash + 1, part.size())));
  if (!range.first || !last || *last < *range.first || (range.total_bytes && *range.total_bytes <= *last)) return {};
  return range;
}

}  // namespace gogrid::net
