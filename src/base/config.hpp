// Configuration of a program: every setting is declared once, with its key in the TOML file, its environment variable,
// its flag, its help and what it may be, and is then read from all three. Flags win over the environment, which wins
// over the file. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace gogrid {

enum class SettingKind { boolean, integer, number, text, path, duration, list, choice };
std::string_view to_string(SettingKind kind);

// Where the value in force comes from; later ones win.
enum class SettingOrigin { default_value, file, environment, flag };
// "default", "file", "environment", "flag".
std::string_view to_string(SettingOrigin origin);

// Whether a change counts while the program runs.
enum class Applies { at_once, at_restart };
std::string_view to_string(Applies applies);

struct SettingLimits {
  // Of a duration, in seconds.
  std::optional<double> minimum;
  std::optional<double> maximum;
  // 0 is allowed beside those from the minimum on: it is said to mean something of its own.
  bool or_zero = false;
  // Of a choice.
  std::vector<std::string> choices;
};

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

  // The same with limits, to declare it with.
  SettingTarget at_least(double minimum) const;
  SettingTarget at_least(std::chrono::milliseconds minimum) const;
  // Of a number: 0, which the help says the meaning of, or from the minimum on.
  SettingTarget zero_or_at_least(double minimum) const;
  SettingTarget at_most(double maximum) const;
  SettingTarget at_most(std::chrono::milliseconds maximum) const;
  // Of a text.
  SettingTarget one_of(std::vector<std::string> choices) const;
  // A change counts when the program starts again.
  SettingTarget at_restart() const;

  // False, and nothing is changed, when it is not what expected() says.
  bool assign(std::string_view text) const { return read_(text, limits_); }
  // For error messages: "true or false".
  std::string expected() const;
  // The value as TOML, which for all these kinds is JSON as well; empty: not set.
  std::string show() const;

  SettingKind kind() const { return kind_; }
  const SettingLimits& limits() const { return limits_; }
  Applies applies() const { return applies_; }

  // The value as assign() takes it; empty: a number that is not set.
  std::function<std::string()> value;

 private:
  SettingKind kind_;
  SettingLimits limits_;
  Applies applies_ = Applies::at_once;
  std::function<bool(std::string_view, const SettingLimits&)> read_;
};

struct Setting {
  std::string key;          // "server.port"
  std::string environment;  // "GOGRID_SERVER_PORT"; empty: none
  std::string flag;         // "--port"; empty: none
  std::string help;         // one line
  SettingTarget target;
  // Never shown, and not allowed as a flag.
  bool secret = false;

  // Config keeps these two: SettingTarget::show() before anything was read, and where the value is from.
  std::string default_value = {};
  SettingOrigin origin = SettingOrigin::default_value;
};

// A setting people know whose feature this version does not have: an error that says so, never silently no effect.
struct MissingFeature {
  std::string key;
  std::string environment;  // empty: none
  std::string why;          // "this version does not update itself yet"
};

class Config {
 public:
  explicit Config(std::vector<Setting> settings, std::vector<MissingFeature> missing = {});

  // A missing file is not_found. An unknown key, a wrong type or bad TOML is invalid_argument and names file, line and
  // key.
  Result<void> load_file(const std::filesystem::path& path);
  // The same for TOML text; `origin` stands in errors.
  Result<void> load_text(std::string_view text, const std::string& origin);
  // `lookup` returns a variable's value or nullptr: ::getenv in programs.
  Result<void> load_environment(const std::function<const char*(const char*)>& lookup);
  // A flag's text; the error names the flag.
  Result<void> set_flag(const Setting& setting, std::string_view text);
  // Of one key, as a file's; not_found when there is no such setting.
  Result<void> set(std::string_view key, std::string_view text);

  const std::vector<Setting>& settings() const { return settings_; }
  // nullptr: there is none.
  const Setting* find(std::string_view key) const;
  // The configuration in force as TOML, each key with its help as a comment; secrets are left out.
  std::string to_toml() const;

 private:
  Setting* own(std::string_view key);
  // The one place where a value is checked; the error begins with `where`.
  Result<void> assign(Setting& setting, std::string_view text, SettingOrigin origin, const std::string& where);
  // Why a key of the file is none of the settings.
  std::string no_such_setting(std::string_view key) const;

  std::vector<Setting> settings_;
  std::vector<MissingFeature> missing_;
};

}  // namespace gogrid
