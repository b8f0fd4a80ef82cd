#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/hardware_json.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/api/model_fields.hpp"
#include "coordinator/audit.hpp"
#include "coordinator/dispatch.hpp"
#include "coordinator/worker_sessions.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

// How long a caller that wants live figures waits for them: a worker that has just been asked has to wake up to it.
constexpr std::chrono::milliseconds reading_wait{3000};

json time_or_null(const std::optional<SystemTime>& time) { return time ? json(to_unix_seconds(*time)) : json(); }

json progress_json(const domain::Progress& progress) {
  return {{"phase", domain::to_string(progress.phase)},
          {"done_bytes", progress.done_bytes},
          {"total_bytes", progress.total_bytes},
          {"detail", progress.detail}};
}

// What it is expected to take, and what it took, on each device and of the machine's memory (an empty name).
json memory_json(const domain::Scheduler::ReplicaView& replica) {
  json memory = json::array();
  const auto add = [&](const std::string& device, std::uint64_t expected) {
    json entry = {{"device", device}, {"expected_bytes", expected}, {"bytes", nullptr}, {"mapped_bytes", nullptr}};
    for (const auto& use : replica.report.memory) {
      if (use.device != device) continue;
      entry["bytes"] = use.bytes;
      entry["mapped_bytes"] = use.mapped_bytes;
    }
    memory.push_back(std::move(entry));
  };
  for (const auto& share : replica.placement.devices)
    add(share.device, share.expected_bytes);
  add("", replica.placement.host_bytes);
  return memory;
}

json devices_json(const std::vector<domain::EngineDevice>& devices) {
  json list = json::array();
  for (const auto& device : devices) {
    list.push_back({{"name", device.name},
                    {"gpu_id", device.gpu_id.empty() ? json() : json(device.gpu_id)},
                    {"description", device.description},
                    {"total_bytes", device.total_bytes},
                    {"limit_bytes", device.limit_bytes},
                    {"foreign_bytes", device.foreign_bytes}});
  }
  return list;
}

json replica_json(const domain::Scheduler::ReplicaView& replica) {
  json value = progress_json(replica.report.progress);
  value["model_id"] = replica.model.text();
  value["model_name"] = replica.model_name;
  value["copy"] = replica.copy;
  value["slots"] = replica.report.slots;
  value["slots_busy"] = replica.slots_busy;
  value["starts"] = replica.report.starts;
  value["context_tokens"] = replica.context_tokens;
  value["device_layers"] = replica.placement.device_layers;
  value["memory"] = memory_json(replica);
  return value;
}

// What a connected worker has said of itself.
void add_live(json& worker, const domain::Scheduler::WorkerView& view) {
  if (view.facts) {
    worker["version"] = view.facts->version;
    worker["target"] = view.facts->target;
  }
  if (view.report) {
    worker["availability"] = domain::to_string(view.report->availability);
    worker["reason"] = view.report->reason;
    worker["sandbox"] = domain::to_string(view.report->sandbox);
    json engine = progress_json(view.report->engine.progress);
    engine["description"] = view.report->engine.description;
    engine["devices"] = devices_json(view.report->engine.devices);
    worker["engine"] = std::move(engine);
  }
  for (const auto& replica : view.replicas)
    worker["replicas"].push_back(replica_json(replica));
}

json to_json(const WorkerRecord& record, const Dispatcher& dispatcher, const WorkerSessions& sessions) {
  const auto connected = sessions.find(record.id);
  json worker = {{"id", record.id},
                 {"name", record.name},
                 {"host_name", record.host_name},
                 {"connected", connected.has_value()},
                 {"availability", record.revoked_at ? "revoked"
                                  : connected       ? "connecting"
                                                    : "offline"},
                 {"labels", record.labels},
                 {"reason", ""},
                 {"sandbox", ""},
                 {"version", record.version},
                 {"target", record.target},
                 {"hardware", nullptr},
                 {"readings", nullptr},
                 {"address", connected ? json(connected->address) : json()},
                 {"connected_since", connected ? json(to_unix_seconds(connected->since)) : json()},
                 {"rtt_ms", connected ? json(static_cast<double>(connected->rtt.count()) / 1000) : json()},
                 {"enrolled_at", to_unix_seconds(record.enrolled_at)},
                 {"last_seen_at", time_or_null(record.last_seen_at)},
                 {"certificate_expires_at", to_unix_seconds(record.certificate_expires_at)},
                 {"revoked_at", time_or_null(record.revoked_at)},
                 {"engine", nullptr},
                 {"replicas", json::array()}};
  if (!connected) return worker;
  if (const auto* hardware = sessions.hardware(record.id)) worker["hardware"] = hardware_json(*hardware);
  if (const auto reading = sessions.reading(record.id)) worker["readings"] = reading_json(*reading);
  if (const auto view = dispatcher.scheduler().worker(domain::WorkerId(record.id))) add_live(worker, *view);
  return worker;
}

