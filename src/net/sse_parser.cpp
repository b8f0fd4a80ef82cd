#include "net/http_client.hpp"

namespace gogrid::net {

// The lines end in CR, LF or CR LF; a CR LF may be cut in two between calls.
Result<void> SseParser::feed(std::string_view bytes, const std::function<void(const Event&)>& sink) {
  while (!bytes.empty()) {
    if (skip_newline_) {
      skip_newline_ = false;
      if (bytes.front() == '\n') bytes.remove_prefix(1);
      continue;
    }
    const auto end = bytes.find_first_of("\r\n");
    const std::string_view part = bytes.substr(0, end);
    if (line_.size() + event_.data.size() + part.size() > max_event_bytes_) {
      return Error(ErrorCode::too_large, "an event is larger than " + std::to_string(max_event_bytes_) + " bytes");
    }
    if (end == std::string_view::npos) {
      line_ += part;
      return {};
    }
    skip_newline_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    if (line_.empty()) {
      take_line(part, sink);
    } else {
      line_ += part;
      take_line(line_, sink);
      line_.clear();
    }
  }
  return {};
}

void SseParser::take_line(std::string_view line, const std::function<void(const Event&)>& sink) {
  if (std::exchange(at_start_, false) && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  if (line.empty()) {
    if (has_data_) sink(event_);
    event_.event.clear();
    event_.data.clear();
    has_data_ = false;
    return;
  }
  const auto colon = line.find(':');
  if (colon == 0) return;  // a comment
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.event = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    event_.id = value;
  }
}

}  // namespace gogrid::net
