// The commands of gogrid-worker. Each returns an exit code: 0 ok, 1 failed, 2 wrong usage, 3 no daemon runs here.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/settings.hpp"

namespace gogrid::worker_app {

struct GlobalOptions {
  std::filesystem::path config_file;  // empty: the default place, if it is there
  std::filesystem::path state_dir;    // empty: the default place
  // Flags of settings that were given: key and text.
  std::vector<std::pair<std::string, std::string>> flags;
};

struct JoinOptions {
  std::string token;        // "-": from standard input
  std::string coordinator;  // HOST or HOST:PORT
};

struct GpusOptions {
  bool json = false;
  // Again every second, until it is stopped.
  bool watch = false;
  std::filesystem::path root;  // empty: this machine
};

struct StatusOptions {
  bool json = false;
  // Again whenever it changes, until it is stopped.
  bool watch = false;
};

struct PauseOptions {
  std::string reason;
  std::string length;  // "90m"; empty: not set
  std::string until;   // "tomorrow"
};

// Of the hidden command that the worker starts itself with.
struct ProbeFlags {
  std::string source;
  bool watch = false;
  std::filesystem::path root;
  std::filesystem::path disk;
};

// Empty: there is none, since HOME is not set.
std::filesystem::path state_path(const GlobalOptions& global);
// Where this program's settings come from.
worker::SettingSources setting_sources(const GlobalOptions& global);

int join(const GlobalOptions& global, const JoinOptions& options);
int run(const GlobalOptions& global, bool insecure_no_sandbox);
int show_status(const GlobalOptions& global, const StatusOptions& options);
int show_gpus(const GlobalOptions& global, const GpusOptions& options);
int show_stats(const GlobalOptions& global, bool json);
int probe_hardware(const ProbeFlags& flags);
int show_settings(const GlobalOptions& global, bool json);
int set_setting(const GlobalOptions& global, const std::string& key, const std::string& value);
int unset_setting(const GlobalOptions& global, const std::string& key);
int pause(const GlobalOptions& global, const PauseOptions& options);
int resume(const GlobalOptions& global);
int stop(const GlobalOptions& global, std::optional<double> deadline_seconds);

}  // namespace gogrid::worker_app
