// Settings as JSON, as the control socket and `gogrid-worker settings --json` show them. Any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.hpp"
#include "worker/settings.hpp"

namespace gogrid::worker {

nlohmann::json to_json(const Settings& settings);

// An object of keys and values; null is a key that is to be removed.
SettingResult<SettingValues> read_setting_values(const nlohmann::json& values);

}  // namespace gogrid::worker
