// ServerIdentity: the certificates the coordinator shows: its own, issued by its authority at each start and again
// before it expires, and the public pair of tls.cert_path, if there is one. Owned by the Coordinator, used on the io
// thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "coordinator/config.hpp"
#include "net/http_server.hpp"
#include "net/pki.hpp"
#include "net/quic/quic.hpp"

namespace gogrid::coordinator {

class ServerIdentity {
 public:
  // The server's own names are found here: localhost, its addresses of itself, its host name.
  ServerIdentity(net::pki::KeyAndCertificate authority, const CoordinatorConfig& config);

  // A new certificate and key of our own.
  Result<void> issue(SystemTime now);
  // How long after issue() the next one is due.
  static std::chrono::hours renewal_interval();

  // Reads the public pair anew; on an error, which names the file, the old one stays. Blocking, but small.
  Result<void> load_public_pair();

  net::ServerTls server_tls() const;
  net::quic::Credentials quic_credentials() const;
  // For quic::ListenOptions::reset_secret: the same as long as the authority is.
  std::string reset_secret() const;

 private:
  net::pki::KeyAndCertificate authority_;
  std::vector<std::string> names_;
  std::filesystem::path cert_path_;
  std::filesystem::path key_path_;
  // Its certificate is the whole chain.
  net::pki::KeyAndCertificate own_;
  std::optional<net::pki::KeyAndCertificate> public_;
};

}  // namespace gogrid::coordinator
