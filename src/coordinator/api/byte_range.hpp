// One byte range of a "Range" header (RFC 9110 §14.1.2). Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gogrid::coordinator {

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

}  // namespace gogrid::coordinator
