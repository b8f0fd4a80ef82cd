#include <nlohmann/json.hpp>
#include <utility>

#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/audit.hpp"
#include "domain/join_token.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

constexpr std::int64_t default_lifetime_seconds = 24 * 3600;
constexpr std::int64_t max_lifetime_seconds = std::int64_t{366} * 24 * 3600;
constexpr std::int64_t max_uses = 100'000;

json to_json(const store::TokenRecord& token) {
  return {{"id", token.id},
          {"name", token.name},
          {"uses_left", token.uses_left},
          {"created_at", to_unix_seconds(token.created_at)},
          {"expires_at", to_unix_seconds(token.expires_at)}};
}

struct Sources {
  store::TokenStore& tokens;
  AuditLog& audit;
  std::string pin;
  const Clock& clock;
};

asio::awaitable<void> create_token(ApiRequest& request, const Sources& sources) {
  std::vector<std::string_view> known{"name", "uses", "expires_in_seconds"};
  const auto fields = co_await read_fields(request.exchange, std::move(known));
  if (!fields) co_return co_await respond_error(request.exchange, fields.error());
  const auto name = fields->text("name", 1024);
  if (!name) co_return co_await respond_error(request.exchange, name.error());
  const bool named = *name && !(*name)->empty();
  const auto label = named ? check_label(**name, "name") : ApiResult<std::string>("");
  if (!label) co_return co_await respond_error(request.exchange, label.error());
  const auto uses = fields->integer("uses", 1, max_uses);
  if (!uses) co_return co_await respond_error(request.exchange, uses.error());
  const auto lifetime = fields->integer("expires_in_seconds", 0, max_lifetime_seconds);
  if (!lifetime) co_return co_await respond_error(request.exchange, lifetime.error());

  const JoinToken token = JoinToken::create(sources.pin);
  store::TokenRecord record;
  record.id = token.id;
  record.secret_sha256 = Sha256::hex(as_bytes(token.secret));
  record.name = *label;
  record.uses = record.uses_left = uses->value_or(1);
  record.created_at = sources.clock.system_now();
  record.expires_at = record.created_at + std::chrono::seconds(lifetime->value_or(default_lifetime_seconds));
  json answer = to_json(record);
  answer["token"] = token.text();
  const json detail{{"name", record.name}, {"uses", record.uses}, {"expires_at", to_unix_seconds(record.expires_at)}};
  AuditLog::Act act{request.key->id, "token.create", record.id, to_text(detail)};
  std::function<store::Pending<>()> add = [&] { return sources.tokens.add_token(record); };
  const auto added = co_await sources.audit.perform(std::move(act), std::move(add));
  if (!added) co_return co_await respond_error(request.exchange, added.error());
  std::string text = to_text(answer);
  co_await respond_json(request.exchange, 201, std::move(text));
}

asio::awaitable<void> list_tokens(ApiRequest& request, store::TokenStore& tokens) {
  const auto listed = co_await tokens.list_tokens();
  if (!listed) co_return co_await respond_error(request.exchange, listed.error());
  json data = json::array();
  for (const auto& token : *listed)
    data.push_back(to_json(token));
  std::string text = to_text(json{{"data", std::move(data)}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> remove_token(ApiRequest& request, const Sources& sources) {
  const std::string& id = request.parameters[0];
  const auto known = co_await sources.tokens.find_token(id);
  if (!known) co_return co_await respond_error(request.exchange, known.error());
  if (!*known) {
    const Error missing(ErrorCode::not_found, "there is no token " + id);
    co_return co_await respond_error(request.exchange, missing);
  }
  AuditLog::Act act{request.key->id, "token.remove", id, to_text(json{{"name", (*known)->name}})};
  std::function<store::Pending<>()> remove = [&] { return sources.tokens.remove_token(id); };
  const auto removed = co_await sources.audit.perform(std::move(act), std::move(remove));
  if (!removed) co_return co_await respond_error(request.exchange, removed.error());
  co_await respond_nothing(request.exchange);
}

}  // namespace

void mount_token_routes(Router& router, store::TokenStore& tokens, AuditLog& audit, std::string authority_pin,
                        const Clock& clock) {
  const Sources sources{tokens, audit, std::move(authority_pin), clock};
  router.add("POST", "/api/v1/tokens", Scope::admin,
             [sources](ApiRequest& request) { return create_token(request, sources); });
  router.add("GET", "/api/v1/tokens", Scope::admin, [&](ApiRequest& request) { return list_tokens(request, tokens); });
  router.add("DELETE", "/api/v1/tokens/{id}", Scope::admin,
             [sources](ApiRequest& request) { return remove_token(request, sources); });
}

}  // namespace gogrid::coordinator
