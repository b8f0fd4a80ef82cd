// The queue at a glance: GET /api/v1/queue.
#include <nlohmann/json.hpp>

#include "coordinator/api/admin_routes.hpp"
#include "coordinator/dispatch.hpp"
#include "coordinator/keys.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::ordered_json;
namespace {

ordered_json models_json(const domain::Scheduler& scheduler, SteadyTime now) {
  ordered_json models = ordered_json::array();
  for (const auto& line : scheduler.lines(now)) {
    models.push_back({{"model", line.model},
                      {"requests_waiting", line.requests_waiting},
                      {"jobs_waiting", line.jobs_waiting},
                      {"running", line.running},
                      {"slots", line.outlook.slots},
                      {"slots_busy", line.outlook.slots_busy},
                      {"estimate_seconds", line.estimate ? ordered_json(line.estimate->count()) : ordered_json()},
                      {"text", domain::describe(line.outlook)}});
  }
  return models;
}

ordered_json keys_json(const domain::Scheduler& scheduler, const KeyRing& ring) {
  ordered_json keys = ordered_json::array();
  for (const auto& view : scheduler.keys()) {
    const auto* record = ring.find(view.key.text());
    keys.push_back({{"key_id", view.key.text()},
                    {"name", record ? ordered_json(record->name) : ordered_json()},
                    {"requests_waiting", view.requests_waiting},
                    {"jobs_open", view.jobs_open},
                    {"running", view.running}});
  }
  return keys;
}

asio::awaitable<void> show_queue(ApiRequest& request, const Dispatcher& dispatcher, const KeyRing& keys) {
  const domain::Scheduler& scheduler = dispatcher.scheduler();
  const auto totals = scheduler.totals();
  const ordered_json answer{{"models", models_json(scheduler, dispatcher.now())},
                            {"keys", keys_json(scheduler, keys)},
                            {"totals",
                             {{"workers_connected", totals.workers_connected},
                              {"workers_quarantined", totals.workers_quarantined},
                              {"requests_waiting", totals.requests_waiting},
                              {"requests_running", totals.requests_running},
                              {"jobs_waiting", totals.jobs_waiting},
                              {"jobs_running", totals.jobs_running},
                              {"jobs_settling", totals.jobs_settling},
                              {"slots_free", totals.slots_free},
                              {"slots_busy", totals.slots_busy}}},
                            {"done",
                             {{"requests", totals.requests_done},
                              {"jobs", totals.jobs_done},
                              {"prompt_tokens", totals.prompt_tokens},
                              {"completion_tokens", totals.completion_tokens}}}};
  std::string text = answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  co_await respond_json(request.exchange, 200, std::move(text));
}

}  // namespace

void mount_queue_routes(Router& router, const Dispatcher& dispatcher, const KeyRing& keys) {
  router.add("GET", "/api/v1/queue", Scope::admin,
             [&](ApiRequest& request) { return show_queue(request, dispatcher, keys); });
}

}  // namespace gogrid::coordinator
