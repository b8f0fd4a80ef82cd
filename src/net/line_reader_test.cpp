// Proves that lines come whole however the bytes come, and that none is longer than its bound.
#include "net/line_reader.hpp"

#include <boost/asio/local/connect_pair.hpp>
#include <cstring>

#include "net/net_test_support.hpp"
#include "net/socket_stream.hpp"

namespace gogrid::net {
namespace {

namespace asio = boost::asio;

using Line = Result<std::optional<std::string>>;

// Gives what it is told to, in those parts.
class Parts final : public ByteStream {
 public:
  explicit Parts(std::vector<std::string> parts) : parts_(std::move(parts)) {}

  asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> buffer) override {
    if (next_ == parts_.size()) co_return std::size_t{0};
    std::string& part = parts_[next_];
    const std::size_t count = std::min(part.size(), buffer.size());
    std::memcpy(buffer.data(), part.data(), count);
    part.erase(0, count);
    if (part.empty()) ++next_;
    co_return count;
  }
  asio::awaitable<Result<void>> write(std::span<const std::byte>) override { co_return Result<void>(); }
  asio::awaitable<Result<void>> finish() override { co_return Result<void>(); }
  void close() noexcept override {}

 private:
  std::vector<std::string> parts_;
  std::size_t next_ = 0;
};

std::vector<std::string> read_all(std::vector<std::string> parts, std::size_t max_bytes) {
  asio::io_context io;
  Parts stream(std::move(parts));
  LineReader reader(stream, max_bytes);
  std::vector<std::string> lines;
  for (;;) {
    const Line line = test::run(io, reader.next());
    if (!line) {
      lines.emplace_back(to_string(line.error().code));
      return lines;
    }
    if (!*line) return lines;
    lines.push_back(**line);
  }
}

using Lines = std::vector<std::string>;

TEST(LineReader, PutsPartsTogetherAndTakesLinesApart) {
  EXPECT_EQ(read_all({}, 10), Lines());
  EXPECT_EQ(read_all({"a\nb\r\n\n\r\nc\rd\n"}, 10), Lines({"a", "b", "", "", "c\rd"}));
  EXPECT_EQ(read_all({"a", "b", "\n", "c\n", "d\ne", "\n"}, 10), Lines({"ab", "c", "d", "e"}));
  EXPECT_EQ(read_all({"a\r", "\nb\r"}, 10), Lines({"a", "b"}));
  const std::string zeros(3, '\0');
  EXPECT_EQ(read_all({zeros + "\n"}, 10), Lines({zeros}));
}

TEST(LineReader, WhatStandsBeforeTheEndIsALine) {
  EXPECT_EQ(read_all({"a\nb"}, 10), Lines({"a", "b"}));
  EXPECT_EQ(read_all({"ab"}, 1), Lines({"too_large"}));
}

TEST(LineReader, ALineIsAsLongAsItMayBeAndNoLonger) {
  EXPECT_EQ(read_all({"0123456789\n0123456789\r\nx\n"}, 10), Lines({"0123456789", "0123456789", "x"}));
  EXPECT_EQ(read_all({"01234567890\nx\n"}, 10), Lines({"too_large"}));
  EXPECT_EQ(read_all({"x\n012345678901234"}, 10), Lines({"x", "too_large"}));
  const std::string long_line(300'000, 'y');
  EXPECT_EQ(read_all({long_line + "\n", "x\n"}, long_line.size()), Lines({long_line, "x"}));
}

// Only so much of a line without an end is ever read.
TEST(LineReader, StopsReadingWhereTheLineIsTooLong) {
  asio::io_context io;
  Parts stream(std::vector<std::string>(1000, std::string(4096, 'z')));
  LineReader reader(stream, 64 * 1024);
  for (int i = 0; i < 2; ++i) {
    const Line line = test::run(io, reader.next());
    ASSERT_FALSE(line);
    EXPECT_EQ(line.error().code, ErrorCode::too_large);
  }
  std::array<std::byte, 4096> part;
  std::size_t left = 0;
  while (*test::run(io, stream.read_some(part)) > 0)
    ++left;
  EXPECT_EQ(left, 1000u - 17u);
}

asio::awaitable<void> keep(LineReader& reader, std::optional<Line>& out) { out = co_await reader.next(); }

TEST(LineReader, ACancelledReadLosesNothing) {
  asio::io_context io;
  asio::local::stream_protocol::socket near(io);
  asio::local::stream_protocol::socket far(io);
  asio::local::connect_pair(near, far);
  const auto stream = make_plain_stream(Socket(std::move(near)));
  LineReader reader(*stream, 100);
  asio::write(far, asio::buffer(std::string("half")));
  std::optional<Line> line;
  {
    TaskGroup tasks(io.get_executor());
    tasks.spawn("read", keep(reader, line));
    io.poll();
    tasks.cancel();
    run_until_done(io, tasks);
  }
  EXPECT_TRUE(!line || !*line);
  asio::write(far, asio::buffer(std::string(" and half\n")));
  EXPECT_EQ(test::run(io, reader.next()).value(), "half and half");
}

}  // namespace
}  // namespace gogrid::net
