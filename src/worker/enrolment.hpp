// Enrolment: makes a key, asks the coordinator for a certificate with a join token, and trusts nobody but the authority
// that the token pins. Used on the executor's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/join_token.hpp"
#include "worker/config.hpp"
#include "worker/identity.hpp"

namespace gogrid::worker {

struct CoordinatorAddress {
  std::string host;
  std::uint16_t port = 8443;

  // "host", "host:port", "[::1]:port" or "https://host:port".
  static Result<CoordinatorAddress> parse(std::string_view text, std::uint16_t default_port = 8443);
  std::string text() const;

  friend bool operator==(const CoordinatorAddress&, const CoordinatorAddress&) = default;
};

// Where a worker that joined `joined` connects: what is configured wins, host and port each for itself. The error names
// the setting.
Result<CoordinatorAddress> configured_address(const WorkerConfig& config, CoordinatorAddress joined);

// A new identity; nothing is stored. The error is the coordinator's reason, or says what is wrong with its certificate.
boost::asio::awaitable<Result<Identity>> enrol(boost::asio::any_io_executor executor, CoordinatorAddress address,
                                               JoinToken token, std::string host_name);

}  // namespace gogrid::worker
