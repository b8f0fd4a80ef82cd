#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/json_fields.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

constexpr std::int64_t default_limit = 100;
constexpr std::int64_t max_limit = 1000;

json to_json(const store::AuditRecord& act) {
  json detail = json::parse(act.detail, nullptr, false);
  return {{"sequence", act.sequence}, {"at", to_unix_seconds(act.at)},
          {"actor", act.actor},       {"action", act.action},
          {"subject", act.subject},   {"detail", detail.is_discarded() ? json::object() : std::move(detail)}};
}

asio::awaitable<void> list_audit(ApiRequest& request, store::AuditStore& audit) {
  const auto limit = query_integer(request.head(), "limit", 1, max_limit);
  if (!limit) co_return co_await respond_error(request.exchange, limit.error());
  const auto before = query_integer(request.head(), "before", 1, INT64_MAX);
  if (!before) co_return co_await respond_error(request.exchange, before.error());
  const auto most = static_cast<std::size_t>(limit->value_or(default_limit));
  // One more tells whether there are more.
  auto acts = co_await audit.list_audit(before->value_or(0), most + 1);
  if (!acts) co_return co_await respond_error(request.exchange, acts.error());
  const bool has_more = acts->size() > most;
  if (has_more) acts->resize(most);
  json data = json::array();
  for (const auto& act : *acts)
    data.push_back(to_json(act));
  std::string text = to_text(json{
      {"data", std::move(data)}, {"has_more", has_more}, {"next", has_more ? json(acts->back().sequence) : json()}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

}  // namespace

void mount_audit_routes(Router& router, store::AuditStore& audit) {
  router.add("GET", "/api/v1/audit", Scope::admin, [&](ApiRequest& request) { return list_audit(request, audit); });
}

}  // namespace gogrid::coordinator
