// LineReader: the lines of a byte stream, each with a bound. Owned by a connection, which keeps the stream longer; used
// on its executor's thread, one read at a time.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "net/byte_stream.hpp"

namespace gogrid::net {

class LineReader {
 public:
  LineReader(ByteStream& stream, std::size_t max_line_bytes) : stream_(stream), max_line_bytes_(max_line_bytes) {}

  // The next line without its "\n" or "\r\n"; what stands before the peer's end is a line too. nullopt: nothing is
  // left. A longer line is `too_large`, and then every further one. A read that was cancelled has lost nothing.
  boost::asio::awaitable<Result<std::optional<std::string>>> next();

  // Nothing came that was not returned.
  bool empty() const { return begin_ == buffer_.size(); }

 private:
  // Up to and without `end`.
  Result<std::optional<std::string>> take(std::size_t end, std::size_t next_begin);

  ByteStream& stream_;
  std::size_t max_line_bytes_;
  std::array<std::byte, 4096> part_;
  std::string buffer_;
  std::size_t begin_ = 0;
  // There is no "\n" before it.
  std::size_t searched_ = 0;
  bool ended_ = false;
};

}  // namespace gogrid::net
