// Enrolment: turns a join token and a certificate request into a worker with a certificate, and renews it. Holds the
// authority's key. Owned by the Coordinator, used on the io thread.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <string>

#include "base/clock.hpp"
#include "coordinator/audit.hpp"
#include "coordinator/registry.hpp"
#include "net/pki.hpp"

namespace gogrid::coordinator {

class Enrolment {
 public:
  // `pool`: for signatures.
  Enrolment(net::pki::KeyAndCertificate authority, std::chrono::hours certificate_lifetime, store::TokenStore& tokens,
            WorkerRegistry& workers, AuditLog& audit, const Clock& clock, boost::asio::thread_pool& pool);

  struct Enrolled {
    std::string worker_id;
    std::string certificate_chain;
    std::string authority;
  };
  // `credential`: "<id>.<secret>" of a join token. permission_denied with the reason when the token does not serve,
  // invalid_argument for a bad request. The token is used only when a certificate was issued.
  Pending<Enrolled> enrol(std::string credential, std::string certificate_request, std::string host_name);

  // A new certificate chain for a worker that is connected.
  Pending<std::string> renew(std::string worker_id, std::string certificate_request);

  const std::string& authority_certificate() const { return authority_.certificate; }

 private:
  Result<void> check(const std::optional<store::TokenRecord>& token, const std::string& secret) const;
  Pending<std::string> issue(std::string worker_id, std::string certificate_request);

  net::pki::KeyAndCertificate authority_;
  std::chrono::hours certificate_lifetime_;
  store::TokenStore& tokens_;
  WorkerRegistry& workers_;
  AuditLog& audit_;
  const Clock& clock_;
  boost::asio::thread_pool& pool_;
};

}  // namespace gogrid::coordinator
