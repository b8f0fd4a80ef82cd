// Text is measured and cut by columns, and numbers read well.
#include "cli/formatter/text.hpp"

#include <gtest/gtest.h>

namespace gogrid::cli {
namespace {

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width(""), 0u);
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("größe"), 5u);
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("e\xcc\x81"), 1u);
  EXPECT_EQ(display_width("👍"), 2u);
  EXPECT_EQ(display_width("\xff\xfe"), 2u);
  EXPECT_EQ(display_width("\xe6\x97"), 2u);
}

TEST(Shorten, CutsAtColumnsAndNeverInACharacter) {
  EXPECT_EQ(shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(shorten("abcdef", 4), "abc…");
  EXPECT_EQ(shorten("日本語", 4), "日…");
  EXPECT_EQ(shorten("abc", 0), "");
  EXPECT_EQ(shorten("abc", 1), "…");
}

TEST(Styled, OnlyWithColour) {
  EXPECT_EQ(styled(Style::red, "x", true), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(styled(Style::red, "x", false), "x");
  EXPECT_EQ(styled(Style::none, "x", true), "x");
}

TEST(Format, Bytes) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(format_bytes(1536ull * 1024 * 1024), "1.5 GiB");
  EXPECT_EQ(format_bytes(~std::uint64_t{0}), "16.0 EiB");
}

TEST(Format, DurationsAndMoments) {
  using std::chrono::seconds;
  EXPECT_EQ(format_duration(seconds(-5)), "0 s");
  EXPECT_EQ(format_duration(seconds(59)), "59 s");
  EXPECT_EQ(format_duration(seconds(185)), "3 min 5 s");
  EXPECT_EQ(format_duration(seconds(7200)), "2 h");
  EXPECT_EQ(format_duration(seconds(7830)), "2 h 10 min");
  EXPECT_EQ(format_duration(seconds(4 * 86400 + 3 * 3600)), "4 d 3 h");
  EXPECT_EQ(format_when(std::nullopt, 1000), "-");
  EXPECT_EQ(format_when(0, 1000), "-");
  EXPECT_EQ(format_when(1000, 1000), "just now");
  EXPECT_EQ(format_when(1000, 1190), "3 min ago");
  EXPECT_EQ(format_when(90'000, 1000), "in 1 d");
  EXPECT_EQ(format_when(INT64_MAX, 1000), "-");
  EXPECT_EQ(format_time(1'700'000'000), "2023-11-14 22:13:20 UTC");
}

TEST(ParseDuration, TakesUnitsAndNamesTheFlag) {
  EXPECT_EQ(parse_duration_seconds("90", "--expires").value(), 90);
  EXPECT_EQ(parse_duration_seconds("24h", "--expires").value(), 86400);
  EXPECT_EQ(parse_duration_seconds("7d", "--expires").value(), 7 * 86400);
  for (const char* bad : {"", "0", "1w", "-1h", "500ms", "x", "1e99d"}) {
    const auto parsed = parse_duration_seconds(bad, "--expires");
    ASSERT_FALSE(parsed) << bad;
    EXPECT_NE(parsed.error().detail.find("--expires"), std::string::npos);
  }
}

}  // namespace
}  // namespace gogrid::cli
