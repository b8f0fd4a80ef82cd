#include "base/config.hpp"

#include <toml++/toml.h>

#include <spdlog/fmt/fmt.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/file.hpp"
#include "base/log.hpp"

namespace gogrid {
namespace {

template <class Number>
bool parse_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse_duration(std::string_view text, std::chrono::milliseconds& duration) {
  const auto unit_at = text.find_first_not_of("0123456789.");
  const std::string_view unit = unit_at == std::string_view::npos ? "s" : text.substr(unit_at);
  double count = 0;
  if (!parse_number(text.substr(0, unit_at), count) || !std::isfinite(count)) return false;
  const std::pair<std::string_view, double> units[] = {
      {"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}};
  for (const auto& [name, milliseconds] : units) {
    // Over a century is a mistake, and would overflow.
    if (unit == name && count * milliseconds < 3.2e12) {
      duration = std::chrono::milliseconds(static_cast<std::int64_t>(count * milliseconds));
      return true;
    }
  }
  return false;
}

// In the largest unit that says it whole.
std::string show_duration(std::chrono::milliseconds duration) {
  const std::pair<std::string_view, std::int64_t> units[] = {
      {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}};
  const auto count = duration.count();
  for (const auto& [name, milliseconds] : units) {
    if (count >= milliseconds && count % milliseconds == 0) return fmt::format("{}{}", count / milliseconds, name);
  }
  return count == 0 ? "0s" : fmt::format("{}ms", count);
}

std::string quote(std::string_view text) { return "\"" + escape_json(text) + "\""; }

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = text.find(separator);
    if (end != 0) parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

std::filesystem::path expand_home(std::string_view text) {
  const char* home = std::getenv("HOME");
  if (home && text.starts_with("~/")) return std::filesystem::path(home) / text.substr(2);
  return text;
}

// A value as the text that SettingTarget::assign takes; nullopt for kinds no setting has (tables, dates).
std::optional<std::string> node_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

std::optional<std::string> list_text(const toml::node& node) {
  const auto* array = node.as_array();
  if (!array) return std::nullopt;
  std::string text;
  for (const toml::node& element : *array) {
    const auto part = element.as_string();
    if (!part || part->get().find(',') != std::string::npos) return std::nullopt;
    if (!text.empty()) text += ',';
    text += part->get();
  }
  return text;
}

bool within(double number, const SettingLimits& limits) {
  if (limits.or_zero && number == 0) return true;
  return std::isfinite(number) && number >= limits.minimum.value_or(number) &&
         number <= limits.maximum.value_or(number);
}

double seconds_of(std::chrono::milliseconds duration) { return std::chrono::duration<double>(duration).count(); }

// "a, b or c"
std::string listed(const std::vector<std::string>& choices) {
  std::string text;
  for (std::size_t i = 0; i < choices.size(); ++i)
    text += (i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ") + choices[i];
  return text;
}

// " from 1 to 65535"
std::string range_text(const SettingLimits& limits, bool is_duration) {
  const auto shown = [is_duration](double number) {
    if (!is_duration) return fmt::format("{}", number);
    return show_duration(std::chrono::milliseconds(std::llround(number * 1000)));
  };
  if (limits.minimum && limits.maximum) return " from " + shown(*limits.minimum) + " to " + shown(*limits.maximum);
  if (limits.minimum) return ", " + shown(*limits.minimum) + " or more";
  if (limits.maximum) return ", " + shown(*limits.maximum) + " or less";
  return "";
}

// What somebody wrote, for an error.
std::string as_written(std::string_view text) {
  constexpr std::size_t shown_bytes = 60;
  return quote(text.substr(0, shown_bytes)) + (text.size() > shown_bytes ? "..." : "");
}

constexpr std::string_view kind_names[] = {"boolean", "integer",  "number", "text",
                                           "path",    "duration", "list",   "choice"};
constexpr std::string_view origin_names[] = {"default", "file", "environment", "flag"};

}  // namespace

std::string_view to_string(SettingKind kind) { return kind_names[static_cast<std::size_t>(kind)]; }
std::string_view to_string(SettingOrigin origin) { return origin_names[static_cast<std::size_t>(origin)]; }
std::string_view to_string(Applies applies) { return applies == Applies::at_once ? "at_once" : "at_restart"; }

SettingTarget::SettingTarget(bool& target)
    : value([&target] { return target ? "true" : "false"; }),
      kind_(SettingKind::boolean),
      read_([&target](std::string_view text, const SettingLimits&) {
        if (text != "true" && text != "false" && text != "1" && text != "0") return false;
        target = text == "true" || text == "1";
        return true;
      }) {}

SettingTarget::SettingTarget(std::int64_t& target)
    : value([&target] { return target < 0 ? "" : std::to_string(target); }),
      kind_(SettingKind::integer),
      read_([&target](std::string_view text, const SettingLimits& limits) {
        std::int64_t number = 0;
        if (!parse_number(text, number) || !within(static_cast<double>(number), limits)) return false;
        target = number;
        return true;
      }) {
  limits_.minimum = 0;
}

SettingTarget::SettingTarget(double& target)
    : value([&target] { return target < 0 ? "" : fmt::format("{}", target); }),
      kind_(SettingKind::number),
      read_([&target](std::string_view text, const SettingLimits& limits) {
        double number = 0;
        if (!parse_number(text, number) || !within(number, limits)) return false;
        target = number;
        return true;
      }) {
  limits_.minimum = 0;
}

SettingTarget::SettingTarget(std::string& target)
    : value([&target] { return target; }),
      kind_(SettingKind::text),
      read_([&target](std::string_view text, const SettingLimits& limits) {
        const auto& choices = limits.choices;
        if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) return false;
        target = text;
        return true;
      }) {}

SettingTarget::SettingTarget(std::filesystem::path& target)
    : value([&target] { return target.string(); }),
      kind_(SettingKind::path),
      read_([&target](std::string_view text, const SettingLimits&) {
        target = expand_home(text);
        return true;
      }) {}

SettingTarget::SettingTarget(std::chrono::milliseconds& target)
    : value([&target] { return show_duration(target); }),
      kind_(SettingKind::duration),
      read_([&target](std::string_view text, const SettingLimits& limits) {
        std::chrono::milliseconds duration{0};
        if (!parse_duration(text, duration) || !within(seconds_of(duration), limits)) return false;
        target = duration;
        return true;
      }) {}

SettingTarget::SettingTarget(std::vector<std::string>& target)
    : value([&target] {
        std::string text;
        for (const std::string& part : target)
          text += (text.empty() ? "" : ",") + part;
        return text;
      }),
      kind_(SettingKind::list),
      read_([&target](std::string_view text, const SettingLimits&) {
        target = split(text, ',');
        return true;
      }) {}

SettingTarget SettingTarget::at_least(double minimum) const {
  SettingTarget limited = *this;
  limited.limits_.minimum = minimum;
  return limited;
}

SettingTarget SettingTarget::at_least(std::chrono::milliseconds minimum) const { return at_least(seconds_of(minimum)); }

SettingTarget SettingTarget::zero_or_at_least(double minimum) const {
  SettingTarget limited = at_least(minimum);
  limited.limits_.or_zero = true;
  return limited;
}

SettingTarget SettingTarget::at_most(double maximum) const {
  SettingTarget limited = *this;
  limited.limits_.maximum = maximum;
  return limited;
}

SettingTarget SettingTarget::at_most(std::chrono::milliseconds maximum) const { return at_most(seconds_of(maximum)); }

SettingTarget SettingTarget::one_of(std::vector<std::string> choices) const {
  SettingTarget limited = *this;
  limited.kind_ = SettingKind::choice;
  limited.limits_.choices = std::move(choices);
  return limited;
}

SettingTarget SettingTarget::at_restart() const {
  SettingTarget later = *this;
  later.applies_ = Applies::at_restart;
  return later;
}

std::string SettingTarget::expected() const {
  switch (kind_) {
    case SettingKind::boolean:
      return "true or false";
    case SettingKind::integer:
      return "a whole number" + range_text(limits_, false);
    case SettingKind::number:
      return (limits_.or_zero ? "0 or a number" : "a number") + range_text(limits_, false);
    case SettingKind::text:
      return "text";
    case SettingKind::path:
      return "a path";
    case SettingKind::duration:
      return "a time such as 30s, 5m or 250ms" + range_text(limits_, true);
    case SettingKind::list:
      return "a list of texts";
    case SettingKind::choice:
      return listed(limits_.choices);
  }
  return {};
}

std::string SettingTarget::show() const {
  std::string text = value();
  switch (kind_) {
    case SettingKind::boolean:
    case SettingKind::integer:
    case SettingKind::number:
      return text;
    case SettingKind::list: {
      std::string shown;
      for (const std::string& part : split(text, ','))
        shown += (shown.empty() ? "" : ", ") + quote(part);
      return "[" + shown + "]";
    }
    default:
      return quote(text);
  }
}

Config::Config(std::vector<Setting> settings, std::vector<MissingFeature> missing)
    : settings_(std::move(settings)), missing_(std::move(missing)) {
  for (Setting& setting : settings_)
    setting.default_value = setting.target.show();
}

Result<void> Config::load_file(const std::filesystem::path& path) {
  constexpr std::size_t limit_bytes = 1024 * 1024;
  auto text = read_file(path, limit_bytes);
  if (!text) return text.error();
  return load_text(*text, path.string());
}

Result<void> Config::load_text(std::string_view text, const std::string& origin) {
  toml::table parsed;
  try {
    parsed = toml::parse(text, origin);
  } catch (const toml::parse_error& error) {
    return Error(ErrorCode::invalid_argument,
                 origin + ":" + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
  std::function<Result<void>(const toml::table&, const std::string&)> walk =
      [&](const toml::table& table, const std::string& prefix) -> Result<void> {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      const std::string where = origin + ":" + std::to_string(node.source().begin.line) + ": " + key;
      if (const auto* inner = node.as_table()) {
        if (auto walked = walk(*inner, key + "."); !walked) return walked;
        continue;
      }
      Setting* setting = own(key);
      if (!setting) return Error(ErrorCode::invalid_argument, where + no_such_setting(key));
      const auto value = setting->target.kind() == SettingKind::list ? list_text(node) : node_text(node);
      if (!value) return Error(ErrorCode::invalid_argument, where + " must be " + setting->target.expected());
      if (auto assigned = assign(*setting, *value, SettingOrigin::file, where); !assigned) return assigned;
    }
    return {};
  };
  return walk(parsed, "");
}

const Setting* Config::find(std::string_view key) const {
  const auto found =
      std::find_if(settings_.begin(), settings_.end(), [&](const Setting& candidate) { return candidate.key == key; });
  return found == settings_.end() ? nullptr : &*found;
}

Setting* Config::own(std::string_view key) { return const_cast<Setting*>(std::as_const(*this).find(key)); }

Result<void> Config::assign(Setting& setting, std::string_view text, SettingOrigin origin, const std::string& where) {
  if (!setting.target.assign(text)) {
    const std::string written = setting.secret ? "" : ", not " + as_written(text);
    return Error(ErrorCode::invalid_argument, where + " must be " + setting.target.expected() + written);
  }
  setting.origin = origin;
  return {};
}

std::string Config::no_such_setting(std::string_view key) const {
  for (const MissingFeature& feature : missing_) {
    if (feature.key == key) return ": " + feature.why + "; remove the line";
  }
  return " is not a setting; see --help for those there are";
}

Result<void> Config::load_environment(const std::function<const char*(const char*)>& lookup) {
  for (const MissingFeature& feature : missing_) {
    const char* value = feature.environment.empty() ? nullptr : lookup(feature.environment.c_str());
    if (value && *value != '\0') {
      return Error(ErrorCode::invalid_argument, feature.environment + ": " + feature.why + "; unset it");
    }
  }
  for (Setting& setting : settings_) {
    if (setting.environment.empty()) continue;
    const char* value = lookup(setting.environment.c_str());
    if (!value) continue;
    const std::string where = setting.environment + " (" + setting.key + ")";
    if (auto assigned = assign(setting, value, SettingOrigin::environment, where); !assigned) return assigned;
  }
  return {};
}

Result<void> Config::set_flag(const Setting& setting, std::string_view text) {
  return assign(*own(setting.key), text, SettingOrigin::flag, setting.flag + " (" + setting.key + ")");
}

Result<void> Config::set(std::string_view key, std::string_view text) {
  Setting* setting = own(key);
  if (setting) return assign(*setting, text, SettingOrigin::file, setting->key);
  for (const MissingFeature& feature : missing_) {
    if (feature.key == key) return Error(ErrorCode::not_found, feature.key + ": " + feature.why);
  }
  return Error(ErrorCode::not_found, as_written(key) + " is not a setting");
}

std::string Config::to_toml() const {
  std::string out;
  std::string section;
  for (const Setting& setting : settings_) {
    if (setting.secret) continue;
    const auto dot = setting.key.rfind('.');
    const std::string its_section = dot == std::string::npos ? "" : setting.key.substr(0, dot);
    if (its_section != section) {
      out += fmt::format("\n[{}]\n", its_section);
      section = its_section;
    }
    const std::string value = setting.target.show();
    out += fmt::format("# {}\n{}{} = {}\n", setting.help, value.empty() ? "# " : "",
                       setting.key.substr(dot == std::string::npos ? 0 : dot + 1), value);
  }
  return out;
}

}  // namespace gogrid
