#include "coordinator/jobs/batch_input.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/blocking.hpp"
#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/utf8.hpp"

namespace gogrid::coordinator {
namespace {

constexpr std::size_t chunk_bytes = 64 * 1024;
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

class PortionReader {
 public:
  PortionReader(std::string_view endpoint, InputPosition from, PortionLimits limits)
      : endpoint_(endpoint), limits_(limits) {
    portion_.end = from;
  }

  Result<InputPortion> read(const std::filesystem::path& path) {
    auto file = open_file(path, O_RDONLY);
    if (!file) return file.error();
    struct stat info {};
    if (::fstat(file->get(), &info) != 0) return system_error(path.string(), errno);
    if (static_cast<std::uint64_t>(info.st_size) < portion_.end.bytes)
      return Error(ErrorCode::not_found, path.string() + " is shorter than it was");
    if (::lseek(file->get(), static_cast<off_t>(portion_.end.bytes), SEEK_SET) < 0)
      return system_error(path.string(), errno);
    std::vector<std::byte> buffer(chunk_bytes);
    while (!full_) {
      const auto count = read_fully(file->get(), buffer);
      if (!count) return count.error();
      take(as_text(std::span(buffer).first(*count)));
      if (*count == buffer.size() || full_) continue;
      // The last line may end without a newline.
      if (line_size_ > 0) end_line(line_size_);
      portion_.at_end = !portion_.not_utf8;
      break;
    }
    return std::move(portion_);
  }

 private:
  void take(std::string_view text) {
    while (!text.empty() && !full_) {
      const std::size_t newline = text.find('\n');
      const std::string_view piece = text.substr(0, newline);
      line_size_ += piece.size();
      // What is too long is not held.
      if (line_size_ <= limits_.line_bytes) line_ += piece;
      if (newline == std::string_view::npos) return;
      text.remove_prefix(newline + 1);
      end_line(line_size_ + 1);
    }
  }

  void end_line(std::uint64_t size) {
    const std::int64_t number = portion_.end.lines + 1;
    InputLine line;
    line.number = number;
    std::string_view text = line_;
    if (number == 1 && text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    const bool too_long = line_size_ > limits_.line_bytes;
    if (too_long) {
      line.problem = wire::RequestProblem{"the line is longer than " + std::to_string(limits_.line_bytes) + " bytes",
                                          "line_too_long", ""};
      portion_.lines.push_back(std::move(line));
    } else if (!is_utf8(text)) {
      portion_.not_utf8 = number;
      full_ = true;
      return;
    } else if (text.find_first_not_of(" \t\r") != std::string_view::npos) {
      add(std::move(line), text);
    }
    portion_.end.lines = number;
    portion_.end.bytes += size;
    read_bytes_ += size;
    line_.clear();
    line_size_ = 0;
    full_ = portion_.lines.size() >= limits_.lines || read_bytes_ >= limits_.bytes;
  }

  void add(InputLine line, std::string_view text) {
    wire::BatchLine read = wire::read_batch_line(endpoint_, text);
    line.custom_id = std::move(read.custom_id);
    line.problem = std::move(read.problem);
    if (limits_.keep_bodies) line.body = read.body;
    portion_.lines.push_back(std::move(line));
  }

  const std::string_view endpoint_;
  const PortionLimits limits_;
  InputPortion portion_;
  std::string line_;
  std::uint64_t line_size_ = 0;
  std::uint64_t read_bytes_ = 0;
  bool full_ = false;
};

}  // namespace

Result<InputPortion> read_portion(const std::filesystem::path& file, std::string_view endpoint, InputPosition from,
                                  PortionLimits limits) {
  return PortionReader(endpoint, from, limits).read(file);
}

boost::asio::awaitable<Result<InputPortion>> read_portion_on(boost::asio::thread_pool& pool, std::filesystem::path file,
                                                             std::string endpoint, InputPosition from,
                                                             PortionLimits limits) {
  auto work = [file = std::move(file), endpoint = std::move(endpoint), from, limits] {
    return read_portion(file, endpoint, from, limits);
  };
  co_return co_await run_blocking(pool, std::move(work));
}

}  // namespace gogrid::coordinator
