#include "domain/fetch_rules.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <cstdio>

#include "base/number.hpp"

namespace gogrid::domain {
namespace {

constexpr std::size_t max_url_bytes = 8192;
constexpr std::size_t max_host_bytes = 253;

Error bad_url(std::string what) { return Error(ErrorCode::invalid_argument, "the URL " + std::move(what)); }

std::string lower_case(std::string text) {
  for (char& c : text)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// Other servers may read such a path as another one than its text says.
bool is_ambiguous(std::string_view path) {
  const std::string lower = lower_case(std::string(path));
  for (const char* trick : {"%2e", "%2f", "%5c", "%00", "\\", "//"}) {
    if (lower.find(trick) != std::string::npos) return true;
  }
  for (std::string_view rest = path; !rest.empty();) {
    const auto end = std::min(rest.find('/'), rest.size());
    const auto segment = rest.substr(0, end);
    if (segment == "." || segment == "..") return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

bool covers(const FetchTarget& prefix, const FetchTarget& target) {
  if (prefix.tls != target.tls || prefix.host != target.host || prefix.port != target.port) return false;
  if (!target.path.starts_with(prefix.path)) return false;
  return prefix.path.ends_with('/') || target.path.size() == prefix.path.size() ||
         target.path[prefix.path.size()] == '/';
}

}  // namespace

std::string FetchTarget::shown() const { return (tls ? "https://" : "http://") + authority + path; }

std::string FetchTarget::file_name() const { return path.substr(path.rfind('/') + 1); }

Result<FetchTarget> parse_fetch_url(std::string_view text) {
  if (text.size() > max_url_bytes) return bad_url("is longer than " + std::to_string(max_url_bytes) + " bytes");
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed) return bad_url("cannot be read");
  const boost::urls::url_view& url = *parsed;
  FetchTarget target;
  target.tls = url.scheme_id() == boost::urls::scheme::https;
  if (!target.tls && url.scheme_id() != boost::urls::scheme::http) return bad_url("must begin with https://");
  if (url.has_userinfo()) return bad_url("must not hold a user name or password");
  target.host = lower_case(url.host_address());
  if (target.host.empty() || target.host.size() > max_host_bytes) return bad_url("has no valid host");
  target.port = target.tls ? 443 : 80;
  if (url.has_port()) {
    const auto port = parse_number<std::uint16_t>(std::string(url.port()));
    if (!port || *port == 0) return bad_url("has no valid port");
    target.port = *port;
  }
  target.path = std::string(url.encoded_path());
  if (target.path.empty()) target.path = "/";
  // Boost.URL 1.81 ends "1.1.1.1.example.com" after the fourth number.
  if (target.path.front() != '/') return bad_url("has no valid host");
  if (is_ambiguous(target.path)) return bad_url("has a path with dots or slashes that could mean another one");
  target.target = target.path;
  if (url.has_query()) target.target += "?" + std::string(url.encoded_query());
  target.authority = std::string(url.encoded_host_and_port());
  return target;
}

Result<void> check_allowed(const FetchTarget& target, const std::vector<std::string>& allowed_prefixes) {
  for (const std::string& text : allowed_prefixes) {
    const auto prefix = parse_fetch_url(text);
    if (prefix && covers(*prefix, target)) return {};
  }
  const std::string shown = target.shown();
  return Error(ErrorCode::permission_denied,
               "the coordinator may not fetch from " + shown +
                   ": whoever runs it allows that in coordinator.toml, under [models], with allowed_urls = [\"" +
                   shown.substr(0, shown.rfind('/') + 1) + "\"]");
}

Result<void> check_prefix(std::string_view prefix) {
  auto parsed = parse_fetch_url(prefix);
  if (!parsed) return parsed.error();
  if (parsed->target != parsed->path || prefix.find('#') != std::string_view::npos)
    return bad_url("must have no query and no fragment");
  return {};
}

Result<std::string> redirect_url(const std::string& from, std::string_view location) {
  if (location.size() > max_url_bytes) return bad_url("of the redirect is too long");
  const auto base = boost::urls::parse_uri(from);
  const auto reference = boost::urls::parse_uri_reference(location);
  if (!base || !reference) return bad_url("of the redirect cannot be read");
  boost::urls::url resolved;
  if (!boost::urls::resolve(*base, *reference, resolved)) return bad_url("of the redirect cannot be read");
  resolved.remove_fragment();
  return std::string(resolved.buffer());
}

Result<std::vector<std::string>> part_urls(const std::string& url) {
  // "-00001-of-00003.gguf", as llama-gguf-split names them.
  constexpr std::string_view pattern = "-ddddd-of-ddddd.gguf";
  const std::size_t path_end = std::min(url.find('?'), url.size());
  if (path_end < pattern.size()) return std::vector<std::string>{url};
  const std::size_t begin = path_end - pattern.size();
  const std::string_view tail = std::string_view(url).substr(begin, pattern.size());
  const bool fits = std::equal(pattern.begin(), pattern.end(), tail.begin(),
                               [](char wanted, char c) { return wanted == 'd' ? c >= '0' && c <= '9' : wanted == c; });
  if (!fits) return std::vector<std::string>{url};
  int count = 0;
  const std::string_view digits = tail.substr(10, 5);
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  constexpr int max_parts = 1024;
  if (count < 1 || count > max_parts) return bad_url("names a model of " + std::string(digits) + " parts");
  std::vector<std::string> urls;
  for (int number = 1; number <= count; ++number) {
    char text[8];
    std::snprintf(text, sizeof text, "%05d", number);
    urls.push_back(url.substr(0, begin + 1) + text + url.substr(begin + 6));
  }
  return urls;
}

}  // namespace gogrid::domain
