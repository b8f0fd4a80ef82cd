// Inside of TLS contexts: for tls_context.cpp and tls_stream.cpp only.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "net/tls.hpp"

namespace gogrid::net {

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextDeleter>;

class TlsContext {
 public:
  SslContext main;
  // Server: for clients that name `internal_name`; may be empty.
  std::string internal_name;
  SslContext internal;
  // Client: the SHA-256 of the only authority's public key; may be empty.
  std::string pinned_authority;
};

// The newest text in OpenSSL's error queue, which is emptied.
std::string take_ssl_error();

}  // namespace gogrid::net
