// Settings for a person, from what the daemon, or worker::to_json(), says of them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gogrid::worker_app {

std::string settings_text(const nlohmann::json& settings);
// After a change: what the setting is now, and when that counts.
std::string change_text(const nlohmann::json& settings, const std::string& key);

}  // namespace gogrid::worker_app
