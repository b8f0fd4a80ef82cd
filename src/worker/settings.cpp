#include "worker/settings.hpp"

#include "base/file.hpp"
#include "base/toml_edit.hpp"

namespace gogrid::worker {
namespace {

constexpr std::size_t max_file_bytes = 1024 * 1024;
constexpr mode_t file_mode = 0600;

SettingError refused(const Setting& setting) {
  const bool by_flag = setting.origin == SettingOrigin::flag;
  const std::string by = by_flag ? "the flag " + setting.flag : setting.environment;
  const std::string why = setting.key + " is set by " + by + ", which wins over the file: change it there";
  return SettingError(Error(ErrorCode::conflict, why), setting.key);
}

}  // namespace

struct Settings::Values {
  explicit Values(std::string_view preset = {}) : config(preset_config(preset)) {}

  WorkerConfig config;
  Config settings{worker_settings(config), missing_features()};
};

Settings::Settings(SettingSources sources) : sources_(std::move(sources)) {}
Settings::Settings(Settings&&) noexcept = default;
Settings& Settings::operator=(Settings&&) noexcept = default;
Settings::~Settings() = default;

Result<Settings> Settings::load(SettingSources sources) {
  Settings settings(std::move(sources));
  auto values = settings.read(std::nullopt);
  if (!values) return values.error();
  for (const Setting& setting : (*values)->settings.settings())
    settings.first_.push_back(setting.target.value());
  settings.take(std::move(*values));
  return settings;
}

const std::vector<Setting>& Settings::list() const { return values_->settings.settings(); }

std::vector<std::string> Settings::restart_needed() const {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < list().size(); ++i) {
    const Setting& setting = list()[i];
    if (setting.target.applies() == Applies::at_restart && setting.target.value() != first_[i])
      keys.push_back(setting.key);
  }
  return keys;
}

// The preset can be said in the same places as what it has defaults for.
SettingResult<std::unique_ptr<Settings::Values>> Settings::read(const std::optional<std::string>& text) const {
  auto values = read(text, {});
  if (!values || (*values)->config.preset == WorkerConfig().preset) return values;
  return read(text, (*values)->config.preset);
}

// `text` instead of the file, if there is one.
SettingResult<std::unique_ptr<Settings::Values>> Settings::read(const std::optional<std::string>& text,
                                                                std::string_view preset) const {
  auto values = std::make_unique<Values>(preset);
  Config& settings = values->settings;
  if (text) {
    if (auto loaded = settings.load_text(*text, sources_.file.string()); !loaded) return loaded.error();
  } else if (!sources_.file.empty()) {
    const auto loaded = settings.load_file(sources_.file);
    const bool may_be_missing = !sources_.file_required && !loaded && loaded.error().code == ErrorCode::not_found;
    if (!loaded && !may_be_missing) return loaded.error();
  }
  if (auto loaded = settings.load_environment(sources_.environment); !loaded) return loaded.error();
  for (const auto& [key, flag_text] : sources_.flags) {
    const Setting* setting = settings.find(key);
    if (!setting) return Error(ErrorCode::invalid_argument, key + " is not a setting");
    if (auto set = settings.set_flag(*setting, flag_text); !set) return set.error();
  }
  if (auto checked = check_config(values->config); !checked) return checked.error();
  return values;
}

SettingsChange Settings::take(std::unique_ptr<Values> values) {
  SettingsChange change;
  Values in_force;
  const auto& settings = values->settings.settings();
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const SettingTarget& target = settings[i].target;
    const bool later = target.applies() == Applies::at_restart;
    if (values_ && target.value() != list()[i].target.value())
      (later ? change.at_restart : change.at_once).push_back(settings[i].key);
    const std::string value = later ? first_[i] : target.value();
    const SettingTarget& place = in_force.settings.settings()[i].target;
    if (value != place.value()) place.assign(value);
  }
  in_force_ = in_force.config;
  values_ = std::move(values);
  error_.clear();
  return change;
}

Result<SettingsChange> Settings::reload() {
  auto values = read(std::nullopt);
  if (values) return take(std::move(*values));
  error_ = values.error().detail;
  return values.error();
}

// The file's text with the changes, each of them good by itself.
SettingResult<std::string> Settings::edited(const SettingValues& wanted) const {
  if (sources_.file.empty())
    return Error(ErrorCode::unavailable, "there is no settings file, since HOME is not set: name one with --config");
  auto text = read_file(sources_.file, max_file_bytes);
  if (!text && text.error().code == ErrorCode::not_found) text = std::string();
  if (!text) return text.error();
  Values scratch;
  for (const auto& [key, value] : wanted) {
    const Setting* setting = scratch.settings.find(key);
    const Setting* current = values_->settings.find(key);
    if (current && (current->origin == SettingOrigin::environment || current->origin == SettingOrigin::flag))
      return refused(*current);
    if (value || !setting) {
      if (auto set = scratch.settings.set(key, value.value_or("")); !set) return SettingError(set.error(), key);
    }
    auto changed = edit_toml(*text, key, value ? std::optional(setting->target.show()) : std::nullopt);
    if (!changed) {
      return Error(changed.error().code,
                   sources_.file.string() + " cannot be changed: " + changed.error().detail + "; edit it by hand");
    }
    text = std::move(*changed);
  }
  return text;
}

SettingResult<Settings> Settings::check(const SettingValues& wanted) const {
  const auto text = edited(wanted);
  if (!text) return text.error();
  auto values = read(*text);
  if (!values) return values.error();
  Settings settings(sources_);
  settings.first_ = first_;
  settings.take(std::move(*values));
  return settings;
}

SettingResult<SettingsChange> Settings::set(const SettingValues& wanted) {
  const auto text = edited(wanted);
  if (!text) return text.error();
  auto values = read(*text);
  if (!values) return values.error();
  if (auto stored = store(*text); !stored) return stored.error();
  return take(std::move(*values));
}

Result<void> Settings::store(const std::string& text) const {
  const auto old = read_file(sources_.file, max_file_bytes);
  if (old ? *old == text : text.empty()) return {};
  // What a link names is written, and the link stays.
  std::error_code failure;
  auto target = std::filesystem::canonical(sources_.file, failure);
  if (failure) target = sources_.file;
  if (auto made = make_directories(target.parent_path(), 0700); !made) return made;
  return write_file_atomically(target, text, file_mode);
}

}  // namespace gogrid::worker
