#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/audit.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

json to_json(const store::AliasRecord& alias, const ModelLibrary& models) {
  const auto model = models.resolve(alias.name);
  return {{"name", alias.name},
          {"target", alias.target},
          {"model", model ? json(model->model.name) : json()},
          {"created_at", to_unix_seconds(alias.created_at)}};
}

asio::awaitable<void> list_aliases(ApiRequest& request, const ModelLibrary& models) {
  json data = json::array();
  for (const auto& [name, alias] : models.aliases())
    data.push_back(to_json(alias, models));
  std::string text = to_text(json{{"data", std::move(data)}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> set_alias(ApiRequest& request, ModelLibrary& models, AuditLog& audit, const Clock& clock) {
  std::vector<std::string_view> known{"target"};
  const auto fields = co_await read_fields(request.exchange, std::move(known));
  if (!fields) co_return co_await respond_error(request.exchange, fields.error());
  auto target_text = fields->required_text("target", 256);
  if (!target_text) co_return co_await respond_error(request.exchange, target_text.error());
  const auto target = check_name(std::move(*target_text), "target");
  if (!target) co_return co_await respond_error(request.exchange, target.error());
  const auto name = check_name(request.parameters[0], "name");
  if (!name) co_return co_await respond_error(request.exchange, name.error());
  AuditLog::Act act{request.key->id, "alias.set", *name, to_text(json{{"target", *target}})};
  std::function<Pending<>()> put = [&] { return models.put_alias(*name, *target, clock.system_now()); };
  const auto stored = co_await audit.perform(std::move(act), std::move(put));
  if (!stored) {
    ErrorResponse error(stored.error());
    if (error.status == 409) error.code = "alias_conflict";
    if (error.status == 404) error.code = "model_not_found";
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  const auto alias = models.aliases().find(*name);
  std::string text = alias == models.aliases().end() ? "{}" : to_text(to_json(alias->second, models));
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> remove_alias(ApiRequest& request, ModelLibrary& models, AuditLog& audit) {
  const std::string name = request.parameters[0];
  if (!models.aliases().contains(name)) {
    ErrorResponse error(404, "there is no alias \"" + name + "\"", "alias_not_found");
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  AuditLog::Act act{request.key->id, "alias.remove", name, "{}"};
  std::function<Pending<>()> remove = [&] { return models.remove_alias(name); };
  const auto removed = co_await audit.perform(std::move(act), std::move(remove));
  if (!removed) {
    ErrorResponse error(removed.error());
    if (error.status == 409) error.code = "alias_in_use";
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  co_await respond_nothing(request.exchange);
}

}  // namespace

void mount_alias_routes(Router& router, ModelLibrary& models, AuditLog& audit, const Clock& clock) {
  router.add("GET", "/api/v1/aliases", Scope::admin,
             [&](ApiRequest& request) { return list_aliases(request, models); });
  router.add("PUT", "/api/v1/aliases/{id*}", Scope::admin,
             [&](ApiRequest& request) { return set_alias(request, models, audit, clock); });
  router.add("DELETE", "/api/v1/aliases/{id*}", Scope::admin,
             [&](ApiRequest& request) { return remove_alias(request, models, audit); });
}

}  // namespace gogrid::coordinator
