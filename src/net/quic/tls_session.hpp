// TLS 1.3 under QUIC: credentials, session set-up, verification of the peer. One implementation a TLS library
// (tls_session_gnutls.cpp); everything else uses this interface and ngtcp2's own.
#pragma once

#include <ngtcp2/ngtcp2_crypto.h>

#include <memory>
#include <string>

#include "net/quic/packet_keys.hpp"
#include "net/quic/quic.hpp"

namespace gogrid::net::quic {

// Where a session finds its connection, and keeps the packet keys.
struct TlsOwner : ngtcp2_crypto_conn_ref {
  PacketKeyCache* keys = nullptr;
};

// Parsed certificates and key, shared by the sessions that use them.
class TlsCredentials;

// invalid_argument if a PEM text cannot be read or key and certificate do not belong together.
Result<std::shared_ptr<const TlsCredentials>> load_credentials(const Credentials& credentials);

// One handshake. Needed until the peer's identity has been read and the handshake is confirmed; keys live on in ngtcp2.
class TlsSession {
 public:
  virtual ~TlsSession() = default;

  // What ngtcp2_conn_set_tls_native_handle() wants.
  virtual void* native_handle() const = 0;

  // After the handshake: who the verified certificate names.
  virtual Result<PeerIdentity> peer() const = 0;

  // Why the peer's certificate did not verify; empty if it did or was not looked at.
  virtual std::string verification_failure() const = 0;
};

// `owner` must outlive the session. A server demands a client certificate; a client verifies that the server's carries
// `server_name`. Both trust the credentials' authority and nothing else.
Result<std::unique_ptr<TlsSession>> make_server_session(std::shared_ptr<const TlsCredentials> credentials,
                                                        const std::string& alpn, TlsOwner* owner);
Result<std::unique_ptr<TlsSession>> make_client_session(std::shared_ptr<const TlsCredentials> credentials,
                                                        const std::string& alpn, const std::string& server_name,
                                                        TlsOwner* owner);

// The name of a TLS alert (RFC 8446 §6), for messages.
std::string tls_alert_name(unsigned alert);

}  // namespace gogrid::net::quic
