// Where the coordinator is and how to prove who asks: ~/.config/gogrid/config.toml, which `gogrid login` writes, then
// the environment (GOGRID_URL, GOGRID_API_KEY, GOGRID_CA), then flags. Any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/result.hpp"

namespace gogrid::cli {

// A variable's value or nullptr: ::getenv in programs.
using Environment = std::function<const char*(const char*)>;

struct Settings {
  std::string url;
  std::string api_key;
  // PEM authorities to trust; empty: the system's.
  std::filesystem::path ca_path;
};

// <XDG_CONFIG_HOME or ~/.config>/gogrid
std::filesystem::path config_directory(const Environment& environment);

// From file and environment; a file that is not there is no error. Flags are the caller's to add.
Result<Settings> load_settings(const Environment& environment);

// Writes the file with mode 0600 in a directory with mode 0700, whole or not at all.
Result<void> save_settings(const Environment& environment, const Settings& settings);

}  // namespace gogrid::cli
