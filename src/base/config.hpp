// Configuration of a program: every setting is declared once, with its key in the TOML file, its environment variable,
// its flag and its help, and is then read from all three. Flags win over the environment, which wins over the file.
// Start-up only.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace gogrid {

// What a setting's text can say. Every target is written in place.
class SettingTarget {
 public:
  SettingTarget(bool& target);          // true, false
  SettingTarget(std::int64_t& target);  // a whole number, not negative
  SettingTarget(double& target);        // a number, not negative
  SettingTarget(std::string& target);
  SettingTarget(std::filesystem::path& target);      // "~/" is the home directory
  SettingTarget(std::chrono::milliseconds& target);  // a number of seconds, or "250ms", "30s", "5m", "2h", "7d"
  SettingTarget(std::vector<std::string>& target);   // an array; in environment and flags separated by commas

  // Where the setting is an array in the file.
  bool is_list = false;
  // What the value should look like, for error messages: "true or false".
  std::string expected;
  std::function<bool(std::string_view)> assign;
  std::function<std::string()> show;
};

struct Setting {
  std::string key;          // "server.port"
  std::string environment;  // "GOGRID_SERVER_PORT"; empty: none
  std::string flag;         // "--port"; empty: none
  std::string help;         // one line
  SettingTarget target;
  // Never shown, and not allowed as a flag.
  bool secret = false;
};

// A setting people know whose feature this version does not have: an error that says so, never silently no effect.
struct MissingFeature {
  std::string key;
  std::string environment;  // empty: none
  std::string why;          // "this version does not update itself yet"
};

class Config {
 public:
  explicit Config(std::vector<Setting> settings, std::vector<MissingFeature> missing = {})
      : settings_(std::move(settings)), missing_(std::move(missing)) {}

  // A missing file is not_found. An unknown key, a wrong type or bad TOML is invalid_argument and names file, line and
  // key.
  Result<void> load_file(const std::filesystem::path& path);
  // The same for TOML text; `origin` stands in errors.
  Result<void> load_text(std::string_view text, const std::string& origin);
  // `lookup` returns a variable's value or nullptr: ::getenv in programs.
  Result<void> load_environment(const std::function<const char*(const char*)>& lookup);
  // A flag's text; the error names the flag.
  Result<void> set_flag(const Setting& setting, std::string_view text);

  const std::vector<Setting>& settings() const { return settings_; }
  // The configuration in force as TOML, each key with its help as a comment; secrets are left out.
  std::string to_toml() const;

 private:
  // Why a key of the file is none of the settings.
  std::string no_such_setting(const std::string& key) const;

  std::vector<Setting> settings_;
  std::vector<MissingFeature> missing_;
};

}  // namespace gogrid
