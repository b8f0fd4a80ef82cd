// Lines of the control socket and of a batch's input: in reads of any size they are the lines that the text has, and
// none is longer than its bound. The first byte is the size of the reads.
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/task_group.hpp"
#include "cli/spool.hpp"
#include "net/line_reader.hpp"

namespace asio = boost::asio;
using namespace gogrid;

namespace {

constexpr std::size_t max_line_bytes = 16;

void check(bool holds) {
  if (!holds) std::abort();
}

struct Lines {
  std::vector<std::string> lines = {};
  // The next one is longer than its bound.
  bool refused = false;

  bool operator==(const Lines&) const = default;
};

Lines lines_of(std::string_view text) {
  Lines result;
  while (!text.empty() && !result.refused) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.pop_back();
    result.refused = line.size() > max_line_bytes;
    if (!result.refused) result.lines.push_back(std::move(line));
  }
  return result;
}

class TextStream final : public net::ByteStream {
 public:
  TextStream(std::string_view text, std::size_t step) : text_(text), step_(step) {}

  asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> buffer) override {
    const std::size_t count = std::min({buffer.size(), step_, text_.size()});
    std::memcpy(buffer.data(), text_.data(), count);
    text_.remove_prefix(count);
    co_return count;
  }
  asio::awaitable<Result<void>> write(std::span<const std::byte>) override { co_return Result<void>(); }
  asio::awaitable<Result<void>> finish() override { co_return Result<void>(); }
  void close() noexcept override {}

 private:
  std::string_view text_;
  std::size_t step_;
};

asio::awaitable<void> read(net::LineReader& reader, Lines& result) {
  for (;;) {
    auto line = co_await reader.next();
    if (!line) {
      check(line.error().code == ErrorCode::too_large);
      result.refused = true;
      co_return;
    }
    if (!*line) break;
    result.lines.push_back(std::move(**line));
  }
  check(reader.empty());
}

Lines from_stream(std::string_view text, std::size_t step) {
  Lines result;
  asio::io_context io{1};
  TextStream stream(text, step);
  net::LineReader reader(stream, max_line_bytes);
  TaskGroup tasks(io.get_executor());
  tasks.spawn("lines", read(reader, result));
  run_until_done(io, tasks);
  return result;
}

Lines from_pieces(std::string_view text, std::size_t step) {
  Lines result;
  cli::LineReader reader(max_line_bytes);
  const auto sink = [&result](std::string_view line) -> Result<void> {
    result.lines.emplace_back(line);
    return {};
  };
  while (!text.empty() && !result.refused) {
    result.refused = !reader.feed(text.substr(0, step), sink);
    text.remove_prefix(std::min(step, text.size()));
  }
  if (!result.refused) result.refused = !reader.end(sink);
  check(reader.count() == result.lines.size());
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = data[0] % 32 + 1;
  const Lines expected = lines_of(text);
  check(from_stream(text, step) == expected);
  check(from_pieces(text, step) == expected);
  return 0;
}
