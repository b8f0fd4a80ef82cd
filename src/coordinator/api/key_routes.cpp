#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/keys.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

constexpr std::int64_t max_lifetime_seconds = std::int64_t{100} * 365 * 24 * 3600;

json time_or_null(const std::optional<SystemTime>& time) { return time ? json(to_unix_seconds(*time)) : json(); }

json to_json(const store::KeyRecord& key) {
  return {{"id", key.id},
          {"name", key.name},
          {"scopes", key.scopes},
          {"created_at", to_unix_seconds(key.created_at)},
          {"expires_at", time_or_null(key.expires_at)},
          {"revoked_at", time_or_null(key.revoked_at)},
          {"last_used_at", time_or_null(key.last_used_at)}};
}

struct NewKey {
  std::string name;
  std::vector<std::string> scopes;
  std::optional<std::int64_t> lifetime_seconds;
};

ApiResult<NewKey> read_new_key(const JsonFields& fields) {
  NewKey key;
  auto text = fields.required_text("name", 1024);
  if (!text) return text.error();
  auto name = check_label(*text, "name");
  if (!name) return name.error();
  key.name = std::move(*name);
  auto scopes = fields.texts("scopes", 8);
  if (!scopes) return scopes.error();
  key.scopes = scopes->value_or(std::vector<std::string>{std::string(to_string(Scope::inference))});
  std::sort(key.scopes.begin(), key.scopes.end());
  key.scopes.erase(std::unique(key.scopes.begin(), key.scopes.end()), key.scopes.end());
  for (const std::string& scope : key.scopes) {
    if (scope == to_string(Scope::inference) || scope == to_string(Scope::admin)) continue;
    return ErrorResponse(400, "there is no scope \"" + scope + "\", only inference and admin", "invalid_scope",
                         "scopes");
  }
  if (key.scopes.empty())
    return ErrorResponse(400, "\"scopes\" is empty: name inference, admin or both", "invalid_scope", "scopes");
  auto lifetime = fields.integer("expires_in_seconds", 0, max_lifetime_seconds);
  if (!lifetime) return lifetime.error();
  key.lifetime_seconds = *lifetime;
  return key;
}

asio::awaitable<void> create_key(ApiRequest& request, KeyRing& keys, const Clock& clock) {
  std::vector<std::string_view> known{"name", "scopes", "expires_in_seconds"};
  const auto fields = co_await read_fields(request.exchange, std::move(known));
  if (!fields) co_return co_await respond_error(request.exchange, fields.error());
  auto wanted = read_new_key(*fields);
  if (!wanted) co_return co_await respond_error(request.exchange, wanted.error());
  std::optional<SystemTime> expires_at;
  if (wanted->lifetime_seconds) expires_at = clock.system_now() + std::chrono::seconds(*wanted->lifetime_seconds);
  const auto created = co_await keys.create(std::move(wanted->name), std::move(wanted->scopes), expires_at);
  if (!created) co_return co_await respond_error(request.exchange, created.error());
  json answer = to_json(created->record);
  answer["key"] = created->key;
  std::string text = to_text(answer);
  co_await respond_json(request.exchange, 201, std::move(text));
}

asio::awaitable<void> list_keys(ApiRequest& request, const KeyRing& keys) {
  json data = json::array();
  for (const auto& key : keys.list())
    data.push_back(to_json(key));
  std::string text = to_text(json{{"data", std::move(data)}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> revoke_key(ApiRequest& request, KeyRing& keys) {
  const auto revoked = co_await keys.revoke(request.parameters[0]);
  if (!revoked) co_return co_await respond_error(request.exchange, revoked.error());
  co_await respond_nothing(request.exchange);
}

}  // namespace

void mount_key_routes(Router& router, KeyRing& keys, const Clock& clock) {
  router.add("POST", "/api/v1/keys", Scope::admin,
             [&](ApiRequest& request) { return create_key(request, keys, clock); });
  router.add("GET", "/api/v1/keys", Scope::admin, [&](ApiRequest& request) { return list_keys(request, keys); });
  router.add("DELETE", "/api/v1/keys/{id}", Scope::admin,
             [&](ApiRequest& request) { return revoke_key(request, keys); });
}

}  // namespace gogrid::coordinator
