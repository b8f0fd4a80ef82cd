// gogrid-worker settings, set, unset: by the worker that runs here, or else with the file itself.
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/task_group.hpp"
#include "client/local_control.hpp"
#include "commands.hpp"
#include "settings_text.hpp"
#include "worker/settings_json.hpp"
#include "worker/state_directory.hpp"

namespace gogrid::worker_app {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

constexpr int ok = 0;
constexpr int failed = 1;
constexpr int usage = 2;

int report(const Error& error) {
  std::fprintf(stderr, "gogrid-worker: %s\n", error.detail.c_str());
  return error.code == ErrorCode::invalid_argument || error.code == ErrorCode::not_found ? usage : failed;
}

asio::awaitable<void> ask(client::LocalControl& control, std::string method, std::string params,
                          Result<std::string>* answer) {
  *answer = co_await control.call(std::move(method), std::move(params));
}

// Nothing when no worker runs here. One that was named a file of its own is asked nothing: that file counts.
std::optional<Result<json>> ask_worker(const GlobalOptions& global, const std::string& method, const json& params) {
  const auto path = state_path(global);
  if (path.empty() || !global.config_file.empty()) return std::nullopt;
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  client::LocalControl control(io.get_executor(), worker::StateDirectory(path).control_socket());
  Result<std::string> answer = Error(ErrorCode::internal, "the call did not end");
  const std::string text = params.dump(-1, ' ', false, json::error_handler_t::replace);
  tasks.spawn("call", ask(control, method, text, &answer));
  run_until_done(io, tasks);
  if (!answer && answer.error().code == ErrorCode::unavailable) return std::nullopt;
  if (!answer) return Result<json>(answer.error());
  return Result<json>(json::parse(*answer, nullptr, false));
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
  auto changed = ask_worker(global, "settings.set", params);
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
  auto shown = ask_worker(global, "settings.get", json::object());
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
