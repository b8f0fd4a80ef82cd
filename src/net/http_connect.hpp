// How an HTTP client reaches its server: name resolution, connecting, TLS. Used on the executor's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>

#include "base/result.hpp"
#include "net/http_client.hpp"
#include "net/tls.hpp"

namespace gogrid::net {

// "https://host:8443", "http://host:80" or "unix:/run/x.sock", as error texts name it.
std::string describe(const HttpEndpoint& endpoint);

// The whole of it within `timeout`. `tls` is null for an endpoint without TLS.
boost::asio::awaitable<Result<std::unique_ptr<SocketStream>>> connect(boost::asio::any_io_executor executor,
                                                                      const HttpEndpoint& endpoint,
                                                                      std::shared_ptr<TlsContext> tls,
                                                                      std::chrono::milliseconds timeout);

}  // namespace gogrid::net
