// WorkerConfig: every setting of the worker, declared once. Settings reads them and follows their changes.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/config.hpp"
#include "base/result.hpp"

namespace gogrid {
struct LogOptions;
}

namespace gogrid::worker {

struct VramLimits;

struct WorkerConfig {
  std::string coordinator_host;
  // Not set: the port that was joined, at first 8443.
  static constexpr std::int64_t no_port = -1;
  std::int64_t coordinator_port = no_port;

  // What the coordinator calls this machine; empty: its host name.
  std::string name;
  double max_memory_gb = 0;
  // Of all processors together; 0: no limit.
  double max_cpu_percent = 0;
  // "idle" or "normal"
  std::string engine_priority = "idle";
  // Of all GPUs together; not set: all they have.
  static constexpr double no_limit = -1;
  double max_vram_gb = no_limit;
  // "Vulkan0=6"
  std::vector<std::string> max_vram_gb_each;
  // Of their time.
  std::int64_t max_gpu_percent = 100;
  std::int64_t software_gpus = 0;
  // Where the defaults of what follows come from, see preset_config().
  std::string preset = "default";
  bool pause_on_activity = true;
  std::int64_t idle_after_seconds = 300;
  // "work" or "pause"
  std::string when_activity_unknown = "work";
  // "cpu" and GPUs' ids
  std::vector<std::string> work_while_active;
  bool pause_on_full_screen = true;
  // Names of programs; "*" stands for any text.
  std::vector<std::string> exclusive_apps;
  // "pause" or "work"
  std::string on_battery = "pause";
  std::string on_metered_network = "pause";
  bool pause_on_pressure = true;
  // Of a GPU's time, by others than our engines; 0: not looked at.
  std::int64_t gpu_busy_percent = 20;
  // Of a GPU; 0: not looked at.
  double max_temperature_c = 87;
  double min_free_disk_gb = 0.5;
  bool keep_awake = false;
  // As Schedule reads it.
  std::string schedule;
  // "migrate" or "finish"
  std::string on_pause = "migrate";
  std::filesystem::path cache_dir;
  double max_cache_gb = 0;
  std::filesystem::path engine_path;
  std::int64_t threads = 0;
  std::chrono::milliseconds drain_timeout{60'000};
  std::chrono::milliseconds lease_grace{30'000};
  std::chrono::milliseconds engine_start_timeout{600'000};
  std::chrono::milliseconds engine_hang_timeout{300'000};

  std::string log_level = "info";
  std::string log_format = "text";
};

// The defaults by the owner's temper: "conservative", "default", "aggressive", or "dedicated" for a machine that nobody
// else uses. Another name is "default".
WorkerConfig preset_config(std::string_view preset);

// The settings, writing into `config`, which must outlive them.
std::vector<Setting> worker_settings(WorkerConfig& config);

// Names that GoGrid's users know, of features that are still to come.
std::vector<MissingFeature> missing_features();

// Why settings are refused.
struct SettingError : Error {
  SettingError() = default;
  SettingError(Error error, std::string key_value = {})  // NOLINT(google-explicit-constructor)
      : Error(std::move(error)), key(std::move(key_value)) {}

  // Of the setting that it is about, whose key is in the detail too; empty: it is about no single one.
  std::string key;
};

template <class T = void>
using SettingResult = boost::system::result<T, SettingError>;

// What a setting's declaration cannot say.
SettingResult<> check_config(const WorkerConfig& config);

// What parts of the daemon take from a configuration that is good.
LogOptions log_options(const WorkerConfig& config);
VramLimits vram_limits(const WorkerConfig& config);
std::uint64_t cache_quota_bytes(const WorkerConfig& config);

// ~/.config/gogrid-worker/config.toml and ~/.local/share/gogrid-worker, or where the XDG variables point. Empty without
// HOME.
std::filesystem::path default_config_file(const std::function<const char*(const char*)>& environment);
std::filesystem::path default_state_dir(const std::function<const char*(const char*)>& environment);

}  // namespace gogrid::worker
