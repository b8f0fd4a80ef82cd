// Addresses as people and API clients write them: a webhook's URL, and where a coordinator is. A webhook that is
// accepted names no address that is not public, in no spelling that a resolver understands; what a coordinator's
// address is understood as is understood the same when it is written down.
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "client/server_address.hpp"
#include "coordinator/jobs/webhook_rules.hpp"
#include "net/http.hpp"
#include "worker/enrolment.hpp"

using namespace gogrid;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

bool is_private(const std::array<std::uint8_t, 4>& v4) {
  return v4[0] == 0 || v4[0] == 10 || v4[0] == 127 || v4[0] >= 224 || (v4[0] == 169 && v4[1] == 254) ||
         (v4[0] == 172 && v4[1] >> 4 == 1) || (v4[0] == 192 && v4[1] == 168) || (v4[0] == 100 && v4[1] >> 6 == 1);
}

bool is_private(const in6_addr& v6) {
  const std::uint8_t* bytes = v6.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6) || IN6_IS_ADDR_V4COMPAT(&v6))
    return is_private(std::array<std::uint8_t, 4>{bytes[12], bytes[13], bytes[14], bytes[15]});
  return IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_LINKLOCAL(&v6) ||
         IN6_IS_ADDR_SITELOCAL(&v6) || IN6_IS_ADDR_MULTICAST(&v6) || bytes[0] >> 1 == 0xfc >> 1;
}

// What the system's resolver makes of the text without asking anybody.
bool means_private_address(const std::string& host) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return false;
  bool result = false;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET) {
      std::array<std::uint8_t, 4> v4;
      std::memcpy(v4.data(), &reinterpret_cast<const sockaddr_in*>(each->ai_addr)->sin_addr, v4.size());
      result = result || is_private(v4);
    } else {
      result = result || is_private(reinterpret_cast<const sockaddr_in6*>(each->ai_addr)->sin6_addr);
    }
  }
  ::freeaddrinfo(found);
  return result;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// The host is all that stands between the slashes, but for a port.
void check_authority(std::string_view url, const std::string& host) {
  url.remove_prefix(url.find("://") + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (url.find('%') != std::string_view::npos) return;
  const std::string written = url.starts_with('[') ? "[" + host + "]" : host;
  check(url == written || url.starts_with(written + ":"));
}

void check_webhook(std::string_view text) {
  const auto any = coordinator::parse_webhook_url(text, true);
  if (any) check_authority(text, any->host);
  const auto target = coordinator::parse_webhook_url(text, false);
  // What the strict rule takes the other one takes, as the same.
  if (target) check(any && any->host == target->host && any->authority == target->authority);
  if (any) {
    check(any->port != 0 && any->target.starts_with('/') && is_printable(any->target));
    // The Host header says what is connected to, and nothing more.
    const std::string host = any->host.find(':') == std::string::npos ? any->host : "[" + any->host + "]";
    check(any->authority == host || any->authority == host + ":" + std::to_string(any->port));
    check(!any->host.empty() && is_printable(any->host) && any->host.find_first_of("/@?#%\\[]") == std::string::npos);
  }
  if (!target) return;
  check(target->tls);
  std::string host = target->host;
  // A resolver may see a name's end in the first dots of it.
  for (;;) {
    check(!means_private_address(host));
    const std::string last = host.substr(host.rfind('.') + 1);
    check(!net::equal_ignoring_case(last, "localhost"));
    if (!host.ends_with('.')) break;
    host.pop_back();
  }
}

void check_server(std::string_view text) {
  const auto address = client::parse_server_url(text);
  if (!address) return;
  const auto again = client::parse_server_url(address->url());
  check(again && *again == *address);
  check(is_printable(address->url()) && address->authority().find_first_of("/@?#") == std::string::npos);
  if (!address->is_loopback() || address->host == "localhost") return;
  boost::system::error_code none;
  check(boost::asio::ip::make_address(address->host, none).is_loopback() && !none);
}

void check_coordinator(std::string_view text) {
  const auto address = worker::CoordinatorAddress::parse(text);
  if (!address) return;
  const auto again = worker::CoordinatorAddress::parse(address->text(), 1);
  check(again && *again == *address && is_printable(address->text()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_webhook(text);
  // Hosts alone reach the rules for them sooner.
  check_webhook("https://" + std::string(text) + "/");
  check_server(text);
  check_coordinator(text);
  return 0;
}
