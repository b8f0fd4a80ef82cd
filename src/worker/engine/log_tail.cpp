#include "worker/engine/log_tail.hpp"

#include "base/utf8.hpp"

namespace gogrid::worker {
namespace {

constexpr std::size_t max_character_bytes = 4;

}  // namespace

void LogTail::feed(std::string_view text, const std::function<void(const std::string&)>& on_line) {
  for (const char c : text) {
    if (c == '\n') {
      end_line(on_line);
    } else if (line_.size() < max_line_bytes + max_character_bytes) {
      // Bytes above ASCII pass: they may be UTF-8. A character that begins within the bound is held whole.
      const auto byte = static_cast<unsigned char>(c);
      if (c != '\r') line_ += byte >= 0x20 && byte != 0x7f ? c : '?';
    }
  }
}

void LogTail::end_line(const std::function<void(const std::string&)>& on_line) {
  if (line_.empty()) return;
  lines_.push_back(valid_utf8(line_, max_line_bytes));
  line_.clear();
  if (on_line) on_line(lines_.back());
  if (lines_.size() > max_lines) lines_.pop_front();
}

std::string LogTail::text(std::size_t lines) const {
  std::string out;
  const std::size_t whole = line_.empty() ? lines : lines - 1;
  for (std::size_t i = lines_.size() > whole ? lines_.size() - whole : 0; i < lines_.size(); ++i) {
    if (!out.empty()) out += '\n';
    out += lines_[i];
  }
  if (!line_.empty()) out += (out.empty() ? "" : "\n") + valid_utf8(line_, max_line_bytes);
  return out;
}

}  // namespace gogrid::worker
