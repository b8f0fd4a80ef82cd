#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/audit.hpp"
#include "coordinator/keys.hpp"
#include "domain/name.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

constexpr std::int64_t max_lifetime_seconds = std::int64_t{100} * 365 * 24 * 3600;
constexpr std::int64_t max_limit = 1'000'000'000'000;
constexpr std::size_t max_models = 1000;

json time_or_null(const std::optional<SystemTime>& time) { return time ? json(to_unix_seconds(*time)) : json(); }

json to_json(const store::KeyRecord& key) {
  return {{"id", key.id},
          {"name", key.name},
          {"scopes", key.scopes},
          {"models", key.policy.models},
          {"weight", key.policy.weight},
          {"requests_per_minute", key.policy.requests_per_minute},
          {"tokens_per_minute", key.policy.tokens_per_minute},
          {"max_concurrent", key.policy.max_concurrent},
          {"max_queued", key.policy.max_queued},
          {"created_at", to_unix_seconds(key.created_at)},
          {"expires_at", time_or_null(key.expires_at)},
          {"revoked_at", time_or_null(key.revoked_at)},
          {"last_used_at", time_or_null(key.last_used_at)}};
}

std::optional<ErrorResponse> read_models(const JsonFields& fields, std::optional<std::vector<std::string>>& models) {
  auto given = fields.texts("models", max_models);
  if (!given) return given.error();
  if (*given) {
    // A model may come later than the key.
    for (const std::string& name : **given) {
      if (auto good = check_name(name, "models"); !good) return good.error();
    }
    std::sort((*given)->begin(), (*given)->end());
    (*given)->erase(std::unique((*given)->begin(), (*given)->end()), (*given)->end());
  }
  models = std::move(*given);
  return std::nullopt;
}

// All but the name.
ApiResult<KeyRing::Changes> read_changes(const JsonFields& fields) {
  KeyRing::Changes changes;
  if (auto wrong = read_models(fields, changes.models)) return std::move(*wrong);
  const auto weight = fields.number("weight", domain::min_key_weight, domain::max_key_weight);
  if (!weight) return weight.error();
  changes.weight = *weight;
  const std::pair<const char*, std::optional<std::int64_t>*> limits[] = {
      {"requests_per_minute", &changes.requests_per_minute},
      {"tokens_per_minute", &changes.tokens_per_minute},
      {"max_concurrent", &changes.max_concurrent},
      {"max_queued", &changes.max_queued}};
  for (const auto& [name, place] : limits) {
    const auto limit = fields.integer(name, 0, max_limit);
    if (!limit) return limit.error();
    *place = *limit;
  }
  return changes;
}

// For the audit log: what was asked for.
json to_json(const KeyRing::Changes& changes) {
  json detail = json::object();
  const auto note = [&](const char* name, const auto& value) {
    if (value) detail[name] = *value;
  };
  note("name", changes.name);
  note("models", changes.models);
  note("weight", changes.weight);
  note("requests_per_minute", changes.requests_per_minute);
  note("tokens_per_minute", changes.tokens_per_minute);
  note("max_concurrent", changes.max_concurrent);
  note("max_queued", changes.max_queued);
  return detail;
}

struct NewKey {
  std::string name;
  std::vector<std::string> scopes;
  std::optional<std::int64_t> lifetime_seconds;
  KeyRing::Changes policy;
};

ApiResult<std::vector<std::string>> read_scopes(const JsonFields& fields) {
  auto given = fields.texts("scopes", 8);
  if (!given) return given.error();
  auto scopes = given->value_or(std::vector<std::string>{std::string(to_string(Scope::inference))});
  std::sort(scopes.begin(), scopes.end());
  scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
  for (const std::string& scope : scopes) {
    if (scope == to_string(Scope::inference) || scope == to_string(Scope::admin)) continue;
    return ErrorResponse(400, "there is no scope \"" + scope + "\", only inference and admin", "invalid_scope",
                         "scopes");
  }
  if (scopes.empty())
    return ErrorResponse(400, "\"scopes\" is empty: name inference, admin or both", "invalid_scope", "scopes");
  return scopes;
}

ApiResult<NewKey> read_new_key(const JsonFields& fields) {
  NewKey key;
  auto text = fields.required_text("name", 1024);
  if (!text) return text.error();
  auto name = check_label(*text, "name");
  if (!name) return name.error();
  key.name = std::move(*name);
  auto scopes = read_scopes(fields);
  if (!scopes) return scopes.error();
  key.scopes = std::move(*scopes);
  auto lifetime = fields.integer("expires_in_seconds", 0, max_lifetime_seconds);
  if (!lifetime) return lifetime.error();
  key.lifetime_seconds = *lifetime;
  auto policy = read_changes(fields);
  if (!policy) return policy.error();
  key.policy = std::move(*policy);
  return key;
}

struct Sources {
  KeyRing& keys;
  AuditLog& audit;
  const Clock& clock;
};

