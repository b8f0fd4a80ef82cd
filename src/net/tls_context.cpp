#include "net/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>

#include "base/encoding.hpp"
#include "base/sha256.hpp"

namespace gogrid::net {
namespace {

constexpr std::array<unsigned char, 9> alpn_http_1_1{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct X509Deleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Certificate = std::unique_ptr<X509, X509Deleter>;

std::unique_ptr<BIO, BioDeleter> open_text(const std::string& text) {
  return std::unique_ptr<BIO, BioDeleter>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// OpenSSL would ask on the terminal.
int no_password(char*, int, int, void*) { return 0; }

std::vector<Certificate> read_certificates(const std::string& pem) {
  std::vector<Certificate> certificates;
  const auto bio = open_text(pem);
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr))
    certificates.emplace_back(next);
  ERR_clear_error();
  return certificates;
}

Result<SslContext> make_context(const SSL_METHOD* method) {
  SslContext context(SSL_CTX_new(method));
  if (!context) return Error(ErrorCode::internal, "TLS: " + take_ssl_error());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // One read for a record's head and body.
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

Result<void> use_pair(SSL_CTX* context, const std::string& chain, const std::string& key_pem) {
  const std::vector<Certificate> certificates = read_certificates(chain);
  if (certificates.empty()) return Error(ErrorCode::invalid_argument, "the TLS certificate is not a PEM certificate");
  const auto bio = open_text(key_pem);
  const std::unique_ptr<EVP_PKEY, KeyDeleter> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!key) {
    return Error(ErrorCode::invalid_argument,
                 "the TLS private key is not a PEM key without a password: " + take_ssl_error());
  }
  if (SSL_CTX_use_certificate(context, certificates.front().get()) != 1) {
    return Error(ErrorCode::invalid_argument, "the TLS certificate cannot be used: " + take_ssl_error());
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return Error(ErrorCode::invalid_argument, "the TLS private key does not belong to the certificate");
  }
  for (std::size_t i = 1; i < certificates.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, certificates[i].get()) != 1) {
      return Error(ErrorCode::invalid_argument, "the TLS certificate chain cannot be used: " + take_ssl_error());
    }
  }
  return {};
}

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* offered,
                unsigned offered_length, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, alpn_http_1_1.data(), alpn_http_1_1.size(), offered, offered_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int select_certificate(SSL* ssl, int*, void* argument) {
  const auto* context = static_cast<const TlsContext*>(argument);
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name && context->internal && equal_ignoring_case(name, context->internal_name)) {
    SSL_set_SSL_CTX(ssl, context->internal.get());
  }
  return SSL_TLSEXT_ERR_OK;
}

std::string public_key_pin(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return {};
  std::string pin = Sha256::hex(std::as_bytes(std::span<unsigned char>(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return pin;
}

// Makes the one certificate of the server's chain that has the pinned key the only authority, then verifies as usual.
int verify_pinned(X509_STORE_CTX* store, void* argument) {
  const auto* context = static_cast<const TlsContext*>(argument);
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_untrusted(store);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* candidate = sk_X509_value(chain, i);
    if (!equal_ignoring_case(public_key_pin(candidate), context->pinned_authority)) continue;
    STACK_OF(X509)* trusted = sk_X509_new_null();
    if (!trusted || sk_X509_push(trusted, candidate) == 0) {
      sk_X509_free(trusted);
      break;
    }
    X509_STORE_CTX_set0_trusted_stack(store, trusted);
    const int verified = X509_verify_cert(store);
    sk_X509_free(trusted);
    return verified;
  }
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

}  // namespace

std::string take_ssl_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "unknown error";
}

Result<std::shared_ptr<TlsContext>> make_server_context(const ServerTls& tls) {
  auto context = std::make_shared<TlsContext>();
  auto main = make_context(TLS_server_method());
  if (!main) return main.error();
  context->main = std::move(*main);
  if (const auto used = use_pair(context->main.get(), tls.certificate_chain, tls.private_key); !used)
    return used.error();
  if (!tls.internal_name.empty()) {
    auto internal = make_context(TLS_server_method());
    if (!internal) return internal.error();
    context->internal = std::move(*internal);
    context->internal_name = tls.internal_name;
    const auto used = use_pair(context->internal.get(), tls.internal_certificate_chain, tls.internal_private_key);
    if (!used) return used.error();
    SSL_CTX_set_tlsext_servername_callback(context->main.get(), select_certificate);
    SSL_CTX_set_tlsext_servername_arg(context->main.get(), context.get());
  }
  SSL_CTX_set_alpn_select_cb(context->main.get(), select_alpn, nullptr);
  // One ticket lets a client resume; the cache above is off, so resuming costs the server no memory.
  SSL_CTX_set_num_tickets(context->main.get(), 1);
  return context;
}

Result<std::shared_ptr<TlsContext>> make_client_context(const ClientTls& tls) {
  auto context = std::make_shared<TlsContext>();
  auto main = make_context(TLS_client_method());
  if (!main) return main.error();
  context->main = std::move(*main);
  SSL_CTX* ssl = context->main.get();
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(ssl, alpn_http_1_1.data(), alpn_http_1_1.size());
  if (!tls.pinned_authority.empty()) {
    context->pinned_authority = tls.pinned_authority;
    SSL_CTX_set_cert_verify_callback(ssl, verify_pinned, context.get());
  } else if (!tls.trusted_ca.empty()) {
    const std::vector<Certificate> authorities = read_certificates(tls.trusted_ca);
    if (authorities.empty()) return Error(ErrorCode::invalid_argument, "the trusted CA is not a PEM certificate");
    for (const Certificate& authority : authorities)
      X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), authority.get());
  } else {
    SSL_CTX_set_default_verify_paths(ssl);
  }
  ERR_clear_error();
  return context;
}

}  // namespace gogrid::net
