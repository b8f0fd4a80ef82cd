// Moments, days and pairs are what a person means by them, and everything else is refused with an example.
#include "cli/values.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace gogrid::cli {
namespace {

// 2026-11-28 12:00:00 UTC, a Saturday.
constexpr std::int64_t noon = 1'795'867'200;

class MomentTest : public testing::Test {
 protected:
  // Central Europe's rules, written out: the machine need not know them.
  MomentTest() { set_zone("CET-1CEST,M3.5.0,M10.5.0/3"); }
  ~MomentTest() override { set_zone(""); }

  static void set_zone(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  static std::int64_t read(std::string_view text) { return parse_moment(text, noon, "--deadline").value(); }
};

TEST_F(MomentTest, AreReadInEveryFormThatPeopleUse) {
  EXPECT_EQ(read("+10m"), noon + 600);
  EXPECT_EQ(read("+1d"), noon + 86400);
  EXPECT_EQ(read("1795867200"), noon);
  EXPECT_EQ(read("2026-11-28T12:00:00Z"), noon);
  EXPECT_EQ(read("2026-11-28 12:00Z"), noon);
  EXPECT_EQ(read("2026-11-28T13:00"), noon);
  EXPECT_EQ(read("2026-07-01T14:00"), 1'782'907'200);  // in summer time
  EXPECT_EQ(read("2026-11-29"), noon + 11 * 3600);
}

TEST_F(MomentTest, ATimeOfDayIsTheNextOne) {
  EXPECT_EQ(read("12:30Z"), noon + 1800);
  EXPECT_EQ(read("12:00Z"), noon + 86400);
  EXPECT_EQ(read("11:59:59Z"), noon + 86399);
  EXPECT_EQ(read("13:30"), noon + 1800);
}

TEST_F(MomentTest, WhatIsNoTimeIsRefused) {
  for (const char* text : {"", "soon", "+", "+0", "+x", "2026-02-30", "2026-13-01T00:00", "24:00", "12:60", "12",
                           "12:00x", "-5m", "99999999999999999999", "2026-11-28T12:00:00ZZ", "1969-01-01"}) {
    const auto moment = parse_moment(text, noon, "--deadline");
    ASSERT_FALSE(moment) << text;
    EXPECT_NE(moment.error().detail.find("--deadline must be a time such as"), std::string::npos);
  }
}

TEST(ParseDay, TakesDaysOnly) {
  EXPECT_EQ(parse_day("2026-11-28", "--from").value(), "2026-11-28");
  for (const char* text : {"", "2026-11-31", "2026-1-1", "28.11.2026", "2026-11-28 ", "2026-11-28T00:00"})
    EXPECT_FALSE(parse_day(text, "--from")) << text;
}

TEST(ParsePairs, EndTheNameAtTheFirstEquals) {
  const auto pairs = parse_pairs({"a=b", "c==d", "e="}, "--label");
  ASSERT_TRUE(pairs);
  EXPECT_EQ(*pairs, (client::NamedTexts{{"a", "b"}, {"c", "=d"}, {"e", ""}}));
  EXPECT_FALSE(parse_pairs({"=b"}, "--label"));
  EXPECT_FALSE(parse_pairs({"b"}, "--label"));
}

}  // namespace
}  // namespace gogrid::cli
