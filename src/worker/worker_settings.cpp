// What the worker does when its settings change while it runs.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "worker/control/control_server.hpp"
#include "worker/engine/device_plan.hpp"
#include "worker/limit_change.hpp"
#include "worker/owner_rules.hpp"
#include "worker/settings_json.hpp"
#include "worker/worker.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
using nlohmann::json;
using wire::RpcError;
using wire::RpcResult;
namespace {

std::string joined(const std::vector<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys)
    text += (text.empty() ? "" : ", ") + key;
  return text;
}

// `data.key` is the one of the values sent that it is about, if it is about one.
RpcError refusal(const json& values, const SettingError& error) {
  RpcError refused = error;
  if (error.key.empty() || !values.contains(error.key)) return refused;
  refused.data["key"] = error.key;
  // Also where there is no such setting.
  if (error.code == ErrorCode::not_found) refused.code = RpcError::invalid_params;
  return refused;
}

}  // namespace

void Worker::offer_settings(ControlServer& control) {
  if (!options_.settings) return;
  control.method("settings.get", {},
                 [this](json) -> asio::awaitable<RpcResult> { co_return to_json(*options_.settings); });
  control.method("settings.check", {"values"}, [this](json params) -> asio::awaitable<RpcResult> {
    const json wanted = params.value("values", json());
    const auto values = read_setting_values(wanted);
    if (!values) co_return refusal(wanted, values.error());
    const auto checked = options_.settings->check(*values);
    if (!checked) co_return refusal(wanted, checked.error());
    co_return to_json(*checked);
  });
  control.method("settings.set", {"values"}, [this](json params) -> asio::awaitable<RpcResult> {
    const json wanted = params.value("values", json());
    const auto values = read_setting_values(wanted);
    if (!values) co_return refusal(wanted, values.error());
    const auto change = options_.settings->set(*values);
    if (!change) co_return refusal(wanted, change.error());
    apply_settings(*change);
    status_changed();
    co_return to_json(*options_.settings);
  });
}

asio::awaitable<void> Worker::follow_settings() {
  if (!options_.settings || options_.settings->file().empty()) co_return;
  settings_watch_.emplace(executor_, std::filesystem::absolute(options_.settings->file()));
  for (;;) {
    // Before the first change that is heard as well: there may have been one before it was watched.
    reload_settings();
    const Result<void> heard = co_await settings_watch_->changed();
    if (shutting_down_) co_return;
    if (!heard) {
      log().warn("changes of the settings file count from the next start: {}", heard.error().detail);
      co_return;
    }
  }
}

void Worker::reload_settings() {
  Settings& settings = *options_.settings;
  const std::string error_before = settings.error();
  const auto change = settings.reload();
  if (change) {
    if (!error_before.empty()) log().info("the settings file is good again");
    apply_settings(*change);
  } else if (settings.error() != error_before) {
    log().error("the settings stay as they were, since their file is not good: {}", settings.error());
  }
  news_.notify();
  status_changed();
}

void Worker::apply_settings(const SettingsChange& change) {
  if (!change.at_restart.empty()) log().warn("settings that count from the next start: {}", joined(change.at_restart));
  if (change.at_once.empty() || shutting_down_) return;
  options_.config = options_.settings->config();
  if (auto started = start_logging(log_options(options_.config)); !started) log().warn("{}", started.error().detail);
  log().info("settings that count from now on: {}", joined(change.at_once));
  leases_.set_grace(options_.config.lease_grace);
  cache_.set_quota(cache_quota_bytes(options_.config));
  // What it will be assigned is known only then.
  if (revision_ > 0) cache_.trim();
  apply_vram_limits();
  if (resource_limits(options_.config) != sandbox_.limits().limits()) set_limits(options_.config);
  owner_.set_rules(owner_rules(options_.config));
  warn_of_unknown_parts();
  sensors_.set_config(options_.config);
  for (const auto& [key, replica] : replicas_)
    replica->engine_changed();
  changed(Change::important);
  pause_replicas();
}

void Worker::apply_vram_limits() {
  devices_.set_limits(vram_limits(options_.config));
  std::vector<std::shared_ptr<Replica>> by_use;
  for (const auto& [key, replica] : replicas_)
    by_use.push_back(replica);
  for (const auto& leaving : leaving_)
    by_use.push_back(leaving->replica);
  // As few as it takes, and first those whose end costs least.
  std::stable_sort(by_use.begin(), by_use.end(),
                   [](const auto& one, const auto& other) { return one->requests() < other->requests(); });
  for (const auto& replica : by_use) {
    replica->device_limits_changed();
    replica->retry();
  }
}

}  // namespace gogrid::worker
