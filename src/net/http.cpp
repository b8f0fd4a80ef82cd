#include "net/http.hpp"

#include <algorithm>
#include <array>

#include "base/encoding.hpp"

namespace gogrid::net {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// nullopt for a '%' without two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const auto byte = i + 2 < text.size() ? from_hex(text.substr(i + 1, 2)) : std::nullopt;
      if (!byte) return std::nullopt;
      out += *byte;
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (equal_ignoring_case(field, name)) return value;
  }
  return std::nullopt;
}

void Headers::add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }

void Headers::set(std::string name, std::string value) {
  remove(name);
  add(std::move(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [&](const auto& field) { return equal_ignoring_case(field.first, name); });
}

std::string_view RequestHead::path() const {
  std::string_view text = target;
  // The absolute form, as sent to proxies: "http://host/path".
  if (!text.empty() && text.front() != '/') {
    const auto scheme = text.find("://");
    if (scheme != std::string_view::npos) {
      const auto slash = text.find_first_of("/?", scheme + 3);
      text = slash == std::string_view::npos ? std::string_view("/") : text.substr(slash);
    }
  }
  return text.substr(0, text.find('?'));
}

std::optional<std::string> RequestHead::query(std::string_view name) const {
  const auto mark = target.find('?');
  if (mark == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(target).substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    if (percent_decode(pair.substr(0, equals), true) != name) continue;
    return equals == std::string_view::npos ? std::string() : percent_decode(pair.substr(equals + 1), true);
  }
  return std::nullopt;
}

std::optional<std::vector<std::string>> path_segments(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    if (path.front() == '/') {
      path.remove_prefix(1);
      continue;
    }
    const std::string_view raw = path.substr(0, path.find('/'));
    path.remove_prefix(raw.size());
    auto segment = percent_decode(raw, false);
    if (!segment || *segment == ".." || segment->find('\0') != std::string::npos) return std::nullopt;
    segments.push_back(std::move(*segment));
  }
  return segments;
}

std::string_view reason_phrase(int status) {
  struct Row {
    int status;
    std::string_view phrase;
  };
  static constexpr std::array rows{
      Row{100, "Continue"},
      Row{200, "OK"},
      Row{201, "Created"},
      Row{202, "Accepted"},
      Row{204, "No Content"},
      Row{206, "Partial Content"},
      Row{301, "Moved Permanently"},
      Row{302, "Found"},
      Row{303, "See Other"},
      Row{304, "Not Modified"},
      Row{307, "Temporary Redirect"},
      Row{308, "Permanent Redirect"},
      Row{400, "Bad Request"},
      Row{401, "Unauthorized"},
      Row{403, "Forbidden"},
      Row{404, "Not Found"},
      Row{405, "Method Not Allowed"},
      Row{406, "Not Acceptable"},
      Row{408, "Request Timeout"},
      Row{409, "Conflict"},
      Row{410, "Gone"},
      Row{411, "Length Required"},
      Row{412, "Precondition Failed"},
      Row{413, "Content Too Large"},
      Row{414, "URI Too Long"},
      Row{415, "Unsupported Media Type"},
      Row{416, "Range Not Satisfiable"},
      Row{417, "Expectation Failed"},
      Row{422, "Unprocessable Content"},
      Row{429, "Too Many Requests"},
      Row{431, "Request Header Fields Too Large"},
      Row{499, "Client Closed Request"},
      Row{500, "Internal Server Error"},
      Row{501, "Not Implemented"},
      Row{502, "Bad Gateway"},
      Row{503, "Service Unavailable"},
      Row{504, "Gateway Timeout"},
      Row{505, "HTTP Version Not Supported"},
      Row{507, "Insufficient Storage"},
  };
  const auto row = std::find_if(rows.begin(), rows.end(), [status](const Row& r) { return r.status == status; });
  return row == rows.end() ? std::string_view("Unknown") : row->phrase;
}

}  // namespace gogrid::net
