#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <array>
#include <span>
#include <utility>

#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "net/quic/tls_session.hpp"

namespace gogrid::net::quic {

class TlsCredentials {
 public:
  TlsCredentials() = default;
  ~TlsCredentials() {
    if (handle) gnutls_certificate_free_credentials(handle);
  }
  TlsCredentials(const TlsCredentials&) = delete;
  TlsCredentials& operator=(const TlsCredentials&) = delete;

  gnutls_certificate_credentials_t handle = nullptr;
};

namespace {

gnutls_datum_t datum(const std::string& text) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())), static_cast<unsigned>(text.size())};
}

// Parsed once: parsing it for every session costs more than the rest of the set-up.
gnutls_priority_t priority() {
  static const gnutls_priority_t parsed = [] {
    gnutls_priority_t value = nullptr;
    const char* const text =
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:"
        "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:%DISABLE_TLS13_COMPAT_MODE";
    return gnutls_priority_init(&value, text, nullptr) == 0 ? value : nullptr;
  }();
  return parsed;
}

Error gnutls_error(const char* what, int code) {
  return Error(ErrorCode::internal, std::string(what) + ": " + gnutls_strerror(code));
}

// GnuTLS has new traffic secrets: those of the application go to our keys, those of the handshake to ngtcp2's own.
int on_secrets(gnutls_session_t session, gnutls_record_encryption_level_t gnutls_level, const void* receive,
               const void* send, std::size_t size) {
  auto* const reference = static_cast<ngtcp2_crypto_conn_ref*>(gnutls_session_get_ptr(session));
  ngtcp2_conn* const conn = reference->get_conn(reference);
  PacketKeyCache& keys = *static_cast<TlsOwner*>(reference)->keys;
  const auto level = ngtcp2_crypto_gnutls_from_gnutls_record_encryption_level(gnutls_level);
  const auto* const receive_secret = static_cast<const std::uint8_t*>(receive);
  const auto* const send_secret = static_cast<const std::uint8_t*>(send);
  if (level == NGTCP2_ENCRYPTION_LEVEL_1RTT) {
    if (receive_secret && install_receive_key(conn, keys, receive_secret, size) != 0) return -1;
    return send_secret ? install_send_key(conn, keys, send_secret, size) : 0;
  }
  if (receive_secret &&
      ngtcp2_crypto_derive_and_install_rx_key(conn, nullptr, nullptr, nullptr, level, receive_secret, size) != 0) {
    return -1;
  }
  if (!send_secret) return 0;
  return ngtcp2_crypto_derive_and_install_tx_key(conn, nullptr, nullptr, nullptr, level, send_secret, size);
}

class GnutlsSession final : public TlsSession {
 public:
  GnutlsSession(std::shared_ptr<const TlsCredentials> credentials, std::string server_name)
      : credentials_(std::move(credentials)), server_name_(std::move(server_name)) {}
  ~GnutlsSession() override {
    if (session_) gnutls_deinit(session_);
  }

  Result<void> start(bool server, const std::string& alpn, TlsOwner* owner);

  void* native_handle() const override { return session_; }
  Result<PeerIdentity> peer() const override;
  std::string verification_failure() const override;

 private:
  std::shared_ptr<const TlsCredentials> credentials_;
  std::string server_name_;
  // GnuTLS keeps a pointer to it.
  std::array<gnutls_typed_vdata_st, 2> expectations_{};
  gnutls_session_t session_ = nullptr;
};

Result<void> GnutlsSession::start(bool server, const std::string& alpn, TlsOwner* owner) {
  // No tickets: a connection lives for days, and sessions that resume would not be verified again.
  const unsigned flags = GNUTLS_NO_TICKETS | GNUTLS_NO_AUTO_SEND_TICKET | GNUTLS_NO_END_OF_EARLY_DATA |
                         GNUTLS_KEY_SHARE_TOP | (server ? GNUTLS_SERVER : GNUTLS_CLIENT);
  if (const int code = gnutls_init(&session_, flags); code != 0) return gnutls_error("TLS session", code);
  if (!priority()) return Error(ErrorCode::internal, "TLS session: GnuTLS refuses our priority string");
  if (const int code = gnutls_priority_set(session_, priority()); code != 0) return gnutls_error("TLS session", code);
  const int configured = server ? ngtcp2_crypto_gnutls_configure_server_session(session_)
                                : ngtcp2_crypto_gnutls_configure_client_session(session_);
  if (configured != 0) return Error(ErrorCode::internal, "TLS session: cannot set up QUIC");
  gnutls_session_set_ptr(session_, static_cast<ngtcp2_crypto_conn_ref*>(owner));
  gnutls_handshake_set_secret_function(session_, on_secrets);
  if (const int code = gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_->handle); code != 0) {
    return gnutls_error("TLS credentials", code);
  }
  const gnutls_datum_t protocol = datum(alpn);
  if (const int code = gnutls_alpn_set_protocols(session_, &protocol, 1, GNUTLS_ALPN_MANDATORY); code != 0) {
    return gnutls_error("TLS ALPN", code);
  }
  expectations_[0].type = GNUTLS_DT_KEY_PURPOSE_OID;
  const char* const purpose = server ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
  expectations_[0].data = reinterpret_cast<unsigned char*>(const_cast<char*>(purpose));
  if (server) {
    gnutls_certificate_server_set_request(session_, GNUTLS_CERT_REQUIRE);
    // Without a list of authorities a client with a foreign certificate sends it, and learns why it is refused.
    gnutls_certificate_send_x509_rdn_sequence(session_, 1);
  } else {
    gnutls_server_name_set(session_, GNUTLS_NAME_DNS, server_name_.data(), server_name_.size());
    expectations_[1].type = GNUTLS_DT_DNS_HOSTNAME;
    expectations_[1].data = reinterpret_cast<unsigned char*>(server_name_.data());
  }
  gnutls_session_set_verify_cert2(session_, expectations_.data(), server ? 1 : 2, 0);
  return {};
}

