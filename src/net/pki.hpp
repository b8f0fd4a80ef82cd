// The coordinator's own small certificate authority, and what a worker needs of it: P-256 keys, certificate requests
// and certificates as PEM text. Pure functions, any thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace gogrid::net::pki {

// The name in every coordinator's certificate whatever its host is called: workers verify this one, pinned to the CA.
inline constexpr const char* coordinator_name = "coordinator.gogrid.internal";

struct KeyAndCertificate {
  std::string private_key;  // PKCS #8 PEM
  std::string certificate;  // PEM
};

// A new P-256 private key, PKCS #8 PEM.
Result<std::string> generate_key();

// A self-signed authority with a new key (CA:TRUE, pathlen 0, keyCertSign), valid for `lifetime`.
Result<KeyAndCertificate> create_authority(const std::string& common_name, std::chrono::system_clock::time_point now,
                                           std::chrono::hours lifetime);

// invalid_argument for what is neither a DNS name nor an IP address: it cannot stand in a certificate.
Result<void> check_host(const std::string& name);

// A server certificate with a new key. Each of `names` is a DNS name or an IP address; coordinator_name is added.
Result<KeyAndCertificate> issue_server_certificate(const KeyAndCertificate& authority,
                                                   const std::vector<std::string>& names,
                                                   std::chrono::system_clock::time_point now,
                                                   std::chrono::hours lifetime);

// A PKCS #10 request for `private_key`, PEM. What it asks for is ignored by the issuer but for its key.
Result<std::string> create_request(const std::string& private_key, const std::string& common_name);

// A client certificate (clientAuth, CN = common_name, random serial) for the key of `request`, whose self-signature is
// checked. Only P-256 keys are accepted.
Result<std::string> issue_client_certificate(const KeyAndCertificate& authority, const std::string& request,
                                             const std::string& common_name, std::chrono::system_clock::time_point now,
                                             std::chrono::hours lifetime);

struct CertificateInfo {
  std::string common_name;
  std::string serial;          // hexadecimal, lower case, no leading zeros
  std::string fingerprint;     // SHA-256 of the DER form, hexadecimal
  std::string public_key_pin;  // SHA-256 of the SubjectPublicKeyInfo, hexadecimal
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
};
// Of the first certificate in `pem`.
Result<CertificateInfo> inspect(const std::string& pem);

// invalid_argument unless `private_key` belongs to the first certificate of `certificate`.
Result<void> check_pair(const std::string& certificate, const std::string& private_key);

}  // namespace gogrid::net::pki
