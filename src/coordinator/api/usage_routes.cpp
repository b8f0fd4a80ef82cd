#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/number.hpp"
#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/keys.hpp"
#include "coordinator/usage.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

constexpr std::int64_t default_days = 30;

std::string padded(unsigned number, std::size_t digits) {
  const std::string text = std::to_string(number);
  return std::string(digits - std::min(digits, text.size()), '0') + text;
}

// "2026-11-28"
std::string to_text(std::int64_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return padded(static_cast<unsigned>(static_cast<int>(date.year())), 4) + "-" +
         padded(static_cast<unsigned>(date.month()), 2) + "-" + padded(static_cast<unsigned>(date.day()), 2);
}

std::optional<std::int64_t> read_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = parse_number<unsigned>(text.substr(0, 4));
  const auto month = parse_number<unsigned>(text.substr(5, 2));
  const auto day = parse_number<unsigned>(text.substr(8));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

ApiResult<std::int64_t> query_day(const net::RequestHead& head, const char* name, std::int64_t otherwise) {
  const auto text = head.query(name);
  if (!text) return otherwise;
  const auto day = read_day(*text);
  if (day) return *day;
  return ErrorResponse(400, "\"" + std::string(name) + "\" must be a day, such as 2026-11-28", "invalid_value", name);
}

asio::awaitable<void> list_usage(ApiRequest& request, UsageMeter& usage, const KeyRing& keys, const Clock& clock) {
  const auto to = query_day(request.head(), "to", day_of(clock.system_now()));
  if (!to) co_return co_await respond_error(request.exchange, to.error());
  const auto from = query_day(request.head(), "from", *to - default_days + 1);
  if (!from) co_return co_await respond_error(request.exchange, from.error());
  std::string key = request.head().query("key").value_or("");
  const KeyIdentity& asking = *request.key;
  if (!key.empty() && (asking.admin ? keys.find(key) == nullptr : key != asking.id)) {
    ErrorResponse error(404, "there is no key " + key, "key_not_found", "key");
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  if (!asking.admin) key = asking.id;
  const auto used = co_await usage.list(*from, *to, std::move(key));
  if (!used) co_return co_await respond_error(request.exchange, used.error());
  json data = json::array();
  for (const auto& record : *used) {
    const store::KeyRecord* owner = keys.find(record.key_id);
    data.push_back({{"day", to_text(record.day)},
                    {"key_id", record.key_id},
                    {"key_name", owner ? json(owner->name) : json()},
                    {"model", record.model},
                    {"requests", record.requests},
                    {"prompt_tokens", record.prompt_tokens},
                    {"completion_tokens", record.completion_tokens}});
  }
  std::string text = coordinator::to_text(json{{"data", std::move(data)}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

}  // namespace

void mount_usage_routes(Router& router, UsageMeter& usage, const KeyRing& keys, const Clock& clock) {
  router.add("GET", "/api/v1/usage", Scope::any,
             [&](ApiRequest& request) { return list_usage(request, usage, keys, clock); });
}

}  // namespace gogrid::coordinator
