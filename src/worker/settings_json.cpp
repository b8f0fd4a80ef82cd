#include "worker/settings_json.hpp"

#include <nlohmann/json.hpp>

namespace gogrid::worker {
using nlohmann::json;
namespace {

// What is not set is null.
json value_json(const std::string& shown) { return shown.empty() ? json() : json::parse(shown, nullptr, false); }

json limit_json(const SettingTarget& target, double limit) {
  if (target.kind() == SettingKind::integer) return static_cast<std::int64_t>(limit);
  return limit;
}

json setting_json(const Setting& setting) {
  const SettingTarget& target = setting.target;
  json out = {{"key", setting.key},
              {"kind", to_string(target.kind())},
              {"value", value_json(target.show())},
              {"default", value_json(setting.default_value)},
              {"origin", to_string(setting.origin)},
              {"set_by", nullptr},
              {"help", setting.help},
              {"expected", target.expected()},
              {"applies", to_string(target.applies())}};
  if (setting.origin == SettingOrigin::environment) out["set_by"] = setting.environment;
  if (setting.origin == SettingOrigin::flag) out["set_by"] = setting.flag;
  const SettingLimits& limits = target.limits();
  if (!limits.choices.empty()) out["choices"] = limits.choices;
  if (limits.minimum) out["minimum"] = limit_json(target, *limits.minimum);
  if (limits.maximum) out["maximum"] = limit_json(target, *limits.maximum);
  if (limits.or_zero) out["or_zero"] = true;
  return out;
}

SettingError bad(const std::string& key, const std::string& why) {
  return SettingError(Error(ErrorCode::invalid_argument, key + why), key);
}

SettingResult<std::string> read_list(const std::string& key, const json& list) {
  std::string text;
  for (const json& part : list) {
    if (!part.is_string()) return bad(key, " must be a list of texts");
    const auto& part_text = part.get_ref<const std::string&>();
    if (part_text.empty() || part_text.find(',') != std::string::npos)
      return bad(key, " must be a list of texts that are not empty and have no comma");
    text += (text.empty() ? "" : ",") + part_text;
  }
  return text;
}

}  // namespace

json to_json(const Settings& settings) {
  json out = {{"file", settings.file().string()},
              {"error", settings.error().empty() ? json() : json(settings.error())},
              {"restart_needed", settings.restart_needed()},
              {"settings", json::array()}};
  for (const Setting& setting : settings.list())
    out["settings"].push_back(setting_json(setting));
  return out;
}

SettingResult<SettingValues> read_setting_values(const json& values) {
  if (!values.is_object()) return Error(ErrorCode::invalid_argument, "\"values\" must be an object of keys and values");
  SettingValues out;
  for (const auto& [key, value] : values.items()) {
    if (value.is_null()) {
      out.emplace(key, std::nullopt);
    } else if (value.is_string()) {
      out.emplace(key, value.get<std::string>());
    } else if (value.is_array()) {
      auto text = read_list(key, value);
      if (!text) return text.error();
      out.emplace(key, std::move(*text));
    } else if (value.is_object()) {
      return bad(key, " cannot be an object");
    } else {
      out.emplace(key, value.dump());
    }
  }
  return out;
}

}  // namespace gogrid::worker
