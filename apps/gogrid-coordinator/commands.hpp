// What the commands of gogrid-coordinator do, but for `serve`. Each prints for a person, or JSON, and returns the exit
// code. Blocking.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "coordinator/config.hpp"

namespace gogrid::coordinator {

// The value each flag was given, by the flag; a list's values are joined by commas.
using Flags = std::map<std::string, std::string>;

// Says what went wrong; the exit code.
int fail(const Error& error);

// Flags win over the environment, which wins over the file: `config_file`, or coordinator.toml in the data directory if
// there is one.
Result<void> load_config(CoordinatorConfig& values, const std::filesystem::path& config_file, const Flags& flags);

int init(const Flags& flags, const std::vector<std::string>& names, bool as_json);
int create_key(const Flags& flags, const std::vector<std::string>& scopes, bool as_json);
int back_up_to(const Flags& flags, const std::filesystem::path& to, bool with_blobs);
int restore_from(const Flags& flags, const std::filesystem::path& from, bool replace);
int check(const Flags& flags, bool with_blobs, bool as_json);

}  // namespace gogrid::coordinator
