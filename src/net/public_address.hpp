// Which addresses are the internet's, and which only mean something where one is: where no stranger may send us. Pure,
// any thread.
#pragma once

#include <boost/asio/ip/address.hpp>

namespace gogrid::net {

// False for unspecified, loopback, private, link-local, shared (carrier-grade NAT), multicast, reserved and
// documentation addresses, and for IPv6 addresses that stand for such an IPv4 address.
bool is_public_address(const boost::asio::ip::address& address);

}  // namespace gogrid::net
