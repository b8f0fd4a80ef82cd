// Settings: the worker's configuration as it is now, read from the file, the environment and flags, read again when the
// file changes, and changed by writing the file. A file that is broken changes nothing: what was good stays in force.
// One thread; reads and writes one small file.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/config.hpp"
#include "base/result.hpp"
#include "worker/config.hpp"

namespace gogrid::worker {

struct SettingSources {
  // Empty: none.
  std::filesystem::path file;
  bool file_required = false;
  std::function<const char*(const char*)> environment;
  // Key and text.
  std::vector<std::pair<std::string, std::string>> flags;
};

// By key, as in the environment; nullopt removes the key from the file.
using SettingValues = std::map<std::string, std::optional<std::string>>;

// The keys whose values are others now.
struct SettingsChange {
  std::vector<std::string> at_once;
  std::vector<std::string> at_restart;

  bool empty() const { return at_once.empty() && at_restart.empty(); }
};

class Settings {
 public:
  // The error names the file's line, the variable or the flag.
  static Result<Settings> load(SettingSources sources);
  Settings(Settings&&) noexcept;
  Settings& operator=(Settings&&) noexcept;
  ~Settings();

  // In force. What applies at restart only is in it as it was loaded first.
  const WorkerConfig& config() const { return in_force_; }
  // As they are written, with their origins.
  const std::vector<Setting>& list() const;
  const std::filesystem::path& file() const { return sources_.file; }
  // Why the file as it is now is not what is in force; empty when it is.
  const std::string& error() const { return error_; }
  // Keys whose values were changed and wait for a restart.
  std::vector<std::string> restart_needed() const;

  // Reads all again. An error leaves everything as it was, and stays in error().
  Result<SettingsChange> reload();
  // Checks what would come of it, all together, and then changes the file, of which all else stays as it was. Nothing
  // is stored on an error.
  SettingResult<SettingsChange> set(const SettingValues& wanted);
  // What would come of it; stores nothing.
  SettingResult<Settings> check(const SettingValues& wanted) const;

 private:
  struct Values;

  explicit Settings(SettingSources sources);
  SettingResult<std::unique_ptr<Values>> read(const std::optional<std::string>& text) const;
  SettingResult<std::unique_ptr<Values>> read(const std::optional<std::string>& text, std::string_view preset) const;
  SettingResult<std::string> edited(const SettingValues& wanted) const;
  Result<void> store(const std::string& text) const;
  SettingsChange take(std::unique_ptr<Values> values);

  SettingSources sources_;
  std::unique_ptr<Values> values_;
  // Of all settings, as they were loaded first.
  std::vector<std::string> first_;
  WorkerConfig in_force_;
  std::string error_;
};

}  // namespace gogrid::worker
