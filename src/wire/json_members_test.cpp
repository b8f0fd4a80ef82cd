#include "wire/json_members.hpp"

#include <gtest/gtest.h>

namespace gogrid::wire {
namespace {

TEST(JsonMembers, AreSlicesOfTheText) {
  const std::string text =
      " {\"a\" : 1.50 , \"b\\u0063\":[1, {\"]\": \"}\\\"\"}],\n\"d\": {\"e\": \"f, g\"} ,\"h\":\"\\\\\", \"i\":null}\n";
  const auto members = members_of(text);
  ASSERT_TRUE(members);
  ASSERT_EQ(members->size(), 5u);
  EXPECT_EQ((*members)[0].name, "a");
  EXPECT_EQ((*members)[0].value, "1.50");
  EXPECT_EQ((*members)[1].name, "bc");
  EXPECT_EQ((*members)[1].value, "[1, {\"]\": \"}\\\"\"}]");
  EXPECT_EQ((*members)[2].value, "{\"e\": \"f, g\"}");
  EXPECT_EQ((*members)[3].value, "\"\\\\\"");
  EXPECT_EQ((*members)[4].value, "null");
}

TEST(JsonMembers, OfAnEmptyObjectThereAreNone) {
  const auto members = members_of("{ }");
  ASSERT_TRUE(members);
  EXPECT_TRUE(members->empty());
}

TEST(JsonMembers, OnlyObjectsHaveThem) {
  for (const char* text : {"", "[1]", "1", "\"a\"", "{", "{\"a\"}", "{\"a\":1,}", "{\"a\":1} x", "nul", "{a:1}"})
    EXPECT_FALSE(members_of(text)) << text;
}

TEST(JsonMembers, DeepNestingTakesNoStack) {
  const std::size_t depth = 1'000'000;
  const std::string text = "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  const auto members = members_of(text);
  ASSERT_TRUE(members);
  EXPECT_EQ(members->front().value.size(), 2 * depth);
}

TEST(JsonMembers, ManyAreTooMany) {
  std::string text = "{\"a\":1";
  for (std::size_t i = 1; i < max_json_members; ++i)
    text += ",\"a\":1";
  EXPECT_TRUE(members_of(text + "}"));
  EXPECT_FALSE(members_of(text + ",\"a\":1}"));
}

}  // namespace
}  // namespace gogrid::wire
