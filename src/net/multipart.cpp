#include "net/multipart.hpp"

#include <algorithm>
#include <utility>

#include "net/http.hpp"

namespace gogrid::net {
namespace {

constexpr std::size_t max_boundary_bytes = 70;
// Spaces behind a boundary.
constexpr std::size_t max_padding_bytes = 256;

Error malformed(std::string what) {
  return Error(ErrorCode::invalid_argument, "the body is not multipart/form-data: " + std::move(what));
}

bool is_space(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

// RFC 2046 §5.1.1.
bool is_boundary_character(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

struct Parameter {
  std::string_view name;
  std::string value;
};

// Takes "; name=value" or "; name=\"value\"" from the front; nullopt when there is none or it is malformed.
std::optional<Parameter> take_parameter(std::string_view& text) {
  text = trim(text);
  if (text.empty() || text.front() != ';') return std::nullopt;
  text = trim(text.substr(1));
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  Parameter parameter;
  parameter.name = trim(text.substr(0, equals));
  text = trim(text.substr(equals + 1));
  if (!text.starts_with('"')) {
    const auto end = std::min(text.find(';'), text.size());
    parameter.value = trim(text.substr(0, end));
    text.remove_prefix(end);
    return parameter;
  }
  std::size_t at = 1;
  for (; at < text.size() && text[at] != '"'; ++at) {
    // Only these: a browser on Windows may send a path.
    const bool escape = text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\\');
    if (escape) ++at;
    parameter.value += text[at];
  }
  if (at == text.size()) return std::nullopt;
  text.remove_prefix(at + 1);
  return parameter;
}

}  // namespace

Result<std::string> MultipartReader::boundary_of(std::string_view content_type) {
  const auto semicolon = std::min(content_type.find(';'), content_type.size());
  if (!equal_ignoring_case(trim(content_type.substr(0, semicolon)), "multipart/form-data"))
    return Error(ErrorCode::invalid_argument, "the body must be multipart/form-data");
  std::string_view rest = content_type.substr(semicolon);
  while (auto parameter = take_parameter(rest)) {
    if (!equal_ignoring_case(parameter->name, "boundary")) continue;
    const std::string& boundary = parameter->value;
    const bool good = !boundary.empty() && boundary.size() <= max_boundary_bytes && boundary.back() != ' ' &&
                      std::all_of(boundary.begin(), boundary.end(), is_boundary_character);
    if (!good) return Error(ErrorCode::invalid_argument, "the boundary of the multipart/form-data is malformed");
    return boundary;
  }
  return Error(ErrorCode::invalid_argument, "the Content-Type of the multipart/form-data has no boundary");
}

MultipartReader::MultipartReader(std::string_view boundary, Limits limits)
    : delimiter_("\r\n--" + std::string(boundary)), limits_(limits) {}

Result<MultipartReader::Event> MultipartReader::next(std::string_view& input) {
  for (;;) {
    Result<std::optional<Event>> event = std::optional<Event>();
    switch (state_) {
      case State::preamble:
      case State::content:
        event = read_content(input);
        break;
      case State::delimiter:
        event = read_delimiter(input);
        break;
      case State::header:
        event = read_header(input);
        break;
      case State::done:
        input = {};
        return Event::done;
    }
    if (!event) return event.error();
    if (*event) return **event;
    if (input.empty()) return Event::more;
  }
}

// The delimiter holds one '\r', at its front: where a match breaks off, another begins at the next byte at the
// earliest.
Result<std::optional<MultipartReader::Event>> MultipartReader::read_content(std::string_view& input) {
  while (!input.empty()) {
    if (matched_ == 0) {
      const auto end = std::min(input.find('\r'), input.size());
      if (end < input.size()) matched_ = 1;
      data_ = input.substr(0, end);
      input.remove_prefix(end + matched_);
    } else {
      while (!input.empty() && matched_ < delimiter_.size() && input.front() == delimiter_[matched_]) {
        input.remove_prefix(1);
        ++matched_;
      }
      if (matched_ == delimiter_.size()) {
        matched_ = 0;
        state_ = State::delimiter;
        return std::exchange(in_part_, false) ? std::optional<Event>(Event::end) : std::optional<Event>();
      }
      if (input.empty()) break;
      data_ = std::string_view(delimiter_).substr(0, std::exchange(matched_, 0));
    }
    if (state_ == State::content && !data_.empty()) return std::optional<Event>(Event::data);
  }
  return std::optional<Event>();
}

// Behind a delimiter: "--" ends the body; otherwise a line break, with spaces before it perhaps.
Result<std::optional<MultipartReader::Event>> MultipartReader::read_delimiter(std::string_view& input) {
  while (!input.empty()) {
    line_ += input.front();
    input.remove_prefix(1);
    if (line_ == "--") {
      state_ = State::done;
      return std::optional<Event>(Event::done);
    }
    const auto rest = std::string_view(line_).substr(std::min(line_.find_first_not_of(" \t"), line_.size()));
    if (rest == "\r\n") {
      if (++parts_ > limits_.max_parts)
        return Error(ErrorCode::too_large, "the body has more than " + std::to_string(limits_.max_parts) + " parts");
      line_.clear();
      header_bytes_ = 0;
      has_disposition_ = false;
      part_ = Part();
      state_ = State::header;
      return std::optional<Event>();
    }
    const bool may_go_on = rest.empty() || rest == "\r" || line_ == "-";
    if (!may_go_on || line_.size() > max_padding_bytes) return malformed("something follows a boundary");
  }
  return std::optional<Event>();
}

Result<std::optional<MultipartReader::Event>> MultipartReader::read_header(std::string_view& input) {
  while (!input.empty()) {
    const auto newline = input.find('\n');
    const auto size = newline == std::string_view::npos ? input.size() : newline + 1;
    header_bytes_ += size;
    if (header_bytes_ > limits_.max_header_bytes) {
      return Error(ErrorCode::too_large, "the header of a part of the body is larger than " +
                                             std::to_string(limits_.max_header_bytes) + " bytes");
    }
    line_ += input.substr(0, size);
    input.remove_prefix(size);
    if (newline == std::string_view::npos) break;
    if (!line_.ends_with("\r\n")) return malformed("a line of a part's header does not end in CRLF");
    line_.resize(line_.size() - 2);
    if (line_.empty()) {
      if (!has_disposition_) return malformed("a part has no Content-Disposition with a name");
      state_ = State::content;
      in_part_ = true;
      return std::optional<Event>(Event::begin);
    }
    if (auto read = read_field(line_); !read) return read.error();
    line_.clear();
  }
  return std::optional<Event>();
}

Result<void> MultipartReader::read_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 || is_space(line.front()))
    return malformed("a line of a part's header is no header field");
  const std::string_view name = line.substr(0, colon);
  std::string_view value = trim(line.substr(colon + 1));
  if (equal_ignoring_case(name, "Content-Type")) part_.content_type = value;
  if (!equal_ignoring_case(name, "Content-Disposition")) return {};
  if (has_disposition_) return malformed("a part has two Content-Dispositions");
  const auto semicolon = std::min(value.find(';'), value.size());
  if (!equal_ignoring_case(trim(value.substr(0, semicolon)), "form-data"))
    return malformed("a part's Content-Disposition is not form-data");
  value.remove_prefix(semicolon);
  while (auto parameter = take_parameter(value)) {
    if (equal_ignoring_case(parameter->name, "name")) {
      part_.name = std::move(parameter->value);
      has_disposition_ = true;
    } else if (equal_ignoring_case(parameter->name, "filename")) {
      part_.filename = std::move(parameter->value);
    }
  }
  if (!trim(value).empty()) return malformed("a part's Content-Disposition is malformed");
  return {};
}

}  // namespace gogrid::net
