// What the worker says of itself on its control socket.
#include <nlohmann/json.hpp>

#include "base/clock.hpp"
#include "worker/engine/device_gpus.hpp"
#include "worker/host.hpp"
#include "worker/parts.hpp"
#include "worker/worker.hpp"

namespace gogrid::worker {
using nlohmann::json;
namespace {

std::string_view to_string(Presence presence) {
  switch (presence) {
    case Presence::unknown:
      return "unknown";
    case Presence::active:
      return "active";
    case Presence::idle:
      return "idle";
  }
  return "unknown";
}

std::string_view to_string(SandboxKind kind) {
  switch (kind) {
    case SandboxKind::bubblewrap:
      return "bubblewrap";
    case SandboxKind::none_insecure:
      return "none_insecure";
    case SandboxKind::unavailable:
      return "unavailable";
  }
  return "unknown";
}

json progress_json(const Progress& progress) {
  return {{"phase", to_string(progress.phase)},
          {"done_bytes", progress.done_bytes},
          {"total_bytes", progress.total_bytes},
          {"detail", progress.detail}};
}

json replica_json(const Replica& replica) {
  json out = progress_json(replica.progress());
  out["model_id"] = replica.spec().key.model_id;
  out["copy"] = replica.spec().key.copy;
  out["model_name"] = replica.spec().model_name;
  out["slots"] = replica.spec().slots;
  out["slots_busy"] = std::min(replica.requests(), replica.spec().slots);
  out["starts"] = replica.starts();
  out["pid"] = replica.pid();
  out["out_of_memory"] = replica.out_of_memory();
  out["device_bytes"] = json(replica.device_memory());
  const auto& host = replica.host_memory();
  out["memory_bytes"] = host ? json(host->held_bytes + host->mapped_bytes) : json();
  out["mapped_bytes"] = host ? json(host->mapped_bytes) : json();
  return out;
}

json device_json(const EngineDevice& device, const std::string& gpu_id) {
  return {{"name", device.name},
          {"gpu_id", gpu_id.empty() ? json() : json(gpu_id)},
          {"description", device.description},
          {"total_bytes", device.total_bytes},
          {"limit_bytes", device.limit_bytes},
          {"foreign_bytes", device.foreign_bytes},
          {"used_bytes", device.used_bytes}};
}

json pause_json(const Pause& pause) {
  return {{"code", to_string(pause.code)},
          {"part", pause.part.empty() ? json() : json(pause.part)},
          {"except", pause.except},
          {"text", pause.text},
          {"until", pause.until ? json(to_unix_seconds(*pause.until)) : json()}};
}

}  // namespace

json Worker::status() const {
  const SessionStatus session = session_.status();
  json out;
  out["version"] = GOGRID_VERSION;
  out["worker_id"] = options_.identity.worker_id;
  out["name"] = options_.config.name.empty() ? host_name() : options_.config.name;
  out["coordinator"] = {
      {"address", options_.identity.coordinator_host + ":" + std::to_string(options_.identity.coordinator_port)},
      {"connected", session.connected},
      {"since", session.connected ? json(to_unix_seconds(session.since)) : json()},
      {"last_error", session.last_error.empty() ? json() : json(session.last_error)},
      {"rtt_ms", session.rtt ? json(static_cast<double>(session.rtt->count()) / 1000.0) : json()}};
  out["availability"] = worker::to_string(availability_.current());
  out["reason"] = availability_.reason();
  out["pauses"] = json::array();
  for (Pause pause : owner_.pauses()) {
    pause.except = with_ids(pause.except, devices_.list(), hardware_.survey().gpus);
    out["pauses"].push_back(pause_json(pause));
  }
  out["activity"] = {{"state", to_string(sensors_.activity().presence)},
                     {"detail", sensors_.activity().detail},
                     {"wanted", owner_.rules().pause_on_activity}};
  out["full_screen"] = {{"watched", sensors_.full_screen().watched()}, {"detail", sensors_.full_screen().detail()}};
  out["pressure_trouble"] = sensors_.pressure_trouble().empty() ? json() : json(sensors_.pressure_trouble());
  out["awake_failure"] = sensors_.awake_failure().empty() ? json() : json(sensors_.awake_failure());
  out["sandbox"] = to_string(sandbox_.kind());
  out["sandbox_detail"] = sandbox_.detail();
  out["engine"] = progress_json(engines_.progress());
  out["engine"]["description"] = engines_.description();
  out["engine"]["devices"] = json::array();
  const auto gpu_ids = match_gpus(devices_.list(), hardware_.survey().gpus);
  for (std::size_t i = 0; i < gpu_ids.size(); ++i)
    out["engine"]["devices"].push_back(device_json(devices_.list()[i], gpu_ids[i]));
  if (engines_.progress().phase == Phase::ready) out["engine"]["detail"] = devices_.trouble();
  out["replicas"] = json::array();
  for (const auto& [key, replica] : replicas_) {
    out["replicas"].push_back(replica_json(*replica));
    if (find_leaving(key)) out["replicas"].back()["detail"] = "the engine that it had before to be gone";
  }
  for (const auto& leaving : leaving_) {
    json one = replica_json(*leaving->replica);
    one["phase"] = worker::to_string(Phase::leaving);
    one["detail"] = leaving->detail;
    out["replicas"].push_back(std::move(one));
  }
  out["cache"] = {{"directory", cache_.directory().string()},
                  {"used_bytes", cache_.used_bytes()},
                  {"max_bytes", cache_.quota_bytes()}};
  out["requests"] = {{"running", requests_running_}, {"total", requests_total_}};
  const bool broken = options_.settings && !options_.settings->error().empty();
  out["config_error"] = broken ? json(options_.settings->error()) : json();
  out["restart_needed"] = options_.settings ? json(options_.settings->restart_needed()) : json::array();
  out["certificate_expires_at"] = to_unix_seconds(session.certificate_expires);
  return out;
}

}  // namespace gogrid::worker
