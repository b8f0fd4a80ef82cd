#include "settings_text.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <nlohmann/json.hpp>

namespace gogrid::worker_app {
using nlohmann::json;
namespace {

std::string text(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// "worker.threads = 2 (file)"
std::string assignment(const json& setting) {
  const json value = setting.value("value", json());
  const auto replace = json::error_handler_t::replace;
  const std::string shown = value.is_null() ? ": not set" : " = " + value.dump(-1, ' ', false, replace);
  const std::string set_by = text(setting, "set_by");
  return fmt::format("{}{} ({}{})", text(setting, "key"), shown, text(setting, "origin"),
                     set_by.empty() ? "" : ": " + set_by);
}

bool needs_restart(const json& settings, const std::string& key) {
  const json waiting = settings.value("restart_needed", json::array());
  return std::find(waiting.begin(), waiting.end(), key) != waiting.end();
}

json list(const json& settings) { return settings.value("settings", json::array()); }

}  // namespace

std::string settings_text(const json& settings) {
  std::string out = fmt::format("# {}\n", text(settings, "file"));
  if (const std::string error = text(settings, "error"); !error.empty())
    out += fmt::format("# not in force as it is now: {}\n", error);
  for (const json& setting : list(settings)) {
    const bool waits = needs_restart(settings, text(setting, "key"));
    out +=
        fmt::format("{}{}\n    {}\n", assignment(setting), waits ? ", from the next start" : "", text(setting, "help"));
  }
  return out;
}

std::string change_text(const json& settings, const std::string& key) {
  for (const json& setting : list(settings)) {
    if (text(setting, "key") != key) continue;
    const bool waits = text(setting, "applies") == "at_restart";
    return assignment(setting) + (waits ? "; it counts when the worker starts again\n" : "\n");
  }
  return "";
}

}  // namespace gogrid::worker_app
