// Fuzzes what is made of URLs: the first line is a prefix that is allowed, the second a URL, the rest a redirect's
// Location.
#include <cstdlib>
#include <string>
#include <string_view>

#include "domain/fetch_rules.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gogrid::domain;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto line = [&rest] {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string text(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return text;
  };
  const std::string prefix = line();
  const std::string url = line();
  const auto allowed_prefix = parse_fetch_url(prefix);
  const auto target = parse_fetch_url(url);
  if (target) {
    const auto allowed = check_allowed(*target, {prefix});
    // What is allowed is on the prefix's host, and nowhere else.
    if (allowed && (!allowed_prefix || allowed_prefix->host != target->host || allowed_prefix->port != target->port))
      std::abort();
    if (target->path.front() != '/') std::abort();
    if (target->shown().find('?') != std::string::npos) std::abort();
    if (const auto urls = part_urls(url); urls && (urls->empty() || urls->size() > 1024)) std::abort();
  }
  if (const auto next = redirect_url(url, rest)) (void)parse_fetch_url(*next);
  return 0;
}
