#include "coordinator/audit.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.hpp"

namespace gogrid::coordinator {

store::Pending<> AuditLog::record(Act act) {
  store::AuditRecord record;
  record.at = clock_.system_now();
  record.actor = std::move(act.actor);
  record.action = std::move(act.action);
  record.subject = std::move(act.subject);
  record.detail = std::move(act.detail);
  auto added = co_await store_.add_audit(record);
  if (added) co_return added;
  log_event(spdlog::level::err, "an act could not be recorded",
            {{"actor", record.actor},
             {"action", record.action},
             {"subject", record.subject},
             {"reason", added.error().detail}});
  co_return Error(added.error().code, "the audit log cannot be written: " + added.error().detail);
}

boost::asio::awaitable<void> AuditLog::record_failure(Act act, Error reason) {
  act.action += ".failed";
  act.detail = nlohmann::json{{"reason", to_string(reason.code)}}.dump();
  // Whoever acted is told why; the log has what became of this.
  (void)co_await record(std::move(act));
}

}  // namespace gogrid::coordinator
