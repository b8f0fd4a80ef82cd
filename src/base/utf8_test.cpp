// Only valid UTF-8 is read as characters, and what steers a terminal is known.
#include "base/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gogrid {
namespace {

TEST(Utf8, ReadsCharactersAndNothingElse) {
  EXPECT_EQ(decode_utf8("a").value, U'a');
  EXPECT_EQ(decode_utf8("é!").value, U'é');
  EXPECT_EQ(decode_utf8("€").bytes, 3u);
  EXPECT_EQ(decode_utf8("\xf0\x9f\x98\x80").value, 0x1f600u);
  EXPECT_TRUE(is_utf8("größe €"));
  // Cut short, a continuation alone, overlong, a surrogate, beyond Unicode.
  for (const std::string bad :
       {"\xc3", "\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    EXPECT_EQ(decode_utf8(bad).bytes, 0u);
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(Utf8, KnowsWhatSteers) {
  for (const char32_t steers : {U'\0', U'\x1b', U'\x7f', U'\x9b', U'\u2028', U'\u202e', U'\u2066'})
    EXPECT_TRUE(is_steering(steers));
  for (const char32_t text : {U' ', U'~', U'é', U'€', U'\u200d'})
    EXPECT_FALSE(is_steering(text));
}

TEST(Utf8, WhateverComesIsMadeValidAndCutBetweenCharacters) {
  EXPECT_EQ(valid_utf8("a\xff\xc3", 100), "a\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(valid_utf8("\xed\xa0\x80", 100).size(), 9u) << "a surrogate is three bad bytes";
  EXPECT_EQ(valid_utf8("aé", 2), "a");
  EXPECT_EQ(valid_utf8("aé", 3), "aé");
  EXPECT_EQ(valid_utf8("a\xff", 3), "a");
  EXPECT_EQ(valid_utf8("", 0), "");
}

TEST(Printable, NothingSteersATerminal) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a?[31mb");
  EXPECT_EQ(printable("a\nb\tc\rd"), "a b c d");
  EXPECT_EQ(printable("a\nb\tc\rd", true), "a\nb\tcd");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m");  // CSI as one C1 character
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "txt.exe"),
            "?txt.exe");  // right-to-left override
  EXPECT_EQ(printable("\x7f\x01"), "??");
  EXPECT_EQ(printable("a\xff"), "a\xef\xbf\xbd");
  EXPECT_EQ(printable("\xc0\x9b"), "\xef\xbf\xbd\xef\xbf\xbd");  // overlong ESC
  EXPECT_EQ(printable("größe 日本 👍"), "größe 日本 👍");
}

}  // namespace
}  // namespace gogrid
