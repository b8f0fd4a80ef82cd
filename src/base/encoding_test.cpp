#include "base/encoding.hpp"

#include <gtest/gtest.h>

namespace gogrid {
namespace {

TEST(Hex, ReadsBackWhatItWroteAndRefusesTheRest) {
  const std::string bytes("\x00\x7f\xff\x10", 4);
  EXPECT_EQ(to_hex(as_bytes(bytes)), "007fff10");
  EXPECT_EQ(from_hex("007FfF10"), bytes);
  EXPECT_EQ(from_hex("0"), std::nullopt);
  EXPECT_EQ(from_hex("0g"), std::nullopt);
}

TEST(Base64Url, AgreesWithTheExamplesOfRfc4648) {
  const std::pair<std::string, std::string> rows[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe", "__4"}};
  for (const auto& [bytes, text] : rows) {
    EXPECT_EQ(to_base64url(as_bytes(bytes)), text);
    EXPECT_EQ(from_base64url(text), bytes);
  }
  EXPECT_EQ(from_base64url("Zg=="), std::nullopt);
  EXPECT_EQ(from_base64url("Z"), std::nullopt);
}

TEST(Base64, AgreesWithTheExamplesOfRfc4648) {
  const std::pair<std::string, std::string> rows[] = {{"", ""},        {"f", "Zg=="},          {"fo", "Zm8="},
                                                      {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe", "//4="}};
  for (const auto& [bytes, text] : rows)
    EXPECT_EQ(to_base64(as_bytes(bytes)), text);
}

TEST(Random, IdsCarryTheirPrefixAndDiffer) {
  EXPECT_EQ(random_id("wk").size(), 3 + 24);
  EXPECT_NE(random_id("wk"), random_id("wk"));
}

TEST(EqualInConstantTime, ComparesBytesAndLengths) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
}

}  // namespace
}  // namespace gogrid