struct Sources {
  WorkerRegistry& workers;
  const Dispatcher& dispatcher;
  WorkerSessions& sessions;
};

asio::awaitable<void> list_workers(ApiRequest& request, const Sources& sources) {
  json data = json::array();
  for (const auto& worker : sources.workers.list())
    data.push_back(to_json(*worker, sources.dispatcher, sources.sessions));
  std::string text = to_text(json{{"data", std::move(data)}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> show_worker(ApiRequest& request, const Sources& sources) {
  const auto worker = sources.workers.find_by_id_or_name(request.parameters[0]);
  if (!worker) {
    ErrorResponse error(404, "there is no worker \"" + request.parameters[0] + "\"", "worker_not_found");
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  if (request.exchange.request().query("live") == "true")
    (void)co_await sources.sessions.read_hardware(worker->id, reading_wait);
  std::string text = to_text(to_json(*worker, sources.dispatcher, sources.sessions));
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> revoke_worker(ApiRequest& request, WorkerRegistry& workers, AuditLog& audit) {
  const WorkerRegistry::Entry worker = workers.find_by_id_or_name(request.parameters[0]);
  const auto revoked = co_await workers.revoke(request.parameters[0]);
  if (!worker) co_return co_await respond_error(request.exchange, revoked.error());
  // It is cut off already, whatever can be written down.
  AuditLog::Act act{request.key->id, "worker.revoke", worker->id, to_text(json{{"name", worker->name}})};
  const auto recorded = co_await audit.record(std::move(act));
  if (!revoked) co_return co_await respond_error(request.exchange, revoked.error());
  if (!recorded) co_return co_await respond_error(request.exchange, recorded.error());
  co_await respond_nothing(request.exchange);
}

asio::awaitable<void> label_worker(ApiRequest& request, const Sources& sources, AuditLog& audit) {
  std::vector<std::string_view> known{"labels"};
  const auto fields = co_await read_fields(request.exchange, std::move(known));
  if (!fields) co_return co_await respond_error(request.exchange, fields.error());
  const WorkerRegistry::Entry worker = sources.workers.find_by_id_or_name(request.parameters[0]);
  if (!worker) {
    ErrorResponse error(404, "there is no worker \"" + request.parameters[0] + "\"", "worker_not_found");
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  auto labels = change_labels(*fields, "labels", worker->labels);
  if (!labels) co_return co_await respond_error(request.exchange, labels.error());
  AuditLog::Act act{request.key->id, "worker.label", worker->id,
                    to_text(json{{"name", worker->name}, {"labels", *labels}})};
  std::function<Pending<WorkerRegistry::Entry>()> set = [&] { return sources.workers.set_labels(worker->id, *labels); };
  const auto changed = co_await audit.perform(std::move(act), std::move(set));
  if (!changed) co_return co_await respond_error(request.exchange, changed.error());
  std::string text = to_text(to_json(**changed, sources.dispatcher, sources.sessions));
  co_await respond_json(request.exchange, 200, std::move(text));
}

}  // namespace

void mount_worker_routes(Router& router, WorkerRegistry& workers, AuditLog& audit, const Dispatcher& dispatcher,
                         WorkerSessions& sessions) {
  const Sources sources{workers, dispatcher, sessions};
  router.add("GET", "/api/v1/workers", Scope::admin,
             [sources](ApiRequest& request) { return list_workers(request, sources); });
  router.add("GET", "/api/v1/workers/{id}", Scope::admin,
             [sources](ApiRequest& request) { return show_worker(request, sources); });
  router.add("PATCH", "/api/v1/workers/{id}", Scope::admin,
             [sources, &audit](ApiRequest& request) { return label_worker(request, sources, audit); });
  router.add("DELETE", "/api/v1/workers/{id}", Scope::admin,
             [&](ApiRequest& request) { return revoke_worker(request, workers, audit); });
}

}  // namespace gogrid::coordinator
