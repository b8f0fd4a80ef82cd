#include <algorithm>

#include "net/connection_io.hpp"

namespace gogrid::net {
namespace {

// RFC 9110 §5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || marks.find(c) != marks.npos;
  });
}

// No control characters but the tab.
bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); });
}

bool is_target(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

Result<void> append(std::string& out, const Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (!is_token(name) || !is_field_value(value)) {
      return Error(ErrorCode::invalid_argument, "a header's name or value has characters that HTTP does not allow");
    }
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  out += "\r\n";
  return {};
}

}  // namespace

Result<std::string> format_request_head(const RequestHead& head) {
  if (!is_token(head.method) || !is_target(head.target)) {
    return Error(ErrorCode::invalid_argument, "a request's method or target has characters that HTTP does not allow");
  }
  std::string out;
  out.reserve(512);
  out += head.method;
  out += ' ';
  out += head.target;
  out += " HTTP/1.1\r\n";
  if (const auto appended = append(out, head.headers); !appended) return appended.error();
  return out;
}

Result<std::string> format_response_head(const ResponseHead& head) {
  if (head.status < 100 || head.status > 999) return Error(ErrorCode::internal, "a status is three digits");
  std::string out;
  out.reserve(512);
  out += "HTTP/1.1 ";
  out += std::to_string(head.status);
  out += ' ';
  out += reason_phrase(head.status);
  out += "\r\n";
  if (const auto appended = append(out, head.headers); !appended) return appended.error();
  return out;
}

}  // namespace gogrid::net
