#include "store/postgres/text.hpp"

#include <gtest/gtest.h>

#include "base/utf8.hpp"

namespace gogrid::store {
namespace {

TEST(PostgresText, OrdinaryTextStaysAsItIs) {
  for (const char* text : {"", "plain", "größer", "日本語", "tab\tand\nline"})
    EXPECT_EQ(to_postgres_text(text), std::nullopt) << text;
}

TEST(PostgresText, EveryOtherTextComesBackAndIsUtf8InBetween) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte)
    every_byte += static_cast<char>(byte);
  for (const std::string& text : {std::string("nul \0 inside", 12), std::string("\x01"),
                                  std::string("\x01"
                                              "01"),
                                  std::string("cut \xe6\x97"), every_byte}) {
    const auto stored = to_postgres_text(text);
    ASSERT_TRUE(stored);
    EXPECT_TRUE(is_utf8(*stored));
    EXPECT_EQ(stored->find('\0'), std::string::npos);
    EXPECT_EQ(from_postgres_text(*stored), text);
  }
}

}  // namespace
}  // namespace gogrid::store
