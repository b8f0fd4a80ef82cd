// Whether a coordinator's certificate is trusted, and if not, whose it is: the first contact of `gogrid login`.
// On the executor's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "client/server_address.hpp"

namespace gogrid::client {

// Sends one request without any key. false: the server is there and `trusted_ca` (PEM; empty: the system's authorities)
// does not vouch for it. `unavailable`: no server.
boost::asio::awaitable<Result<bool>> is_trusted(boost::asio::any_io_executor executor, ServerAddress server,
                                                std::string trusted_ca);

struct Authority {
  std::string certificate;  // PEM
  std::string common_name;
  // SHA-256 of its public key (SubjectPublicKeyInfo), hexadecimal: the last part of a join token.
  std::string pin;
  std::int64_t expires_at = 0;
};

// The authority at the end of the chain that the server shows, or with a `pin` the one in it that has this pin
// (`unauthenticated` when there is none). Without a pin nothing vouches for it but the person who is asked.
boost::asio::awaitable<Result<Authority>> fetch_authority(boost::asio::any_io_executor executor, ServerAddress server,
                                                          std::string pin);

}  // namespace gogrid::client
