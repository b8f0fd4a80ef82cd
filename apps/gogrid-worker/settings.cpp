// gogrid-worker settings, set, unset: by the worker that runs here, or else with the file itself.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "ask_worker.hpp"
#include "commands.hpp"
#include "settings_text.hpp"
#include "worker/settings_json.hpp"

namespace gogrid::worker_app {
using nlohmann::json;
namespace {

constexpr int ok = 0;
constexpr int failed = 1;
constexpr int usage = 2;

int report(const Error& error) {
  std::fprintf(stderr, "gogrid-worker: %s\n", error.detail.c_str());
  return error.code == ErrorCode::invalid_argument || error.code == ErrorCode::not_found ? usage : failed;
}

// One that was named a file of its own is asked nothing: that file counts.
std::optional<Result<json>> ask(const GlobalOptions& global, const std::string& method, const json& params) {
  if (!global.config_file.empty()) return std::nullopt;
  return ask_worker(global, method, params);
}

Result<json> change_file(const GlobalOptions& global, const std::string& key, const std::optional<std::string>& value) {
  auto settings = worker::Settings::load(setting_sources(global));
  if (!settings) return Error(ErrorCode::conflict, settings.error().detail);
  const auto changed = settings->set({{key, value}});
  if (!changed) return changed.error();
  return worker::to_json(*settings);
}

int change(const GlobalOptions& global, const std::string& key, const std::optional<std::string>& value) {
  json params = {{"values", json::object()}};
  params["values"][key] = value ? json(*value) : json();
  auto changed = ask(global, "settings.set", params);
  if (!changed) changed = change_file(global, key, value);
  if (!*changed) return report(changed->error());
  std::fputs(change_text(**changed, key).c_str(), stdout);
  return ok;
}

Result<json> read_file_settings(const GlobalOptions& global) {
  const auto settings = worker::Settings::load(setting_sources(global));
  if (!settings) return Error(ErrorCode::conflict, settings.error().detail);
  return worker::to_json(*settings);
}

}  // namespace

int show_settings(const GlobalOptions& global, bool json_wanted) {
  auto shown = ask(global, "settings.get", json::object());
  if (!shown) shown = read_file_settings(global);
  if (!*shown) return report(shown->error());
  const auto replace = json::error_handler_t::replace;
  std::fputs((json_wanted ? (*shown)->dump(-1, ' ', false, replace) + "\n" : settings_text(**shown)).c_str(), stdout);
  return ok;
}

int set_setting(const GlobalOptions& global, const std::string& key, const std::string& value) {
  return change(global, key, value);
}

int unset_setting(const GlobalOptions& global, const std::string& key) { return change(global, key, std::nullopt); }

}  // namespace gogrid::worker_app
