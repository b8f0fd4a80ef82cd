#include "cli/formatter/views.hpp"

#include <spdlog/fmt/fmt.h>

#include <cmath>

#include "cli/formatter/hardware_view.hpp"

namespace gogrid::cli {
namespace {

using Align = Table::Align;

std::string bytes(std::int64_t count) { return count > 0 ? format_bytes(static_cast<std::uint64_t>(count)) : ""; }

Cell sandbox_cell(const std::string& sandbox) {
  return {sandbox, sandbox == "none_insecure" || sandbox == "unavailable" ? Style::red : Style::none};
}

std::string phase_text(const std::string& phase, std::int64_t done, std::int64_t total) {
  if (total <= 0 || done >= total || done < 0) return phase;
  return fmt::format("{} {} %", phase, done * 100 / total);
}

Style phase_style(const std::string& phase) {
  if (phase == "ready") return Style::green;
  return phase == "failed" ? Style::red : Style::yellow;
}

std::string join(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts)
    out += (out.empty() ? "" : ",") + text;
  return out;
}

std::string time_and_distance(std::optional<std::int64_t> time, const View& view) {
  if (!time || *time <= 0) return "";
  return fmt::format("{} ({})", format_time(*time), format_when(time, view.now));
}

Cell expiry(std::optional<std::int64_t> time, const View& view) {
  if (!time) return "never";
  if (*time <= view.now) return {"expired", Style::red};
  return format_when(time, view.now);
}

// "weight 2, 60 r/min, 10000 t/min, 4 at once, 100 queued": what is limited.
std::string limits_text(const client::ApiKey& key) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (key.weight && *key.weight != 1) add(fmt::format("weight {:g}", *key.weight));
  const std::pair<std::int64_t, const char*> limits[] = {{key.requests_per_minute, "r/min"},
                                                         {key.tokens_per_minute, "t/min"},
                                                         {key.max_concurrent, "at once"},
                                                         {key.max_queued, "queued"}};
  for (const auto& [limit, unit] : limits) {
    if (limit > 0) add(fmt::format("{} {}", limit, unit));
  }
  return text.empty() ? "none" : text;
}

// What a list can say of a worker in one place: its models, or why it has none.
std::string worker_models(const client::Worker& worker) {
  std::string text = replicas_text(worker);
  return text.empty() && worker.connected ? worker.reason : text;
}

std::string count_of(std::int64_t value) { return value > 0 ? std::to_string(value) : ""; }

// "4.1 GB of Vulkan0, 0.3 GB of RAM"; what is not measured yet is expected.
std::string memory_text(const client::ReplicaState& replica) {
  std::string text;
  for (const client::ReplicaMemory& use : replica.memory) {
    if (!text.empty()) text += ", ";
    if (!use.bytes) text += "about ";
    text += bytes(use.bytes.value_or(use.expected_bytes)) + " of " + (use.device.empty() ? "RAM" : use.device);
  }
  return text;
}

}  // namespace

Cell worker_state(const client::Worker& worker) {
  if (worker.revoked_at) return {"revoked", Style::red};
  if (!worker.connected) return {"offline", Style::dim};
  if (worker.availability == "available") return {"available", Style::green};
  const Style style = worker.availability == "refusing" ? Style::red : Style::yellow;
  return {worker.availability.empty() ? "connected" : worker.availability, style};
}

std::string slots_text(const client::Worker& worker) {
  // A hostile list is long enough for a sum to overflow.
  std::uint64_t busy = 0;
  std::uint64_t slots = 0;
  for (const client::ReplicaState& replica : worker.replicas) {
    busy += static_cast<std::uint64_t>(replica.slots_busy);
    slots += static_cast<std::uint64_t>(replica.slots);
  }
  return slots > 0 ? fmt::format("{}/{}", busy, slots) : "";
}

std::string replicas_text(const client::Worker& worker) {
  std::string text;
  for (const client::ReplicaState& replica : worker.replicas) {
    if (!text.empty()) text += ", ";
    text += replica.model_name.empty() ? replica.model_id : replica.model_name;
    if (replica.phase != "ready")
      text += " (" + phase_text(replica.phase, replica.done_bytes, replica.total_bytes) + ")";
  }
  return text;
}

std::string show_list(const std::vector<client::Worker>& workers, const View& view) {
  if (workers.empty()) return "No workers yet. Make a join token for one: gogrid token create\n";
  Table table({{"NAME", Align::left, true},
               {"STATE"},
               {"SLOTS", Align::right},
               {"SANDBOX"},
               {"ADDRESS", Align::left, true},
               {"LAST SEEN"},
               {"MODELS", Align::left, true}});
  for (const client::Worker& worker : workers) {
    table.add_row({worker.name.empty() ? worker.id : worker.name, worker_state(worker), slots_text(worker),
                   sandbox_cell(worker.sandbox), worker.address,
                   worker.connected ? "now" : format_when(worker.last_seen_at, view.now), worker_models(worker)});
  }
  return table.text(view);
}

std::string show_list(const std::vector<client::Engine>& engines, const View& view) {
  if (engines.empty()) return "No engine bundles yet. Build one with engine/build, then: gogrid engine add FILE\n";
  Table table({{"NAME", Align::left, true},
               {"VERSION"},
               {"FLAVOUR"},
               {"TARGET"},
               {"SIZE", Align::right},
               {"IN USE"},
               {"ADDED"}});
  for (const client::Engine& engine : engines) {
    table.add_row({engine.name, engine.version, engine.flavour, engine.target, bytes(engine.size_bytes),
                   engine.current ? Cell("yes", Style::green) : Cell("no"), format_when(engine.created_at, view.now)});
  }
  return table.text(view);
}

