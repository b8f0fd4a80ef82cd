#include "net/public_address.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace gogrid::net {
namespace ip = boost::asio::ip;
namespace {

struct V4Network {
  std::uint32_t address;
  int prefix;
};

constexpr std::uint32_t v4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// https://www.iana.org/assignments/iana-ipv4-special-registry
constexpr std::array special_v4{
    V4Network{v4(0, 0, 0, 0), 8},      V4Network{v4(10, 0, 0, 0), 8},     V4Network{v4(100, 64, 0, 0), 10},
    V4Network{v4(127, 0, 0, 0), 8},    V4Network{v4(169, 254, 0, 0), 16}, V4Network{v4(172, 16, 0, 0), 12},
    V4Network{v4(192, 0, 0, 0), 24},   V4Network{v4(192, 0, 2, 0), 24},   V4Network{v4(192, 88, 99, 0), 24},
    V4Network{v4(192, 168, 0, 0), 16}, V4Network{v4(198, 18, 0, 0), 15},  V4Network{v4(198, 51, 100, 0), 24},
    V4Network{v4(203, 0, 113, 0), 24}, V4Network{v4(224, 0, 0, 0), 4},    V4Network{v4(240, 0, 0, 0), 4},
};

bool is_public(ip::address_v4 address) {
  const std::uint32_t value = address.to_uint();
  return std::none_of(special_v4.begin(), special_v4.end(), [value](const V4Network& network) {
    return (value ^ network.address) >> (32 - network.prefix) == 0;
  });
}

using Bytes = ip::address_v6::bytes_type;

ip::address_v4 v4_at(const Bytes& bytes, std::size_t at) {
  return ip::address_v4({bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]});
}

// https://www.iana.org/assignments/iana-ipv6-special-registry
bool is_public(const ip::address_v6& address) {
  const Bytes bytes = address.to_bytes();
  const auto word = [&bytes](std::size_t at) { return static_cast<unsigned>(bytes[2 * at] << 8 | bytes[2 * at + 1]); };
  if (address.is_v4_mapped()) return is_public(v4_at(bytes, 12));
  // NAT64, 64:ff9b::/96.
  const bool nat64 =
      word(0) == 0x64 && word(1) == 0xff9b && word(2) == 0 && word(3) == 0 && word(4) == 0 && word(5) == 0;
  if (nat64) return is_public(v4_at(bytes, 12));
  // 6to4, 2002::/16.
  if (word(0) == 0x2002) return is_public(v4_at(bytes, 2));
  // 2001::/23 is for protocols (Teredo, benchmarks, …); 2001:db8::/32 and 3fff::/20 for documentation.
  if (word(0) == 0x2001 && (word(1) < 0x200 || word(1) == 0xdb8)) return false;
  if (word(0) == 0x3fff && word(1) < 0x1000) return false;
  // Global unicast, 2000::/3, is all that has been given out.
  return bytes[0] >> 5 == 1;
}

}  // namespace

bool is_public_address(const ip::address& address) {
  return address.is_v4() ? is_public(address.to_v4()) : is_public(address.to_v6());
}

}  // namespace gogrid::net
