#include "coordinator/api/byte_range.hpp"

#include <gtest/gtest.h>

namespace gogrid::coordinator {
namespace {

using Kind = ByteRange::Kind;

TEST(ByteRange, FollowsTheRfc) {
  const struct {
    std::optional<std::string_view> header;
    std::uint64_t size;
    Kind kind;
    std::uint64_t first, length;
  } table[] = {
      {std::nullopt, 100, Kind::whole, 0, 100},
      {"bytes=0-", 100, Kind::part, 0, 100},
      {"bytes=10-", 100, Kind::part, 10, 90},
      {"bytes=10-19", 100, Kind::part, 10, 10},
      {"bytes=99-99", 100, Kind::part, 99, 1},
      {"bytes=10-1000", 100, Kind::part, 10, 90},
      {"bytes=-10", 100, Kind::part, 90, 10},
      {"bytes=-1000", 100, Kind::part, 0, 100},
      {"bytes=100-", 100, Kind::unsatisfiable, 0, 0},
      {"bytes=100-200", 100, Kind::unsatisfiable, 0, 0},
      {"bytes=-0", 100, Kind::unsatisfiable, 0, 0},
      {"bytes=0-", 0, Kind::unsatisfiable, 0, 0},
      {"bytes=0-18446744073709551615", 100, Kind::part, 0, 100},
      // Ignored.
      {"bytes=0-18446744073709551616", 100, Kind::whole, 0, 100},
      {"bytes=20-10", 100, Kind::whole, 0, 100},
      {"bytes=0-1,5-6", 100, Kind::whole, 0, 100},
      {"bytes=", 100, Kind::whole, 0, 100},
      {"bytes=-", 100, Kind::whole, 0, 100},
      {"bytes=a-b", 100, Kind::whole, 0, 100},
      {"bytes=1x-", 100, Kind::whole, 0, 100},
      {"lines=1-2", 100, Kind::whole, 0, 100},
  };
  for (const auto& row : table) {
    const ByteRange range = parse_byte_range(row.header, row.size);
    EXPECT_EQ(range.kind, row.kind) << row.header.value_or("none");
    if (range.kind == Kind::unsatisfiable) continue;
    EXPECT_EQ(range.first, row.first) << row.header.value_or("none");
    EXPECT_EQ(range.length, row.length) << row.header.value_or("none");
  }
}

}  // namespace
}  // namespace gogrid::coordinator