std::string show_list(const std::vector<client::JoinToken>& tokens, const View& view) {
  if (tokens.empty()) return "No join tokens. Make one: gogrid token create\n";
  Table table({{"ID"}, {"NAME", Align::left, true}, {"USES LEFT", Align::right}, {"EXPIRES"}, {"CREATED"}});
  for (const client::JoinToken& token : tokens) {
    table.add_row({token.id, token.name, std::to_string(token.uses_left), expiry(token.expires_at, view),
                   format_when(token.created_at, view.now)});
  }
  return table.text(view);
}

std::string show_list(const std::vector<client::ApiKey>& keys, const View& view) {
  if (keys.empty()) return "No keys. Make one: gogrid key create --name NAME\n";
  Table table({{"ID"},
               {"NAME", Align::left, true},
               {"SCOPES"},
               {"STATE"},
               {"EXPIRES"},
               {"LAST USED"},
               {"CREATED"},
               {"MODELS", Align::left, true},
               {"LIMITS", Align::left, true}});
  for (const client::ApiKey& key : keys) {
    const bool expired = key.expires_at && *key.expires_at <= view.now;
    const Cell state = key.revoked_at ? Cell("revoked", Style::red)
                       : expired      ? Cell("expired", Style::red)
                                      : Cell("valid", Style::green);
    table.add_row({key.id, key.name, join(key.scopes), state, expiry(key.expires_at, view),
                   format_when(key.last_used_at, view.now), format_when(key.created_at, view.now),
                   key.models.empty() ? "all" : join(key.models), limits_text(key)});
  }
  return table.text(view);
}

std::string show_list(const std::vector<client::PendingUpload>& uploads, const View& view) {
  constexpr std::size_t shown_of_id = 12;
  if (uploads.empty()) return "No unfinished uploads.\n";
  Table table(
      {{"NAME", Align::left, true}, {"KIND"}, {"SIZE", Align::right}, {"DONE", Align::right}, {"BEGUN"}, {"ID"}});
  for (const client::PendingUpload& upload : uploads) {
    const auto done = static_cast<double>(upload.offset_bytes);
    const double percent = upload.size_bytes > 0 ? std::floor(done * 100 / static_cast<double>(upload.size_bytes)) : 0;
    table.add_row({upload.name, upload.kind, bytes(upload.size_bytes), fmt::format("{:.0f} %", percent),
                   format_when(upload.created_at, view.now), upload.id.substr(0, shown_of_id)});
  }
  return table.text(view);
}

std::string show_one(const client::GridStatus& status, const std::string& url, const View& view) {
  Facts facts;
  facts.add("Coordinator", url);
  facts.add("Version", status.version);
  facts.add("Up for", format_duration(std::chrono::seconds(status.uptime_seconds)));
  facts.add("Workers", Cell(fmt::format("{} connected of {}", status.workers_connected, status.workers_total),
                            status.workers_connected > 0 ? Style::green : Style::yellow));
  facts.add("Models", Cell(fmt::format("{} ready of {}", status.models_ready, status.models_total),
                           status.models_ready > 0 ? Style::green : Style::yellow));
  facts.add("Requests", fmt::format("{} running, {} waiting", status.requests_running, status.requests_waiting));
  facts.add("Engine",
            status.engine.empty() ? Cell("none; add one: gogrid engine add FILE", Style::yellow) : Cell(status.engine));
  return facts.text(view);
}

std::string show_one(const client::Worker& worker, const View& view) {
  Facts facts;
  facts.add("Name", worker.name);
  facts.add("Id", worker.id);
  facts.add("State", worker_state(worker));
  facts.add("Reason", worker.reason);
  facts.add("Labels", labels_text(worker.labels));
  facts.add("Version", worker.version);
  facts.add("Target", worker.target);
  facts.add("Sandbox", sandbox_cell(worker.sandbox));
  add_hardware(facts, worker.hardware);
  facts.add("Address", worker.address);
  facts.add("Round trip", worker.rtt_ms ? fmt::format("{:.1f} ms", *worker.rtt_ms) : "");
  facts.add("Enrolled", time_and_distance(worker.enrolled_at, view));
  facts.add("Last seen", worker.connected ? "now" : time_and_distance(worker.last_seen_at, view));
  facts.add("Certificate until", time_and_distance(worker.certificate_expires_at, view));
  facts.add("Revoked", time_and_distance(worker.revoked_at, view));
  if (worker.engine) {
    std::string engine = phase_text(worker.engine->phase, worker.engine->done_bytes, worker.engine->total_bytes);
    if (!worker.engine->description.empty()) engine += (engine.empty() ? "" : ", ") + worker.engine->description;
    if (!worker.engine->detail.empty()) engine += (engine.empty() ? "" : ": ") + worker.engine->detail;
    facts.add("Engine", engine);
  }
  std::string out = facts.text(view);
  if (!worker.hardware.gpus.empty()) out += "\n" + gpus_table(worker.hardware, view);
  if (worker.replicas.empty()) return out;
  Table table({{"MODEL", Align::left, true},
               {"STATE"},
               {"SLOTS", Align::right},
               {"STARTS", Align::right},
               {"MEMORY", Align::left, true},
               {"DETAIL", Align::left, true}});
  for (const client::ReplicaState& replica : worker.replicas) {
    table.add_row({replica.model_name.empty() ? replica.model_id : replica.model_name,
                   Cell(phase_text(replica.phase, replica.done_bytes, replica.total_bytes), phase_style(replica.phase)),
                   replica.slots > 0 ? fmt::format("{}/{}", replica.slots_busy, replica.slots) : "",
                   count_of(replica.starts), memory_text(replica), replica.detail});
  }
  return out + "\n" + table.text(view);
}

}  // namespace gogrid::cli
