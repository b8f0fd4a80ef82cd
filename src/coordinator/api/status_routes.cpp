#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/error_response.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/dispatch.hpp"
#include "coordinator/metrics.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

json newest_engine(const EngineRegistry& engines) {
  if (engines.list().empty()) return nullptr;
  const EngineRecord& engine = engines.list().back();
  return {{"id", engine.bundle.sha256},
          {"name", engine.bundle.name},
          {"version", engine.version},
          {"flavour", engine.flavour},
          {"target", engine.bundle.target}};
}

asio::awaitable<void> show_status(ApiRequest& request, const StatusSources& sources, SteadyTime started_at) {
  const auto totals = sources.dispatcher.scheduler().totals();
  std::size_t workers = 0;
  for (const auto& worker : sources.workers.list())
    workers += worker->revoked_at ? 0 : 1;
  std::size_t ready = 0;
  for (const auto& model : sources.models.list())
    ready += sources.dispatcher.scheduler().outlook(model->model.id).ready > 0 ? 1 : 0;
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(sources.clock.steady_now() - started_at);
  std::string text =
      to_text(json{{"version", GOGRID_VERSION},
                   {"uptime_seconds", uptime.count()},
                   {"workers", {{"connected", totals.workers_connected}, {"total", workers}}},
                   {"models", {{"total", sources.models.list().size()}, {"ready", ready}}},
                   {"requests", {{"running", totals.requests_running}, {"waiting", totals.requests_waiting}}},
                   {"engine", newest_engine(sources.engines)}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> show_readiness(ApiRequest& request, const StatusSources& sources) {
  if (sources.is_ready()) {
    std::string text = "ready\n";
    co_return co_await respond_text(request.exchange, 200, std::move(text));
  }
  ErrorResponse error(503, "the coordinator is starting or stopping", "not_ready");
  error.retry_after = std::chrono::seconds(5);
  co_await respond_error(request.exchange, std::move(error));
}

asio::awaitable<void> show_metrics(ApiRequest& request, const StatusSources& sources) {
  net::ResponseHead head;
  head.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  std::string text = sources.metrics.text(sources.dispatcher.scheduler().totals());
  (void)co_await request.exchange.respond(std::move(head), std::move(text));
}

}  // namespace

void mount_status_routes(Router& router, StatusSources its_sources) {
  const auto sources = std::make_shared<const StatusSources>(std::move(its_sources));
  const SteadyTime started_at = sources->clock.steady_now();
  router.add("GET", "/api/v1/status", Scope::admin,
             [sources, started_at](ApiRequest& request) { return show_status(request, *sources, started_at); });
  router.add("GET", "/healthz", Scope::open,
             [](ApiRequest& request) { return respond_text(request.exchange, 200, "ok\n"); });
  router.add("GET", "/readyz", Scope::open,
             [sources](ApiRequest& request) { return show_readiness(request, *sources); });
  router.add("GET", "/metrics", sources->metrics_require_key ? Scope::admin : Scope::open,
             [sources](ApiRequest& request) { return show_metrics(request, *sources); });
}

}  // namespace gogrid::coordinator
