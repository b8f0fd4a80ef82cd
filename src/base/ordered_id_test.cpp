#include "base/ordered_id.hpp"

#include <gtest/gtest.h>

namespace gogrid {
namespace {

struct ThingTag {
  static constexpr std::string_view prefix = "thing_";
};
using ThingId = OrderedId<ThingTag>;

TEST(OrderedId, TextAndBackAgain) {
  const ThingId id(0x0190c5e2a4400007);
  EXPECT_EQ(id.text(), "thing_0190c5e2a4400007");
  EXPECT_EQ(ThingId::parse(id.text()), id);
}

TEST(OrderedId, OnlyItsOwnTextIsTaken) {
  for (const char* text : {"", "thing_", "thing_0190c5e2a440000", "thing_0190c5e2a44000077", "thing_0190C5E2A4400007",
                           "thing_0190c5e2a440000g", "thing_0000000000000000", "thing_8000000000000000",
                           "other_0190c5e2a4400007", "thing_ 190c5e2a4400007", "thing_-190c5e2a4400007"}) {
    EXPECT_EQ(ThingId::parse(text), std::nullopt) << text;
  }
}

TEST(OrderedIds, GrowAlsoWhenTheClockGoesBack) {
  OrderedIds ids;
  const SystemTime now = from_unix_seconds(1'700'000'000);
  const auto first = ids.next(now);
  EXPECT_EQ(first, std::int64_t{1'700'000'000'000} << 22);
  const auto second = ids.next(now);
  EXPECT_GT(second, first);
  const auto third = ids.next(now - std::chrono::hours(1));
  EXPECT_GT(third, second);
  ids.pass(third + 1000);
  EXPECT_GT(ids.next(now), third + 1000);
}

}  // namespace
}  // namespace gogrid
