// What a server shows as its certificates before anybody trusts it: for `gogrid login`, which asks a person whether the
// authority is the right one. No request is ever sent over such a connection.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace gogrid::net {

// The certificates that the server at host:port sends, its own first, each as PEM; at most 16. Nothing about them was
// verified.
boost::asio::awaitable<Result<std::vector<std::string>>> fetch_server_chain(boost::asio::any_io_executor executor,
                                                                            std::string host, std::uint16_t port,
                                                                            std::chrono::milliseconds timeout);

}  // namespace gogrid::net
