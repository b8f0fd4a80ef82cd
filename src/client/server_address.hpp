// Where a coordinator is, read from what people type: "grid", "grid:9443", "https://grid.example/", with or without
// "/v1".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace gogrid::client {

inline constexpr std::uint16_t default_port = 8443;

struct ServerAddress {
  std::string host;  // an IPv6 address without its brackets
  std::uint16_t port = default_port;
  // For a proxy that serves the coordinator below a path: "" or "/grid".
  std::string path_prefix;

  // "https://grid:8443"
  std::string url() const;
  // "grid:8443"
  std::string authority() const;
  // This very machine: "localhost" or a loopback address.
  bool is_loopback() const;

  friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
};

// Without a scheme the port is 8443; "https://host" means port 443, as everywhere. White space around the text,
// trailing slashes and "/v1" are taken off. Anything else than https, user names, queries and fragments are
// invalid_argument.
Result<ServerAddress> parse_server_url(std::string_view text);

}  // namespace gogrid::client
