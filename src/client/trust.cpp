#include "client/trust.hpp"

#include <chrono>

#include "base/clock.hpp"
#include "net/http_client.hpp"
#include "net/pki.hpp"
#include "net/server_chain.hpp"

namespace gogrid::client {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds patience{10};

}  // namespace

asio::awaitable<Result<bool>> is_trusted(asio::any_io_executor executor, ServerAddress server, std::string trusted_ca) {
  net::ClientTls tls;
  tls.trusted_ca = std::move(trusted_ca);
  const auto http =
      net::make_http_client(std::move(executor), net::HttpEndpoint::https(server.host, server.port, std::move(tls)),
                            {patience, patience, patience});
  net::HttpClientRequest request;
  request.target = server.path_prefix + "/healthz";
  const auto response = co_await http->send(std::move(request));
  if (response) co_return true;
  if (response.error().code == ErrorCode::unauthenticated) co_return false;
  co_return response.error();
}

asio::awaitable<Result<Authority>> fetch_authority(asio::any_io_executor executor, ServerAddress server,
                                                   std::string pin) {
  const auto chain = co_await net::fetch_server_chain(std::move(executor), server.host, server.port, patience);
  if (!chain) co_return chain.error();
  for (auto certificate = chain->rbegin(); certificate != chain->rend(); ++certificate) {
    const auto info = net::pki::inspect(*certificate);
    if (!info)
      co_return Error(ErrorCode::protocol,
                      server.url() + " shows a certificate that cannot be read: " + info.error().detail);
    if (!pin.empty() && info->public_key_pin != pin) continue;
    Authority authority;
    authority.certificate = *certificate;
    authority.common_name = info->common_name;
    authority.pin = info->public_key_pin;
    authority.expires_at = to_unix_seconds(info->not_after);
    co_return authority;
  }
  co_return Error(
      ErrorCode::unauthenticated,
      server.url() + " shows no certificate with this pin: it is not the coordinator you mean, or the pin is wrong");
}

}  // namespace gogrid::client
