#include "base/sha256.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"

namespace gogrid {
namespace {

TEST(Sha256, AgreesWithTheExampleOfFips180) {
  const std::string expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(Sha256::hex(as_bytes("abc")), expected);
  Sha256 streamed;
  streamed.update(as_bytes("a"));
  streamed.update(as_bytes("bc"));
  EXPECT_EQ(streamed.finish_hex(), expected);
}

TEST(Sha256, ATextIsADigestOnlyAsItIsWritten) {
  const std::string good = Sha256::hex({});
  EXPECT_TRUE(is_sha256(good));
  EXPECT_FALSE(is_sha256(""));
  EXPECT_FALSE(is_sha256(good.substr(1)));
  EXPECT_FALSE(is_sha256(good + "0"));
  for (const char wrong : {'E', 'g', '/', '.', ' '})
    EXPECT_FALSE(is_sha256(wrong + good.substr(1))) << wrong;
}

TEST(HmacSha256, AgreesWithTestCase2OfRfc4231) {
  EXPECT_EQ(to_hex(as_bytes(hmac_sha256("Jefe", "what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace gogrid
