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

}  // namespace
}  // namespace gogrid