asio::awaitable<void> create_key(ApiRequest& request, const Sources& sources) {
  std::vector<std::string_view> known{"name",
                                      "scopes",
                                      "expires_in_seconds",
                                      "models",
                                      "weight",
                                      "requests_per_minute",
                                      "tokens_per_minute",
                                      "max_concurrent",
                                      "max_queued"};
  const auto fields = co_await read_fields(request.exchange, std::move(known));
  if (!fields) co_return co_await respond_error(request.exchange, fields.error());
  auto wanted = read_new_key(*fields);
  if (!wanted) co_return co_await respond_error(request.exchange, wanted.error());
  std::optional<SystemTime> expires_at;
  if (wanted->lifetime_seconds)
    expires_at = sources.clock.system_now() + std::chrono::seconds(*wanted->lifetime_seconds);
  json detail = to_json(wanted->policy);
  detail.update({{"name", wanted->name}, {"scopes", wanted->scopes}, {"expires_at", time_or_null(expires_at)}});
  const auto created = sources.keys.make(std::move(wanted->name), std::move(wanted->scopes), expires_at,
                                         KeyRing::apply(std::move(wanted->policy), {}));
  AuditLog::Act act{request.key->id, "key.create", created.record.id, to_text(detail)};
  std::function<store::Pending<>()> add = [&] { return sources.keys.add(created.record); };
  const auto added = co_await sources.audit.perform(std::move(act), std::move(add));
  if (!added) co_return co_await respond_error(request.exchange, added.error());
  json answer = to_json(created.record);
  answer["key"] = created.key;
  std::string text = to_text(answer);
  co_await respond_json(request.exchange, 201, std::move(text));
}

asio::awaitable<void> change_key(ApiRequest& request, const Sources& sources) {
  std::vector<std::string_view> known{
      "name", "models", "weight", "requests_per_minute", "tokens_per_minute", "max_concurrent", "max_queued"};
  const auto fields = co_await read_fields(request.exchange, std::move(known));
  if (!fields) co_return co_await respond_error(request.exchange, fields.error());
  auto changes = read_changes(*fields);
  if (!changes) co_return co_await respond_error(request.exchange, changes.error());
  const auto name = fields->text("name", 1024);
  if (!name) co_return co_await respond_error(request.exchange, name.error());
  if (*name) {
    auto label = check_label(**name, "name");
    if (!label) co_return co_await respond_error(request.exchange, label.error());
    changes->name = std::move(*label);
  }
  const json detail = to_json(*changes);
  if (detail.empty()) {
    ErrorResponse error(400, "there is nothing to change in this request", "missing_field");
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  const std::string& id = request.parameters[0];
  if (auto good = sources.keys.may_change(id); !good) co_return co_await respond_error(request.exchange, good.error());
  AuditLog::Act act{request.key->id, "key.change", id, to_text(detail)};
  std::function<store::Pending<store::KeyRecord>()> change = [&] { return sources.keys.update(id, *changes); };
  const auto changed = co_await sources.audit.perform(std::move(act), std::move(change));
  if (!changed) co_return co_await respond_error(request.exchange, changed.error());
  std::string text = to_text(to_json(*changed));
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> list_keys(ApiRequest& request, const KeyRing& keys) {
  json data = json::array();
  for (const auto& key : keys.list())
    data.push_back(to_json(key));
  std::string text = to_text(json{{"data", std::move(data)}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> revoke_key(ApiRequest& request, const Sources& sources) {
  const std::string& id = request.parameters[0];
  const auto revoked = co_await sources.keys.revoke(id);
  const store::KeyRecord* key = sources.keys.find(id);
  if (!key || !key->revoked_at) co_return co_await respond_error(request.exchange, revoked.error());
  // It is good for nothing already, whatever can be written down.
  AuditLog::Act act{request.key->id, "key.revoke", id, to_text(json{{"name", key->name}})};
  const auto recorded = co_await sources.audit.record(std::move(act));
  if (!revoked) co_return co_await respond_error(request.exchange, revoked.error());
  if (!recorded) co_return co_await respond_error(request.exchange, recorded.error());
  co_await respond_nothing(request.exchange);
}

}  // namespace

void mount_key_routes(Router& router, KeyRing& keys, AuditLog& audit, const Clock& clock) {
  const Sources sources{keys, audit, clock};
  router.add("POST", "/api/v1/keys", Scope::admin,
             [sources](ApiRequest& request) { return create_key(request, sources); });
  router.add("GET", "/api/v1/keys", Scope::admin, [&](ApiRequest& request) { return list_keys(request, keys); });
  router.add("PATCH", "/api/v1/keys/{id}", Scope::admin,
             [sources](ApiRequest& request) { return change_key(request, sources); });
  router.add("DELETE", "/api/v1/keys/{id}", Scope::admin,
             [sources](ApiRequest& request) { return revoke_key(request, sources); });
}

}  // namespace gogrid::coordinator
