#include "domain/join_token.hpp"

#include <gtest/gtest.h>

namespace gogrid {
namespace {

const std::string pin(64, 'a');
const std::string secret(43, 'A');

TEST(JoinToken, TextRoundTripsAndWhiteSpaceIsIgnored) {
  const auto token = JoinToken::create(pin);
  EXPECT_EQ(token.id.size(), 16u);
  EXPECT_EQ(token.secret.size(), 43u);
  auto parsed = JoinToken::parse("  " + token.text() + "\r\n");
  ASSERT_TRUE(parsed) << parsed.error().detail;
  EXPECT_EQ(*parsed, token);
  EXPECT_EQ(parsed->credential(), token.id + "." + token.secret);
  EXPECT_NE(JoinToken::create(pin), token);
}

TEST(JoinToken, DamagedTextIsRefusedAndNotRepeated) {
  const std::string good = "ggj_0123456789abcdef." + secret + "." + pin;
  ASSERT_TRUE(JoinToken::parse(good));
  const struct {
    std::string text, says;
  } table[] = {
      {"", "empty"},
      {" \n", "empty"},
      {"gg_0123456789abcdef_" + secret, "ggj_"},
      {"ggj_", "a part is missing"},
      {"ggj_0123456789abcdef." + secret, "a part is missing"},
      {"ggj_0123456789ABCDEF." + secret + "." + pin, "first part"},
      {"ggj_0123." + secret + "." + pin, "first part"},
      {"ggj_0123456789abcdef." + secret.substr(1) + "." + pin, "second part"},
      {"ggj_0123456789abcdef." + secret + ".x." + pin, "second part"},
      {"ggj_0123456789abcdef." + secret.substr(1) + "B." + pin, "second part"},  // unused bits set
      {"ggj_0123456789abcdef." + secret.substr(1) + "=." + pin, "second part"},
      {good.substr(0, good.size() - 1), "third part"},
      {good + "a", "third part"},
      {good + std::string(100'000, 'a'), "third part"},
  };
  for (const auto& row : table) {
    const auto parsed = JoinToken::parse(row.text);
    ASSERT_FALSE(parsed) << row.text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(parsed.error().detail.find(row.says), std::string::npos) << parsed.error().detail;
    EXPECT_EQ(parsed.error().detail.find(secret.substr(1)), std::string::npos);
  }
}

}  // namespace
}  // namespace gogrid
