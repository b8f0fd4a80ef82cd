// Parts of a body (RFC 9110 §14): one byte range of a "Range" header, and the "Content-Range" that answers it. Pure,
// any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gogrid::net {

struct ByteRange {
  enum class Kind {
    whole,  // no range, or one that is ignored (several, another unit, malformed), as the RFC allows
    part,
    unsatisfiable,  // 416
  };
  Kind kind = Kind::whole;
  std::uint64_t first = 0;
  std::uint64_t length = 0;
};

ByteRange parse_byte_range(std::optional<std::string_view> header, std::uint64_t size_bytes);

// "bytes 100-199/200", or "bytes */200" of one that is unsatisfiable; a whole body has none.
std::string content_range(const ByteRange& range, std::uint64_t size_bytes);

// What is not there was not said. Nothing is there of a header that is malformed or contradicts itself.
struct ContentRange {
  // The first byte that the body holds.
  std::optional<std::uint64_t> first;
  // Of the whole, over the last byte that the body holds.
  std::optional<std::uint64_t> total_bytes;
};

ContentRange parse_content_range(std::string_view header);

}  // namespace gogrid::net
