#include "wire/frame.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "base/encoding.hpp"
#include "wire/worker_protocol.pb.h"

namespace gogrid::wire {
namespace {

// Feeds `bytes` in pieces of at most `piece` and collects whole payloads.
Result<std::vector<std::string>> read_all(std::string_view bytes, std::size_t piece) {
  FrameReader reader;
  std::vector<std::string> payloads;
  while (!bytes.empty()) {
    const auto space = reader.prepare();
    const std::size_t count = std::min({piece, space.size(), bytes.size()});
    std::memcpy(space.data(), bytes.data(), count);
    reader.commit(count);
    bytes.remove_prefix(count);
    for (;;) {
      const auto payload = reader.next();
      if (!payload) return payload.error();
      if (!*payload) break;
      payloads.emplace_back(**payload);
    }
  }
  if (reader.in_frame()) return Error(ErrorCode::protocol, "truncated");
  return payloads;
}

std::string data_frame(std::size_t size) {
  WorkerWorkFrame frame;
  frame.set_data(std::string(size, 'x'));
  return encode_frame(frame);
}

TEST(FrameReader, CutsTheSameFramesHoweverTheBytesArrive) {
  const std::string bytes = data_frame(1) + data_frame(70'000) + data_frame(0) + data_frame(500'000) + data_frame(3);
  for (const std::size_t piece : {1, 3, 4, 5, 1000, 1'000'000}) {
    const auto payloads = read_all(bytes, piece);
    ASSERT_TRUE(payloads) << piece;
    ASSERT_EQ(payloads->size(), 5u) << piece;
    EXPECT_EQ(decode_frame<WorkerWorkFrame>((*payloads)[3])->data().size(), 500'000u);
    EXPECT_EQ(decode_frame<WorkerWorkFrame>((*payloads)[4])->data(), "xxx");
  }
}

TEST(FrameReader, RefusesLengthsOutsideTheBounds) {
  EXPECT_EQ(read_all(std::string("\0\0\0\0", 4), 4).error().code, ErrorCode::protocol);
  EXPECT_EQ(read_all(std::string("\xff\xff\xff\xff", 4), 1).error().code, ErrorCode::protocol);
  EXPECT_EQ(read_all(std::string("\0\x10\0\1", 4), 4).error().code, ErrorCode::protocol);
}

TEST(FrameReader, AnAnnouncedLengthTakesNoMemory) {
  FrameReader reader;
  const std::string header("\0\x0f\xff\xff", 4);
  std::memcpy(reader.prepare().data(), header.data(), header.size());
  reader.commit(header.size());
  ASSERT_TRUE(reader.next());
  EXPECT_LE(reader.prepare().size(), 1024u);
}

TEST(FrameReader, AnIdleReaderGivesALargeFramesMemoryBack) {
  FrameReader reader;
  const std::string bytes = data_frame(500'000);
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto space = reader.prepare();
    const std::size_t count = std::min(space.size(), bytes.size() - sent);
    std::memcpy(space.data(), bytes.data() + sent, count);
    reader.commit(count);
    sent += count;
  }
  ASSERT_TRUE(reader.next()->has_value());
  EXPECT_LE(reader.prepare().size(), 16u * 1024);
}

TEST(FrameReader, ALowerLimitIsTheReadersOwn) {
  FrameReader reader(1000);
  const std::string bytes = data_frame(1001);
  std::memcpy(reader.prepare().data(), bytes.data(), 100);
  reader.commit(100);
  EXPECT_EQ(reader.next().error().code, ErrorCode::protocol);
}

TEST(FrameReader, KnowsATruncatedFrame) {
  const std::string bytes = data_frame(10);
  EXPECT_EQ(read_all(std::string_view(bytes).substr(0, bytes.size() - 1), 100).error().detail, "truncated");
}

TEST(DecodeFrame, SkipsKindsItDoesNotKnow) {
  // Field 99, a length-delimited message that this version does not have.
  const std::string unknown("\x9a\x06\x02hi", 5);
  const auto frame = decode_frame<WorkerFrame>(unknown);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->kind_case(), WorkerFrame::KIND_NOT_SET);
}

TEST(DecodeFrame, RefusesWhatIsNoMessage) {
  EXPECT_EQ(decode_frame<WorkerFrame>("\xff\xff\xff").error().code, ErrorCode::protocol);
}

TEST(DecodeFrame, WritesNothingOfWhatPeersSendToStandardError) {
  Hello hello;
  hello.set_host_name("laptop");
  WorkerFrame frame;
  *frame.mutable_hello() = hello;
  std::string payload = frame.SerializeAsString();
  payload[payload.find("laptop")] = '\xff';
  testing::internal::CaptureStderr();
  EXPECT_EQ(decode_frame<WorkerFrame>(payload).error().code, ErrorCode::protocol) << "it is no UTF-8";
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace gogrid::wire
