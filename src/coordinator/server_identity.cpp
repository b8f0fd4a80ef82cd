#include "coordinator/server_identity.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/sha256.hpp"

namespace gogrid::coordinator {
namespace {

constexpr auto lifetime = std::chrono::hours(24 * 30);
constexpr std::size_t max_pem_bytes = 256 * 1024;

std::vector<std::string> names_of(const CoordinatorConfig& config) {
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
  const auto add = [&](const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) add(host.data());
  if (config.server.bind_addr != "0.0.0.0" && config.server.bind_addr != "::") add(config.server.bind_addr);
  for (const std::string& name : config.server.names)
    add(name);
  return names;
}

}  // namespace

ServerIdentity::ServerIdentity(net::pki::KeyAndCertificate authority, const CoordinatorConfig& config)
    : authority_(std::move(authority)),
      names_(names_of(config)),
      cert_path_(config.tls.cert_path),
      key_path_(config.tls.key_path) {}

std::chrono::hours ServerIdentity::renewal_interval() { return lifetime * 2 / 3; }

Result<void> ServerIdentity::issue(SystemTime now) {
  auto issued = net::pki::issue_server_certificate(authority_, names_, now, lifetime);
  if (!issued) return issued.error();
  own_ = std::move(*issued);
  // The root goes along for clients that know only its pin.
  own_.certificate += authority_.certificate;
  return {};
}

Result<void> ServerIdentity::load_public_pair() {
  if (cert_path_.empty()) return {};
  auto certificate = read_file(cert_path_, max_pem_bytes);
  if (!certificate) return Error(certificate.error().code, "tls.cert_path: " + certificate.error().detail);
  auto key = read_file(key_path_, max_pem_bytes);
  if (!key) return Error(key.error().code, "tls.key_path: " + key.error().detail);
  if (auto pair = net::pki::check_pair(*certificate, *key); !pair) {
    return Error(pair.error().code, "tls.cert_path and tls.key_path do not belong together: " + pair.error().detail);
  }
  public_.emplace();
  public_->certificate = std::move(*certificate);
  public_->private_key = std::move(*key);
  return {};
}

net::ServerTls ServerIdentity::server_tls() const {
  net::ServerTls tls;
  const net::pki::KeyAndCertificate& shown = public_ ? *public_ : own_;
  tls.certificate_chain = shown.certificate;
  tls.private_key = shown.private_key;
  tls.internal_name = net::pki::coordinator_name;
  tls.internal_certificate_chain = own_.certificate;
  tls.internal_private_key = own_.private_key;
  return tls;
}

std::string ServerIdentity::reset_secret() const { return Sha256::hex(as_bytes(authority_.private_key)); }

net::quic::Credentials ServerIdentity::quic_credentials() const {
  net::quic::Credentials credentials;
  credentials.certificate_chain = own_.certificate;
  credentials.private_key = own_.private_key;
  credentials.trusted_ca = authority_.certificate;
  return credentials;
}

}  // namespace gogrid::coordinator
