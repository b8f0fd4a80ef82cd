// Frames of the worker protocol: protobuf messages with a four-byte big-endian length, on any ByteStream-like
// transport. The reader is sans-I/O: bytes in, messages out, nothing held beyond one frame; its memory grows with what
// has come, not with what a length announces.
#pragma once

#include <google/protobuf/message_lite.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace gogrid::wire {

inline constexpr std::size_t max_frame_bytes = 1024 * 1024;
// What one WorkData frame carries at most; small enough that a cancel is never behind much.
inline constexpr std::size_t max_data_bytes = 64 * 1024;
// A frame of a work stream: data, or a head.
inline constexpr std::size_t max_work_frame_bytes = max_data_bytes + 1024;

// Length and message. The message must be under max_frame_bytes (asserted: we make them).
std::string encode_frame(const google::protobuf::MessageLite& message);

class FrameReader {
 public:
  explicit FrameReader(std::size_t limit_bytes = max_frame_bytes) : limit_bytes_(limit_bytes) {}

  // Where the transport should put its next bytes, at least one byte large; then commit(how many came).
  std::span<std::byte> prepare();
  void commit(std::size_t count);
  // The next whole frame's payload, valid until the next prepare(); nullopt when more bytes are needed. A length of
  // zero or over the limit is `protocol`, and the stream should be closed.
  Result<std::optional<std::string_view>> next();
  // True when bytes of an unfinished frame are held: an end of stream here is a truncation.
  bool in_frame() const { return end_ > begin_; }

 private:
  const std::size_t limit_bytes_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// Into a message of its type; false when it is no valid one.
bool parse_message(std::string_view payload, google::protobuf::MessageLite& message);

// Parses a payload; `protocol` when it is not a valid message of that type.
template <class Message>
Result<Message> decode_frame(std::string_view payload) {
  Message message;
  if (!parse_message(payload, message)) return Error(ErrorCode::protocol, "malformed frame of the worker protocol");
  return message;
}

}  // namespace gogrid::wire
