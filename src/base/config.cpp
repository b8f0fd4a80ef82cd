#include "base/config.hpp"

#include <toml++/toml.h>

#include <spdlog/fmt/fmt.h>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "base/file.hpp"

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

std::string show_duration(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  if (count % 1000 != 0) return std::to_string(count) + "ms";
  return std::to_string(count / 1000) + "s";
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

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

Error bad_value(const std::string& where, const Setting& setting) {
  return Error(ErrorCode::invalid_argument, where + " must be " + setting.target.expected);
}

}  // namespace

SettingTarget::SettingTarget(bool& target)
    : expected("true or false"),
      assign([&target](std::string_view text) {
        if (text != "true" && text != "false" && text != "1" && text != "0") return false;
        target = text == "true" || text == "1";
        return true;
      }),
      show([&target] { return target ? "true" : "false"; }) {}

SettingTarget::SettingTarget(std::int64_t& target)
    : expected("a whole number, 0 or more"),
      assign([&target](std::string_view text) {
        std::int64_t number = 0;
        if (!parse_number(text, number) || number < 0) return false;
        target = number;
        return true;
      }),
      show([&target] { return std::to_string(target); }) {}

SettingTarget::SettingTarget(double& target)
    : expected("a number, 0 or more"),
      assign([&target](std::string_view text) {
        double number = 0;
        if (!parse_number(text, number) || !(number >= 0) || !std::isfinite(number)) return false;
        target = number;
        return true;
      }),
      show([&target] { return fmt::format("{}", target); }) {}

SettingTarget::SettingTarget(std::string& target)
    : expected("text"),
      assign([&target](std::string_view text) {
        target = text;
        return true;
      }),
      show([&target] { return quote(target); }) {}

SettingTarget::SettingTarget(std::filesystem::path& target)
    : expected("a path"),
      assign([&target](std::string_view text) {
        target = expand_home(text);
        return true;
      }),
      show([&target] { return quote(target.string()); }) {}

SettingTarget::SettingTarget(std::chrono::milliseconds& target)
    : expected("a time such as 30s, 5m or 250ms"),
      assign([&target](std::string_view text) { return parse_duration(text, target); }),
      show([&target] { return quote(show_duration(target)); }) {}

SettingTarget::SettingTarget(std::vector<std::string>& target)
    : is_list(true),
      expected("a list of texts"),
      assign([&target](std::string_view text) {
        target = split(text, ',');
        return true;
      }),
      show([&target] {
        std::string text;
        for (const std::string& part : target)
          text += (text.empty() ? "" : ", ") + quote(part);
        return "[" + text + "]";
      }) {}

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
      const auto setting = std::find_if(settings_.begin(), settings_.end(),
                                        [&](const Setting& candidate) { return candidate.key == key; });
      if (setting == settings_.end()) return Error(ErrorCode::invalid_argument, where + no_such_setting(key));
      const auto value = setting->target.is_list ? list_text(node) : node_text(node);
      if (!value || !setting->target.assign(*value)) return bad_value(where, *setting);
    }
    return {};
  };
  return walk(parsed, "");
}

std::string Config::no_such_setting(const std::string& key) const {
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
    if (value && !setting.target.assign(value)) return bad_value(setting.environment, setting);
  }
  return {};
}

Result<void> Config::set_flag(const Setting& setting, std::string_view text) {
  if (!setting.target.assign(text)) return bad_value(setting.flag, setting);
  return {};
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
    out += fmt::format("# {}\n{} = {}\n", setting.help, setting.key.substr(dot == std::string::npos ? 0 : dot + 1),
                       setting.target.show());
  }
  return out;
}

}  // namespace gogrid
