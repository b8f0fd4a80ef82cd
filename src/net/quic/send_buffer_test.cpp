// The send buffer: bytes come out in the order they went in, stay where they are until released, and are freed then.
#include "net/quic/send_buffer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

#include "base/encoding.hpp"

namespace gogrid::net::quic {
namespace {

std::string unsent_text(const SendBuffer& buffer, bool& complete) {
  std::array<std::span<const std::uint8_t>, 4> views;
  std::string text;
  const std::size_t count = buffer.unsent(views, complete);
  for (std::size_t i = 0; i < count; ++i)
    text += as_text(std::as_bytes(views[i]));
  return text;
}

TEST(SendBuffer, RandomAppendsSendsAndReleasesKeepTheOrder) {
  std::mt19937 random(1);
  std::string all;
  SendBuffer buffer;
  std::size_t sent = 0;
  std::size_t released = 0;
  for (int round = 0; round < 5000; ++round) {
    if (buffer.size() < 200'000) {
      std::string piece(random() % (round % 10 == 0 ? 70'000 : 300), '\0');
      for (char& c : piece)
        c = static_cast<char>(random());
      buffer.append(as_bytes(piece));
      all += piece;
    }
    bool complete = false;
    const std::string next = unsent_text(buffer, complete);
    ASSERT_EQ(next, all.substr(sent, next.size()));
    ASSERT_EQ(complete, sent + next.size() == all.size());
    const std::size_t send = next.empty() ? 0 : random() % (next.size() + 1);
    buffer.mark_sent(send);
    sent += send;
    const std::size_t release = random() % (sent - released + 1);
    buffer.release(release);
    released += release;
    ASSERT_EQ(buffer.size(), all.size() - released);
    ASSERT_EQ(buffer.unsent_bytes(), all.size() - sent);
  }
}

TEST(SendBuffer, BytesDoNotMove) {
  SendBuffer buffer;
  buffer.append(as_bytes("first"));
  std::array<std::span<const std::uint8_t>, 1> views;
  bool complete = false;
  ASSERT_EQ(buffer.unsent(views, complete), 1U);
  const std::uint8_t* const where = views[0].data();
  for (int i = 0; i < 1000; ++i)
    buffer.append(as_bytes("and some more"));
  ASSERT_EQ(buffer.unsent(views, complete), 1U);
  EXPECT_FALSE(complete);
  EXPECT_EQ(views[0].data(), where);
}

TEST(SendBuffer, ReleaseNeverGoesBeyondWhatWasSent) {
  SendBuffer buffer;
  buffer.append(as_bytes("abc"));
  buffer.mark_sent(1);
  buffer.release(3);
  EXPECT_EQ(buffer.size(), 2U);
  bool complete = false;
  EXPECT_EQ(unsent_text(buffer, complete), "bc");
  EXPECT_TRUE(complete);
}

}  // namespace
}  // namespace gogrid::net::quic
