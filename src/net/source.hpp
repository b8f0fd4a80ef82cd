// The host behind an address, as far as it can be told: what limits for each host go by.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>

namespace gogrid::net {

// All of an IPv4 address, also of one that is mapped into IPv6; of an IPv6 address the network, a /64, that a host may
// choose from.
inline std::uint64_t source_of(const boost::asio::ip::address& address) {
  namespace ip = boost::asio::ip;
  if (address.is_v4()) return address.to_v4().to_uint();
  if (address.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, address.to_v6()).to_uint();
  std::uint64_t network = 0;
  const auto bytes = address.to_v6().to_bytes();
  for (std::size_t i = 0; i < sizeof network; ++i)
    network = network << 8 | bytes[i];
  return network;
}

}  // namespace gogrid::net
