#include "coordinator/enrolment.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/blocking.hpp"
#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/sha256.hpp"
#include "domain/name.hpp"

namespace gogrid::coordinator {

Enrolment::Enrolment(net::pki::KeyAndCertificate authority, std::chrono::hours certificate_lifetime,
                     store::TokenStore& tokens, WorkerRegistry& workers, AuditLog& audit, const Clock& clock,
                     boost::asio::thread_pool& pool)
    : authority_(std::move(authority)),
      certificate_lifetime_(certificate_lifetime),
      tokens_(tokens),
      workers_(workers),
      audit_(audit),
      clock_(clock),
      pool_(pool) {}

Result<void> Enrolment::check(const std::optional<store::TokenRecord>& token, const std::string& secret) const {
  static const std::string nobody(64, '0');
  const bool same = equal_in_constant_time(Sha256::hex(as_bytes(secret)), token ? token->secret_sha256 : nobody);
  if (!token || !same) {
    return Error(ErrorCode::permission_denied,
                 "this join token is not known here: it was removed, damaged, or is another coordinator's; make a new "
                 "one with `gogrid token create`");
  }
  if (token->uses_left <= 0) {
    return Error(ErrorCode::permission_denied,
                 "this join token has been used; make a new one with `gogrid token create`");
  }
  if (token->expires_at <= clock_.system_now()) {
    return Error(ErrorCode::permission_denied,
                 "this join token has expired; make a new one with `gogrid token create`");
  }
  return {};
}

Pending<std::string> Enrolment::issue(std::string worker_id, std::string certificate_request) {
  auto work = [this, worker_id = std::move(worker_id), request = std::move(certificate_request),
               now = clock_.system_now()] {
    return net::pki::issue_client_certificate(authority_, request, worker_id, now, certificate_lifetime_);
  };
  auto certificate = co_await run_blocking(pool_, std::move(work));
  co_return certificate;
}

Pending<Enrolment::Enrolled> Enrolment::enrol(std::string credential, std::string certificate_request,
                                              std::string host_name) {
  const auto dot = std::min(credential.find('.'), credential.size());
  const std::string id = credential.substr(0, dot);
  const std::string secret = credential.substr(std::min(dot + 1, credential.size()));
  auto token = co_await tokens_.find_token(id);
  if (!token) co_return token.error();
  if (auto good = check(*token, secret); !good) co_return good.error();

  WorkerRecord worker;
  worker.id = random_id("wk");
  worker.host_name = domain::to_worker_name(host_name);
  // A token for one worker names it; one for many cannot.
  worker.name =
      (*token)->uses == 1 && !(*token)->name.empty() ? domain::to_worker_name((*token)->name) : worker.host_name;
  auto certificate = co_await issue(worker.id, std::move(certificate_request));
  if (!certificate) co_return certificate.error();
  auto info = net::pki::inspect(*certificate);
  if (!info) co_return info.error();
  worker.certificate_serial = info->serial;
  worker.certificate_expires_at = info->not_after;
  worker.enrolled_at = clock_.system_now();

  const nlohmann::json detail{{"name", worker.name}, {"host_name", worker.host_name}, {"token", id}};
  AuditLog::Act act{std::string(worker_actor), "worker.enrol", worker.id, detail.dump()};
  std::function<Pending<WorkerRecord>()> join = [&] { return workers_.enrol(id, worker); };
  auto stored = co_await audit_.perform(std::move(act), std::move(join));
  if (!stored) {
    const Error& error = stored.error();
    const bool lost = error.code == ErrorCode::not_found || error.code == ErrorCode::permission_denied;
    if (!lost) co_return error;
    co_return Error(ErrorCode::permission_denied, error.detail + "; make a new one with `gogrid token create`");
  }
  log_event(spdlog::level::info, "worker joined", {{"worker", stored->id}, {"name", stored->name}, {"token", id}});
  Enrolled enrolled;
  enrolled.worker_id = stored->id;
  enrolled.certificate_chain = *certificate + authority_.certificate;
  enrolled.authority = authority_.certificate;
  co_return enrolled;
}

Pending<std::string> Enrolment::renew(std::string worker_id, std::string certificate_request) {
  if (auto admitted = workers_.admit(worker_id); !admitted) co_return admitted.error();
  auto certificate = co_await issue(worker_id, std::move(certificate_request));
  if (!certificate) co_return certificate.error();
  auto info = net::pki::inspect(*certificate);
  if (!info) co_return info.error();
  auto stored = co_await workers_.set_certificate(worker_id, info->serial, info->not_after);
  if (!stored) co_return stored.error();
  log().info("renewed the certificate of worker {}", worker_id);
  co_return *certificate + authority_.certificate;
}

}  // namespace gogrid::coordinator
