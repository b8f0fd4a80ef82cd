#include "net/line_reader.hpp"

namespace gogrid::net {
namespace asio = boost::asio;

asio::awaitable<Result<std::optional<std::string>>> LineReader::next() {
  for (;;) {
    const std::size_t end = buffer_.find('\n', searched_);
    if (end != std::string::npos) co_return take(end, end + 1);
    searched_ = buffer_.size();
    // One byte more may be the "\r" of its end.
    if (ended_ || buffer_.size() - begin_ > max_line_bytes_ + 1) {
      if (empty()) co_return std::optional<std::string>();
      co_return take(buffer_.size(), buffer_.size());
    }
    const auto count = co_await stream_.read_some(part_);
    if (!count) co_return count.error();
    ended_ = *count == 0;
    buffer_.erase(0, begin_);
    searched_ -= begin_;
    begin_ = 0;
    buffer_.append(reinterpret_cast<const char*>(part_.data()), *count);
  }
}

Result<std::optional<std::string>> LineReader::take(std::size_t end, std::size_t next_begin) {
  std::size_t bytes = end - begin_;
  if (bytes > 0 && buffer_[end - 1] == '\r') --bytes;
  if (bytes > max_line_bytes_) {
    return Error(ErrorCode::too_large, "a line of more than " + std::to_string(max_line_bytes_) + " bytes");
  }
  std::optional<std::string> line = buffer_.substr(begin_, bytes);
  begin_ = searched_ = next_begin;
  if (empty()) {
    // A long line's memory goes with it.
    buffer_ = std::string();
    begin_ = searched_ = 0;
  }
  return line;
}

}  // namespace gogrid::net
