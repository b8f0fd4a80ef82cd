#include "cli/settings.hpp"

#include <pwd.h>
#include <unistd.h>

#include "base/config.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

namespace gogrid::cli {
namespace {

std::filesystem::path home_directory(const Environment& environment) {
  const char* home = environment("HOME");
  if (home && *home) return home;
  const passwd* user = ::getpwuid(::getuid());
  return user ? user->pw_dir : "/";
}

Config declare(Settings& settings) {
  std::vector<Setting> all;
  all.push_back({"url", "GOGRID_URL", "--url", "The coordinator's URL", settings.url});
  all.push_back({"api_key", "GOGRID_API_KEY", "", "Key for the coordinator's API", settings.api_key, true});
  all.push_back({"ca_path", "GOGRID_CA", "--ca",
                 "PEM file with the authority that signed the coordinator's certificate", settings.ca_path});
  return Config(std::move(all));
}

std::string toml_string(std::string_view text) { return "\"" + escape_json(text) + "\""; }

}  // namespace

std::filesystem::path config_directory(const Environment& environment) {
  const char* xdg = environment("XDG_CONFIG_HOME");
  // The XDG base directory specification: a relative path is to be ignored.
  if (xdg && *xdg == '/') return std::filesystem::path(xdg) / "gogrid";
  return home_directory(environment) / ".config" / "gogrid";
}

Result<Settings> load_settings(const Environment& environment) {
  Settings settings;
  Config config = declare(settings);
  const auto loaded = config.load_file(config_directory(environment) / "config.toml");
  if (!loaded && loaded.error().code != ErrorCode::not_found) return loaded.error();
  if (const auto set = config.load_environment(environment); !set) return set.error();
  return settings;
}

Result<void> save_settings(const Environment& environment, const Settings& settings) {
  const std::filesystem::path directory = config_directory(environment);
  if (const auto made = make_directories(directory); !made) return made.error();
  std::string text = "# Written by 'gogrid login'. Holds a secret.\n";
  text += "url = " + toml_string(settings.url) + "\n";
  text += "api_key = " + toml_string(settings.api_key) + "\n";
  if (!settings.ca_path.empty()) text += "ca_path = " + toml_string(settings.ca_path.string()) + "\n";
  return write_file_atomically(directory / "config.toml", text, 0600);
}

}  // namespace gogrid::cli
