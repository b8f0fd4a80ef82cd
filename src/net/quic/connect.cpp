// The client's side: resolve, try the addresses in turn, wait until the server has accepted us.
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "net/quic/connection.hpp"

namespace gogrid::net::quic {
namespace {

namespace asio = boost::asio;

asio::awaitable<Result<std::vector<asio::ip::udp::endpoint>>> resolve(asio::any_io_executor executor, std::string host,
                                                                      std::uint16_t port) {
  std::vector<asio::ip::udp::endpoint> endpoints;
  boost::system::error_code error;
  const asio::ip::address literal = asio::ip::make_address(host, error);
  if (!error) {
    endpoints.emplace_back(literal, port);
    co_return endpoints;
  }
  asio::ip::udp::resolver resolver(executor);
  const std::string service = std::to_string(port);
  auto [failed, results] = co_await resolver.async_resolve(host, service, asio::as_tuple(asio::use_awaitable));
  if (failed == asio::error::operation_aborted) co_return Error(ErrorCode::cancelled, "connecting was cancelled");
  if (failed) co_return Error(ErrorCode::unavailable, "cannot resolve '" + host + "': " + failed.message());
  for (const auto& result : results)
    endpoints.push_back(result.endpoint());
  co_return endpoints;
}

// Whether another address of the same host may do better.
bool worth_another_address(ErrorCode code) {
  return code == ErrorCode::timeout || code == ErrorCode::unavailable || code == ErrorCode::io;
}

}  // namespace

asio::awaitable<Result<std::shared_ptr<Connection>>> connect(asio::any_io_executor executor, ConnectOptions options) {
  Result<std::shared_ptr<const TlsCredentials>> credentials = load_credentials(options.credentials);
  if (!credentials) co_return credentials.error();
  options.credentials = {};
  auto resolved = co_await resolve(executor, options.host, options.port);
  if (!resolved) co_return resolved.error();
  const std::vector<asio::ip::udp::endpoint> addresses = std::move(*resolved);
  // All addresses together get the time for one handshake.
  options.transport.handshake_timeout /= static_cast<int>(std::max<std::size_t>(addresses.size(), 1));
  Error error(ErrorCode::unavailable, "'" + options.host + "' has no address");
  for (const asio::ip::udp::endpoint& address : addresses) {
    Result<UdpSocket> socket = UdpSocket::connect(executor, address);
    if (!socket) {
      error = socket.error();
      continue;
    }
    const auto endpoint = std::make_shared<Endpoint>(executor);
    endpoint->add_socket(std::move(*socket));
    const SocketAddress remote(address);
    Result<std::shared_ptr<Ngtcp2Connection>> made =
        Ngtcp2Connection::make_client(*endpoint, remote, *credentials, options);
    if (!made) co_return made.error();
    const std::shared_ptr<Connection> handle = Ngtcp2Connection::make_handle(*made);
    (*made)->flush();
    Result<void> established = co_await (*made)->wait_established();
    if (established) co_return handle;
    error = established.error();
    if (!worth_another_address(error.code)) break;
  }
  co_return Error(error.code, options.host + " port " + std::to_string(options.port) + "/udp: " + error.detail);
}

Result<void> rebind(Connection& connection) {
  auto* const client = dynamic_cast<Ngtcp2Connection*>(&connection);
  if (!client) return Error(ErrorCode::invalid_argument, "rebind: not a connection of ours");
  return client->migrate(false);
}

}  // namespace gogrid::net::quic
