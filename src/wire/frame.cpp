#include "wire/frame.hpp"

#include <google/protobuf/stubs/common.h>
#if GOOGLE_PROTOBUF_VERSION < 4022000
#include <google/protobuf/stubs/logging.h>
#endif

#include <algorithm>
#include <cassert>
#include <cstring>

namespace gogrid::wire {
namespace {

constexpr std::size_t header_bytes = 4;
// Most control streams never need more.
constexpr std::size_t first_bytes = 256;
// What a reader that waits for a frame's begin keeps at most.
constexpr std::size_t max_idle_bytes = 16 * 1024;

std::size_t read_length(const char* header) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < header_bytes; ++i)
    length = length << 8 | static_cast<unsigned char>(header[i]);
  return length;
}

}  // namespace

std::string encode_frame(const google::protobuf::MessageLite& message) {
  const std::size_t length = message.ByteSizeLong();
  assert(length > 0 && length <= max_frame_bytes);
  std::string frame(header_bytes + length, '\0');
  for (std::size_t i = 0; i < header_bytes; ++i) {
    frame[i] = static_cast<char>(length >> (8 * (header_bytes - 1 - i)) & 0xff);
  }
  message.SerializeToArray(frame.data() + header_bytes, static_cast<int>(length));
  return frame;
}

bool parse_message(std::string_view payload, google::protobuf::MessageLite& message) {
#if GOOGLE_PROTOBUF_VERSION < 4022000
  // It would write lines of its own to standard error, as many as a hostile peer likes.
  const google::protobuf::LogSilencer silencer;
#endif
  return message.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
}

std::span<std::byte> FrameReader::prepare() {
  // A read that filled the buffer: more is coming.
  const bool filled = end_ == buffer_.size();
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == 0 && buffer_.size() > max_idle_bytes) buffer_ = std::string();
  if (end_ == buffer_.size() || (filled && buffer_.size() < max_idle_bytes)) {
    buffer_.resize(std::max(first_bytes, 2 * buffer_.size()));
  }
  return std::as_writable_bytes(std::span(buffer_.data() + end_, buffer_.size() - end_));
}

void FrameReader::commit(std::size_t count) { end_ += count; }

Result<std::optional<std::string_view>> FrameReader::next() {
  if (end_ - begin_ < header_bytes) return std::nullopt;
  const std::size_t length = read_length(buffer_.data() + begin_);
  if (length == 0 || length > limit_bytes_) {
    return Error(ErrorCode::protocol,
                 "frame of " + std::to_string(length) + " bytes, allowed are 1 to " + std::to_string(limit_bytes_));
  }
  if (end_ - begin_ < header_bytes + length) return std::nullopt;
  const std::string_view payload(buffer_.data() + begin_ + header_bytes, length);
  begin_ += header_bytes + length;
  return payload;
}

}  // namespace gogrid::wire
