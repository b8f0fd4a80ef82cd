#include "status_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ctime>

#include "base/utf8.hpp"

namespace gogrid::worker_app {

std::string date_text(client::UnixSeconds time) {
  const std::time_t seconds = static_cast<std::time_t>(time);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

namespace {

template <class State>
std::string progress(const State& state) {
  std::string text = state.phase;
  if (state.phase == "fetching" && state.total_bytes > 0) {
    text += fmt::format(" {:.0f} % of {:.1f} MB",
                        100.0 * static_cast<double>(state.done_bytes) / static_cast<double>(state.total_bytes),
                        static_cast<double>(state.total_bytes) / 1e6);
  }
  if (!state.detail.empty()) text += ": " + state.detail;
  return text;
}

// Further lines of a text are indented below the first. Programs choose the names that stand in some: they must not
// steer the terminal.
std::string indented(const std::string& text) {
  std::string out;
  for (const char c : printable(text, true)) {
    out += c;
    if (c == '\n') out += "              ";
  }
  return out;
}

}  // namespace

std::string status_text(const client::LocalStatus& status) {
  std::string out;
  const auto line = [&out](const char* name, const std::string& value) {
    out += fmt::format("{:<13} {}\n", name, indented(value));
  };
  line("worker",
       status.worker_id + (status.name.empty() ? "" : " (" + status.name + ")") + ", version " + status.version);
  std::string connection = status.coordinator + (status.connected ? ", connected" : ", not connected");
  if (status.connected && status.connected_since) connection += " since " + date_text(*status.connected_since);
  if (status.connected && status.rtt_ms) connection += fmt::format(", {:.1f} ms away", *status.rtt_ms);
  if (!status.connected && !status.last_error.empty()) connection += ": " + status.last_error;
  line("coordinator", connection);
  line("availability", status.availability + (status.reason.empty() ? "" : ": " + status.reason));
  for (const auto& pause : status.pauses) {
    std::string text = pause.text;
    if (!pause.part.empty()) text = pause.part + ": " + text;
    if (!pause.except.empty()) text = fmt::format("all but {}: {}", fmt::join(pause.except, ", "), text);
    if (pause.until) text += ", until " + date_text(*pause.until);
    line("paused", text);
  }
  if (!status.activity.empty()) line("owner", status.activity + ": " + status.activity_detail);
  if (!status.full_screen_detail.empty())
    line("full screen", (status.full_screen_watched ? "watched: " : "not watched: ") + status.full_screen_detail);
  if (!status.pressure_trouble.empty()) line("pressure", "not watched: " + status.pressure_trouble);
  if (!status.awake_failure.empty()) line("keep awake", status.awake_failure);
  line("sandbox", status.sandbox + (status.sandbox_detail.empty() ? "" : ": " + status.sandbox_detail));
  if (status.engine) {
    line("engine",
         (status.engine->description.empty() ? "" : status.engine->description + ", ") + progress(*status.engine));
  }
  for (const auto& device : status.devices) {
    const auto gigabytes = [](std::int64_t bytes) { return static_cast<double>(bytes) / 1e9; };
    std::string text = fmt::format("{}, {}, {:.1f} GB", device.name, device.description, gigabytes(device.total_bytes));
    if (device.limit_bytes < device.total_bytes)
      text += fmt::format(", at most {:.1f} GB for engines", gigabytes(device.limit_bytes));
    text += fmt::format("; engines use {:.1f} GB, others and the driver {:.1f} GB", gigabytes(device.used_bytes),
                        gigabytes(device.foreign_bytes));
    line("gpu", text);
  }
  for (const auto& replica : status.replicas) {
    std::string text = replica.model_name + ", " + progress(replica);
    if (replica.phase == "ready") text += fmt::format(", {} of {} slots busy", replica.slots_busy, replica.slots);
    if (replica.starts > 1) text += fmt::format(", started {} times", replica.starts);
    line("model", text);
  }
  if (!status.cache_directory.empty()) {
    std::string text = fmt::format("{:.1f} MB", static_cast<double>(status.cache_used_bytes) / 1e6);
    if (status.cache_max_bytes > 0)
      text += fmt::format(" of {:.1f} MB", static_cast<double>(status.cache_max_bytes) / 1e6);
    line("cache", text + " in " + status.cache_directory);
  }
  line("requests", fmt::format("{} running, {} in all", status.requests_running, status.requests_total));
  if (!status.config_error.empty()) line("settings", "not as in their file, which is not good: " + status.config_error);
  for (const std::string& key : status.restart_needed)
    line("settings", key + " counts when the worker starts again");
  if (status.certificate_expires_at) line("certificate", "valid until " + date_text(*status.certificate_expires_at));
  return out;
}

}  // namespace gogrid::worker_app
