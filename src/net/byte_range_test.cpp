#include "net/byte_range.hpp"

#include <gtest/gtest.h>

namespace gogrid::net {
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
    if (range.kind != Kind::unsatisfiable) {
      EXPECT_EQ(range.first, row.first) << row.header.value_or("none");
      EXPECT_EQ(range.length, row.length) << row.header.value_or("none");
    }
    if (range.kind == Kind::whole) continue;
    // Who asked reads what was answered.
    const ContentRange answer = parse_content_range(content_range(range, row.size));
    EXPECT_EQ(answer.first.has_value(), range.kind == Kind::part) << row.header.value_or("none");
    EXPECT_EQ(answer.first.value_or(0), row.first) << row.header.value_or("none");
    EXPECT_EQ(answer.total_bytes, row.size) << row.header.value_or("none");
  }
}

TEST(ContentRange, IsNothingWhenItContradictsItself) {
  using Number = std::optional<std::uint64_t>;
  const struct {
    std::string_view header;
    Number first, total;
  } table[] = {
      {"bytes 100-199/200", 100, 200},
      {"bytes 0-0/1", 0, 1},
      {"bytes 100-199/*", 100, std::nullopt},
      {"bytes */200", std::nullopt, 200},
      {"bytes */*", std::nullopt, std::nullopt},
      {"bytes 100-199/199", std::nullopt, std::nullopt},
      {"bytes 100-99/200", std::nullopt, std::nullopt},
      {"bytes 100-199/18446744073709551616", std::nullopt, std::nullopt},
      {"bytes 100-/200", std::nullopt, std::nullopt},
      {"bytes -199/200", std::nullopt, std::nullopt},
      {"bytes 100/200", std::nullopt, std::nullopt},
      {"bytes 100-199", std::nullopt, std::nullopt},
      {"bytes 100-199/", std::nullopt, std::nullopt},
      {"bytes=100-199/200", std::nullopt, std::nullopt},
      {"bytes", std::nullopt, std::nullopt},
      {"bytes/200", std::nullopt, std::nullopt},
      {"", std::nullopt, std::nullopt},
  };
  for (const auto& row : table) {
    const ContentRange range = parse_content_range(row.header);
    EXPECT_EQ(range.first, row.first) << row.header;
    EXPECT_EQ(range.total_bytes, row.total) << row.header;
  }
}

}  // namespace
}  // namespace gogrid::net