Result<PeerIdentity> GnutlsSession::peer() const {
  unsigned count = 0;
  const gnutls_datum_t* const chain = gnutls_certificate_get_peers(session_, &count);
  if (!chain || count == 0) return Error(ErrorCode::unauthenticated, "the peer sent no certificate");
  gnutls_x509_crt_t certificate = nullptr;
  if (const int code = gnutls_x509_crt_init(&certificate); code != 0) return gnutls_error("peer's certificate", code);
  const std::unique_ptr<gnutls_x509_crt_int, decltype(&gnutls_x509_crt_deinit)> owner(certificate,
                                                                                      gnutls_x509_crt_deinit);
  if (gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) != 0) {
    return Error(ErrorCode::unauthenticated, "the peer's certificate cannot be read");
  }
  PeerIdentity identity;
  std::array<char, 256> name{};
  std::size_t name_size = name.size();
  if (gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name.data(), &name_size) == 0) {
    identity.common_name.assign(name.data(), name_size);
  }
  std::array<unsigned char, 64> serial{};
  std::size_t serial_size = serial.size();
  if (gnutls_x509_crt_get_serial(certificate, serial.data(), &serial_size) == 0) {
    identity.serial = to_hex(std::as_bytes(std::span(serial.data(), serial_size)));
    const std::size_t first = identity.serial.find_first_not_of('0');
    identity.serial.erase(0, std::min(first, identity.serial.size() - 1));
  }
  identity.fingerprint = Sha256::hex(std::as_bytes(std::span(chain[0].data, chain[0].size)));
  return identity;
}

std::string GnutlsSession::verification_failure() const {
  const unsigned status = gnutls_session_get_verify_cert_status(session_);
  // All bits set: nothing has been verified.
  if (status == 0 || status == static_cast<unsigned>(-1)) return {};
  gnutls_datum_t text{};
  if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) != 0) return "it does not verify";
  std::string reason(reinterpret_cast<char*>(text.data), text.size);
  gnutls_free(text.data);
  while (!reason.empty() && (reason.back() == ' ' || reason.back() == '.'))
    reason.pop_back();
  return reason;
}

Result<std::unique_ptr<TlsSession>> make_session(bool server, std::shared_ptr<const TlsCredentials> credentials,
                                                 const std::string& alpn, const std::string& server_name,
                                                 TlsOwner* owner) {
  auto session = std::make_unique<GnutlsSession>(std::move(credentials), server_name);
  if (Result<void> started = session->start(server, alpn, owner); !started) return started.error();
  return std::unique_ptr<TlsSession>(std::move(session));
}

}  // namespace

Result<std::shared_ptr<const TlsCredentials>> load_credentials(const Credentials& credentials) {
  auto loaded = std::make_shared<TlsCredentials>();
  if (const int code = gnutls_certificate_allocate_credentials(&loaded->handle); code != 0) {
    return gnutls_error("TLS credentials", code);
  }
  const gnutls_datum_t authority = datum(credentials.trusted_ca);
  if (gnutls_certificate_set_x509_trust_mem(loaded->handle, &authority, GNUTLS_X509_FMT_PEM) <= 0) {
    return Error(ErrorCode::invalid_argument, "TLS: the trusted authority is not a PEM certificate");
  }
  const gnutls_datum_t chain = datum(credentials.certificate_chain);
  const gnutls_datum_t key = datum(credentials.private_key);
  const int code = gnutls_certificate_set_x509_key_mem2(loaded->handle, &chain, &key, GNUTLS_X509_FMT_PEM, nullptr, 0);
  if (code < 0) {
    return Error(ErrorCode::invalid_argument,
                 std::string("TLS: our certificate and private key cannot be used: ") + gnutls_strerror(code));
  }
  return std::shared_ptr<const TlsCredentials>(std::move(loaded));
}

Result<std::unique_ptr<TlsSession>> make_server_session(std::shared_ptr<const TlsCredentials> credentials,
                                                        const std::string& alpn, TlsOwner* owner) {
  return make_session(true, std::move(credentials), alpn, {}, owner);
}

Result<std::unique_ptr<TlsSession>> make_client_session(std::shared_ptr<const TlsCredentials> credentials,
                                                        const std::string& alpn, const std::string& server_name,
                                                        TlsOwner* owner) {
  return make_session(false, std::move(credentials), alpn, server_name, owner);
}

std::string tls_alert_name(unsigned alert) {
  const char* const name = gnutls_alert_get_name(static_cast<gnutls_alert_description_t>(alert));
  return name ? name : "alert " + std::to_string(alert);
}

}  // namespace gogrid::net::quic
