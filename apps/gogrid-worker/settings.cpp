// gogrid-worker settings, set, unset.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "settings_text.hpp"
#include "worker/settings_json.hpp"

namespace gogrid::worker_app {
namespace {

constexpr int ok = 0;
constexpr int failed = 1;
constexpr int usage = 2;

int report(const Error& error, int code = failed) {
  std::fprintf(stderr, "gogrid-worker: %s\n", error.detail.c_str());
  return code;
}

int change(const GlobalOptions& global, const std::string& key, const std::optional<std::string>& value) {
  auto settings = worker::Settings::load(setting_sources(global));
  if (!settings) return report(settings.error());
  const auto changed = settings->set({{key, value}});
  if (!changed) {
    const auto code = changed.error().code;
    return report(changed.error(),
                  code == ErrorCode::invalid_argument || code == ErrorCode::not_found ? usage : failed);
  }
  std::fputs(change_text(worker::to_json(*settings), key).c_str(), stdout);
  return ok;
}

}  // namespace

int show_settings(const GlobalOptions& global, bool json) {
  const auto settings = worker::Settings::load(setting_sources(global));
  if (!settings) return report(settings.error());
  const nlohmann::json shown = worker::to_json(*settings);
  const auto replace = nlohmann::json::error_handler_t::replace;
  std::fputs((json ? shown.dump(-1, ' ', false, replace) + "\n" : settings_text(shown)).c_str(), stdout);
  return ok;
}

int set_setting(const GlobalOptions& global, const std::string& key, const std::string& value) {
  return change(global, key, value);
}

int unset_setting(const GlobalOptions& global, const std::string& key) { return change(global, key, std::nullopt); }

}  // namespace gogrid::worker_app
