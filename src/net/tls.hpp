// TLS 1.2 and 1.3 over a socket (OpenSSL). A context is made once and shared by its connections; streams belong to one
// connection each and are used on its executor's thread. OpenSSL's headers stay behind this one.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/socket_stream.hpp"

namespace gogrid::net {

class TlsContext;

// invalid_argument for a certificate or key that cannot be read or do not belong together.
Result<std::shared_ptr<TlsContext>> make_server_context(const ServerTls& tls);
Result<std::shared_ptr<TlsContext>> make_client_context(const ClientTls& tls);

// A stream whose handshake is still to be made: by handshake(), once, before anything else. close() ends it.
class TlsStream : public SocketStream {
 public:
  // `unauthenticated`: the peer cannot be trusted; `protocol`: it does not speak TLS as we do.
  virtual boost::asio::awaitable<Result<void>> handshake() = 0;
};
std::unique_ptr<TlsStream> make_tls_server_stream(Socket socket, std::shared_ptr<TlsContext> context);
// `server_name`: the DNS name or address that the server's certificate must hold.
std::unique_ptr<TlsStream> make_tls_client_stream(Socket socket, std::shared_ptr<TlsContext> context,
                                                  const std::string& server_name);

}  // namespace gogrid::net
