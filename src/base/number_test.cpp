#include "base/number.hpp"

#include <gtest/gtest.h>

namespace gogrid {
namespace {

TEST(ParseNumber, TakesTheWholeTextAsOneNumberThatFits) {
  EXPECT_EQ(parse_number("0"), 0u);
  EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_number<std::int64_t>("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(parse_number<std::uint16_t>("0065535"), 65535);
  EXPECT_EQ(parse_number<std::uint32_t>("ff", 16), 255u);
  for (const char* text : {"", "-", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "18446744073709551616"})
    EXPECT_FALSE(parse_number(text)) << text;
  EXPECT_FALSE(parse_number<std::uint16_t>("65536"));
  EXPECT_FALSE(parse_number<std::int64_t>("9223372036854775808"));
  EXPECT_FALSE(parse_number(std::string_view("1\0", 2)));
}

}  // namespace
}  // namespace gogrid
