// SpoolFile: bytes kept on the disk instead of in memory, in a file without a name that is gone with its owner. One
// owner, one thread; blocking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/result.hpp"
#include "cli/settings.hpp"

namespace gogrid::cli {

class SpoolFile {
 public:
  // In $TMPDIR, or /tmp.
  Result<void> open(const Environment& environment);
  Result<void> append(std::string_view bytes);
  Result<std::string> read(std::uint64_t offset, std::size_t size_bytes) const;

  int fd() const { return descriptor_.get(); }
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  FileDescriptor descriptor_;
  std::uint64_t size_bytes_ = 0;
};

// Takes lines out of bytes that come in pieces. A last line needs no end.
class LineReader {
 public:
  explicit LineReader(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  // Calls `sink` with each line that is complete, without its end. A line that is too long is too_large.
  template <class Sink>
  Result<void> feed(std::string_view bytes, Sink sink) {
    for (;;) {
      const auto end = bytes.find('\n');
      line_ += bytes.substr(0, end);
      // One byte more may be the "\r" of its end.
      if (line_.size() > max_line_bytes_ + 1) return too_long();
      if (end == std::string_view::npos) return {};
      if (auto taken = finish(sink); !taken) return taken;
      bytes.remove_prefix(end + 1);
    }
  }
  // The line that is left, if there is one.
  template <class Sink>
  Result<void> end(Sink sink) {
    return line_.empty() ? Result<void>() : finish(sink);
  }
  // Lines taken so far.
  std::size_t count() const { return count_; }

 private:
  template <class Sink>
  Result<void> finish(Sink& sink) {
    if (line_.ends_with('\r')) line_.pop_back();
    if (line_.size() > max_line_bytes_) return too_long();
    ++count_;
    Result<void> taken = sink(std::string_view(line_));
    line_.clear();
    return taken;
  }
  Error too_long() const {
    return Error(ErrorCode::too_large, "line " + std::to_string(count_ + 1) + " is longer than " +
                                           std::to_string(max_line_bytes_) + " bytes");
  }

  std::size_t max_line_bytes_;
  std::size_t count_ = 0;
  std::string line_;
};

}  // namespace gogrid::cli
