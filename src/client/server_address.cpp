#include "client/server_address.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "base/number.hpp"

namespace gogrid::client {
namespace {

constexpr std::size_t max_url_bytes = 2048;

std::string_view trim(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

Error bad_url(std::string_view text, std::string_view why) {
  return Error(ErrorCode::invalid_argument, "'" + std::string(text.substr(0, 200)) + "' is not a coordinator's URL: " +
                                                std::string(why) + " (example: https://grid:8443)");
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_ipv6_character(char c) {
  return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' || c == '.';
}

// Printable ASCII, so that it can stand in a request line.
bool is_path_character(char c) { return c > ' ' && c < '\x7f' && c != '?' && c != '#'; }

std::string_view strip_slashes(std::string_view path) {
  while (path.ends_with('/'))
    path.remove_suffix(1);
  return path;
}

}  // namespace

std::string ServerAddress::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string ServerAddress::url() const { return "https://" + authority() + path_prefix; }

bool ServerAddress::is_loopback() const {
  boost::system::error_code none;
  const auto address = boost::asio::ip::make_address(host, none);
  return host == "localhost" || (!none && address.is_loopback());
}

Result<ServerAddress> parse_server_url(std::string_view text) {
  std::string_view rest = trim(text);
  const std::string_view shown = rest;
  if (rest.empty()) return bad_url(shown, "it is empty");
  if (rest.size() > max_url_bytes) return bad_url(shown, "it is too long");
  ServerAddress address;
  if (const auto scheme_end = rest.find("://"); scheme_end != std::string_view::npos) {
    std::string scheme(rest.substr(0, scheme_end));
    std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    if (scheme != "https") return bad_url(shown, "only https is served");
    address.port = 443;
    rest.remove_prefix(scheme_end + 3);
  }
  const auto path_at = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, path_at);
  std::string_view path = path_at == std::string_view::npos ? std::string_view() : rest.substr(path_at);
  if (authority.find('@') != std::string_view::npos) return bad_url("…", "it must not hold a user name or password");
  std::string_view host = authority;
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return bad_url(shown, "a ']' is missing");
    host = authority.substr(1, end - 1);
    const std::string_view after = authority.substr(end + 1);
    if (!after.empty() && after.front() != ':') return bad_url(shown, "there is text after ']'");
    port = after.empty() ? after : after.substr(1);
    if (host.find(':') == std::string_view::npos || !std::all_of(host.begin(), host.end(), is_ipv6_character)) {
      return bad_url(shown, "there is no IPv6 address between the brackets");
    }
    if (!after.empty() && port.empty()) return bad_url(shown, "the port is missing");
  } else {
    const auto colon = authority.find(':');
    host = authority.substr(0, colon);
    if (colon != std::string_view::npos) {
      port = authority.substr(colon + 1);
      if (port.empty()) return bad_url(shown, "the port is missing");
    }
    if (host.empty()) return bad_url(shown, "the host is missing");
    if (!std::all_of(host.begin(), host.end(), is_host_character)) {
      return bad_url(shown, "the host's name has characters that no host has (an IPv6 address stands in brackets)");
    }
  }
  if (!port.empty()) {
    const auto number = parse_number<std::uint16_t>(port);
    if (!number || *number == 0) return bad_url(shown, "the port must be a number from 1 to 65535");
    address.port = *number;
  }
  if (!std::all_of(path.begin(), path.end(), is_path_character))
    return bad_url(shown, "it has more than a host and a path");
  path = strip_slashes(path);
  while (path.ends_with("/v1"))
    path = strip_slashes(path.substr(0, path.size() - 3));
  address.host = host;
  std::transform(address.host.begin(), address.host.end(), address.host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  address.path_prefix = path;
  // With scheme and port it may be longer than what was typed; what is written down must be read again.
  if (address.url().size() > max_url_bytes) return bad_url(shown, "it is too long");
  return address;
}

}  // namespace gogrid::client
