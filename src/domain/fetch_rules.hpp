// Where the coordinator may fetch models from: URLs under the prefixes that its administrator lists, and redirects that
// stay there. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace gogrid::domain {

struct FetchTarget {
  bool tls = true;
  // A name or an address, without brackets; lower case.
  std::string host;
  std::uint16_t port = 443;
  // As sent, without and with the query, which may hold a secret.
  std::string path;
  std::string target;
  // For the Host header.
  std::string authority;

  // For people and logs: without the query.
  std::string shown() const;
  // Without the query and without what follows the last slash.
  std::string file_name() const;
};

// invalid_argument says what is wrong with it.
Result<FetchTarget> parse_fetch_url(std::string_view url);

// permission_denied, and how to allow it, when no prefix covers the URL. A prefix is a URL without a query: it covers
// the same scheme, host and port, and paths that are or lie below its own.
Result<void> check_allowed(const FetchTarget& target, const std::vector<std::string>& allowed_prefixes);
// Whether it can be a prefix.
Result<void> check_prefix(std::string_view prefix);

// The URL that a redirect's Location means.
Result<std::string> redirect_url(const std::string& from, std::string_view location);

// The parts of a split model, when the URL is one of them ("…-00001-of-00003.gguf"): all of them in order, with the
// same query; otherwise the URL alone.
Result<std::vector<std::string>> part_urls(const std::string& url);

}  // namespace gogrid::domain
