#include "wire/frame.hpp"

#include <cassert>
#include <cstring>

namespace gogrid::wire {
namespace {

constexpr std::size_t header_bytes = 4;
constexpr std::size_t read_bytes = 16 * 1024;

std::size_t read_length(const char* header) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < header_bytes; ++i) length = length << 8 | static_cast<unsigned char>(header[i]);
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

std::span<std::byte> FrameReader::prepare() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  // An idle connection holds no buffer larger than one read.
  if (end_ == 0 && buffer_.size() > read_bytes) buffer_ = std::string();
  std::size_t wanted = end_ + 1;
  if (end_ >= header_bytes) wanted = header_bytes + read_length(buffer_.data());
  if (buffer_.size() < std::max(wanted, end_ + 1)) buffer_.resize(std::max(wanted, end_ + read_bytes / 4));
  return std::as_writable_bytes(std::span(buffer_.data() + end_, buffer_.size() - end_));
}

void FrameReader::commit(std::size_t count) { end_ += count; }

Result<std::optional<std::string_view>> FrameReader::next() {
  if (end_ - begin_ < header_bytes) return std::nullopt;
  const std::size_t length = read_length(buffer_.data() + begin_);
  if (length == 0 || length > max_frame_bytes) {
    return Error(ErrorCode::protocol, "frame of " + std::to_string(length) + " bytes, allowed are 1 to " +
                                          std::to_string(max_frame_bytes));
  }
  if (end_ - begin_ < header_bytes + length) return std::nullopt;
  const std::string_view payload(buffer_.data() + begin_ + header_bytes, length);
  begin_ += header_bytes + length;
  return payload;
}

}  // namespace gogrid::wire
