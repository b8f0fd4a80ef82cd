#include "worker/config.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "worker/engine/device_plan.hpp"
#include "worker/owner_rules.hpp"

namespace gogrid::worker {
namespace {

// `must` is what it must be.
SettingError bad(const std::string& key, const std::string& must) {
  return SettingError(Error(ErrorCode::invalid_argument, key + " must be " + must), key);
}

std::filesystem::path xdg_dir(const std::function<const char*(const char*)>& environment, const char* variable,
                              const char* below_home) {
  if (const char* path = environment(variable); path && *path == '/') return path;
  const char* home = environment("HOME");
  if (!home || *home == '\0') return {};
  return std::filesystem::path(home) / below_home;
}

}  // namespace

std::vector<MissingFeature> missing_features() {
  const std::string updates = "this version does not update itself yet";
  return {
      {"updates.enabled", "", updates},
      {"updates.endpoints", "GOGRID_UPDATE_ENDPOINTS", updates},
  };
}

WorkerConfig preset_config(std::string_view preset) {
  WorkerConfig config;
  if (preset == "conservative") {
    config.preset = preset;
    config.idle_after_seconds = 900;
    config.when_activity_unknown = "pause";
    config.gpu_busy_percent = 5;
    config.max_gpu_percent = 75;
    config.max_temperature_c = 75;
    config.max_cpu_percent = 50;
  } else if (preset == "aggressive") {
    config.preset = preset;
    config.idle_after_seconds = 60;
    config.pause_on_pressure = false;
    config.on_metered_network = "work";
    config.gpu_busy_percent = 50;
    config.max_temperature_c = 92;
  } else if (preset == "dedicated") {
    config.preset = preset;
    config.engine_priority = "normal";
    config.pause_on_activity = false;
    config.pause_on_full_screen = false;
    config.on_battery = "work";
    config.on_metered_network = "work";
    config.pause_on_pressure = false;
    config.gpu_busy_percent = 0;
    config.max_temperature_c = 0;
  }
  return config;
}

namespace {

std::vector<Setting> owner_settings(WorkerConfig& config) {
  return {
      {"worker.preset", "GOGRID_WORKER_PRESET", "--preset",
       "How much of the machine it takes where nothing else is set: conservative, default, aggressive, or dedicated "
       "for "
       "a machine that nobody else uses",
       SettingTarget(config.preset).one_of({"conservative", "default", "aggressive", "dedicated"})},
      {"worker.pause_on_activity", "GOGRID_WORKER_PAUSE_ON_ACTIVITY", "--pause-on-activity",
       "Give the machine back while somebody uses it", config.pause_on_activity},
      {"worker.idle_after_seconds", "GOGRID_WORKER_IDLE_AFTER_SECONDS", "--idle-after-seconds",
       "How long nobody has touched it before it works again",
       SettingTarget(config.idle_after_seconds).at_least(1).at_most(86'400)},
      {"worker.when_activity_unknown", "GOGRID_WORKER_WHEN_ACTIVITY_UNKNOWN", "--when-activity-unknown",
       "What to do where nothing tells whether somebody uses it",
       SettingTarget(config.when_activity_unknown).one_of({"work", "pause"})},
      {"worker.work_while_active", "GOGRID_WORKER_WORK_WHILE_ACTIVE", "--work-while-active",
       "What goes on while somebody uses it: cpu, and GPUs by their ids (as `gogrid-worker gpus` shows them) or as "
       "Vulkan0",
       config.work_while_active},
      {"worker.pause_on_full_screen", "GOGRID_WORKER_PAUSE_ON_FULL_SCREEN", "--pause-on-full-screen",
       "Give it back while a program fills the screen, as games and films do", config.pause_on_full_screen},
      {"worker.exclusive_apps", "GOGRID_WORKER_EXCLUSIVE_APPS", "--exclusive-apps",
       "Programs that get it for themselves while they run, as blender,steam_app_*", config.exclusive_apps},
      {"worker.schedule", "GOGRID_WORKER_SCHEDULE", "--schedule",
       "When it may work, as in \"mon-fri 18:00-08:00; sat,sun\"; or never (empty: always)", config.schedule},
      {"worker.on_pause", "GOGRID_WORKER_ON_PAUSE", "--on-pause",
       "What becomes of running work in a pause: migrate (it goes on at another worker, at once) or finish (it ends "
       "here "
       "first, within drain_timeout)",
       SettingTarget(config.on_pause).one_of({"migrate", "finish"})},
      {"worker.on_battery", "GOGRID_WORKER_ON_BATTERY", "--on-battery", "What to do on battery",
       SettingTarget(config.on_battery).one_of({"pause", "work"})},
      {"worker.on_metered_network", "GOGRID_WORKER_ON_METERED_NETWORK", "--on-metered-network",
       "What to do on a network that costs by the byte",
       SettingTarget(config.on_metered_network).one_of({"pause", "work"})},
      {"worker.pause_on_pressure", "GOGRID_WORKER_PAUSE_ON_PRESSURE", "--pause-on-pressure",
       "Give it back while other programs wait for the processor or for memory", config.pause_on_pressure},
      {"worker.gpu_busy_percent", "GOGRID_WORKER_GPU_BUSY_PERCENT", "--gpu-busy-percent",
       "Leave a GPU on which other programs compute for so much of the time (0: never)",
       SettingTarget(config.gpu_busy_percent).at_most(100)},
      {"worker.max_temperature_c", "GOGRID_WORKER_MAX_TEMPERATURE_C", "--max-temperature-c",
       "Leave a GPU that is so hot, until it is 5 degrees cooler (0: never)",
       SettingTarget(config.max_temperature_c).at_most(150)},
      {"worker.min_free_disk_gb", "GOGRID_WORKER_MIN_FREE_DISK_GB", "--min-free-disk-gb",
       "Pause while less than this is free on the disk of models and engines, in GB",
       SettingTarget(config.min_free_disk_gb).at_most(1e6)},
      {"worker.keep_awake", "GOGRID_WORKER_KEEP_AWAKE", "--keep-awake",
       "Keep the machine from going to sleep by itself while it works", config.keep_awake},
  };
}

}  // namespace

std::vector<Setting> worker_settings(WorkerConfig& config) {
  std::vector<Setting> settings = {
      {"coordinator.host", "GOGRID_COORDINATOR_HOST", "",
       "Host name or address of the coordinator, or HOST:PORT; `join` remembers it",
       SettingTarget(config.coordinator_host).at_restart()},
      {"coordinator.port", "GOGRID_COORDINATOR_PORT", "",
       "Its port, TCP and UDP (not set: what `join` remembers, at first 8443)",
       SettingTarget(config.coordinator_port).at_least(1).at_most(65535).at_restart()},
      {"worker.name", "GOGRID_WORKER_NAME", "--name", "What the coordinator calls this machine (empty: its host name)",
       config.name},
      {"worker.max_memory_gb", "GOGRID_WORKER_MAX_MEMORY_GB", "--max-memory-gb",
       "Memory that engines may use, in GB (0: what the machine has, less a reserve)",
       SettingTarget(config.max_memory_gb).zero_or_at_least(0.25).at_most(1e6)},
      {"worker.max_cpu_percent", "GOGRID_WORKER_MAX_CPU_PERCENT", "--max-cpu-percent",
       "Processor time that engines may use, in percent of all processors together (0: no limit)",
       SettingTarget(config.max_cpu_percent).zero_or_at_least(1).at_most(100)},
      {"worker.engine_priority", "GOGRID_WORKER_ENGINE_PRIORITY", "--engine-priority",
       "idle: engines run only when nobody else wants the processor or the disk; normal: as everybody does",
       SettingTarget(config.engine_priority).one_of({"idle", "normal"})},
      {"worker.max_vram_gb", "GOGRID_WORKER_MAX_VRAM_GB", "--max-vram-gb",
       "GPU memory that engines may use, of all GPUs together, in GB (not set: all; 0: no GPU)",
       SettingTarget(config.max_vram_gb).at_most(1e6)},
      {"worker.max_vram_gb_each", "GOGRID_WORKER_MAX_VRAM_GB_EACH", "--max-vram-gb-each",
       "The same for single GPUs, as Vulkan0=6,Vulkan1=0", config.max_vram_gb_each},
      {"worker.max_gpu_percent", "GOGRID_WORKER_MAX_GPU_PERCENT", "--max-gpu-percent",
       "Of the time, how much engines may compute on GPUs, in percent",
       SettingTarget(config.max_gpu_percent).at_least(1).at_most(100)},
      {"worker.software_gpus", "GOGRID_WORKER_SOFTWARE_GPUS", "--software-gpus",
       "To try things out without a GPU: how many of Mesa's slow software GPUs a Vulkan engine sees instead of real "
       "ones",
       SettingTarget(config.software_gpus).at_most(16).at_restart()},
      {"worker.cache_dir", "GOGRID_WORKER_CACHE_DIR", "--cache-dir",
       "Where models and engines are kept (empty: the state directory)", SettingTarget(config.cache_dir).at_restart()},
      {"worker.max_cache_gb", "GOGRID_WORKER_MAX_CACHE_GB", "--max-cache-gb",
       "What models and engines may take there, in GB (0: all but what stays free for others)",
       SettingTarget(config.max_cache_gb).at_most(1e6)},
      {"worker.engine_path", "GOGRID_WORKER_ENGINE_PATH", "--engine-path",
       "A local llama-server to run, in the same sandbox, instead of the coordinator's engine bundle",
       SettingTarget(config.engine_path).at_restart()},
      {"worker.threads", "GOGRID_WORKER_THREADS", "--threads", "CPU threads for each engine (0: the engine decides)",
       SettingTarget(config.threads).at_most(1024)},
      {"worker.drain_timeout", "GOGRID_WORKER_DRAIN_TIMEOUT", "--drain-timeout",
       "How long `stop` waits for running requests", config.drain_timeout},
      {"worker.lease_grace", "GOGRID_WORKER_LEASE_GRACE", "--lease-grace",
       "How long jobs go on, and their answers are kept, without a connection (0: they end with it)",
       SettingTarget(config.lease_grace).at_most(std::chrono::hours(1))},
      {"worker.engine_start_timeout", "GOGRID_WORKER_ENGINE_START_TIMEOUT", "--engine-start-timeout",
       "How long an engine may take to load its model",
       SettingTarget(config.engine_start_timeout).at_least(std::chrono::seconds(1))},
      {"worker.engine_hang_timeout", "GOGRID_WORKER_ENGINE_HANG_TIMEOUT", "--engine-hang-timeout",
       "How long an engine that has requests may stand still before it is started again",
       SettingTarget(config.engine_hang_timeout).at_least(std::chrono::seconds(1))},
      {"log.level", "GOGRID_WORKER_LOG_LEVEL", "--log-level", "How much is logged",
       SettingTarget(config.log_level).one_of({"trace", "debug", "info", "warning", "error", "off"})},
      {"log.format", "GOGRID_WORKER_LOG_FORMAT", "--log-format", "How lines are written",
       SettingTarget(config.log_format).one_of({"text", "json"})},
  };
  auto owners = owner_settings(config);
  const auto log_settings = std::find_if(settings.begin(), settings.end(),
                                         [](const Setting& setting) { return setting.key.starts_with("log."); });
  settings.insert(log_settings, owners.begin(), owners.end());
  return settings;
}

SettingResult<> check_config(const WorkerConfig& config) {
  if (const auto limits = parse_vram_limits(config.max_vram_gb, config.max_vram_gb_each); !limits)
    return SettingError(limits.error(), "worker.max_vram_gb_each");
  if (const auto rules = read_owner_rules(config); !rules) return SettingError(rules.error(), "worker.schedule");
  if (!config.cache_dir.empty() && !config.cache_dir.is_absolute()) return bad("worker.cache_dir", "an absolute path");
  if (!config.engine_path.empty() && !config.engine_path.is_absolute())
    return bad("worker.engine_path", "an absolute path");
  if (config.name.size() > 255) return bad("worker.name", "at most 255 bytes");
  return {};
}

LogOptions log_options(const WorkerConfig& config) {
  LogOptions options;
  options.level = config.log_level;
  options.format = config.log_format == "json" ? LogFormat::json : LogFormat::text;
  options.queued = true;
  return options;
}

VramLimits vram_limits(const WorkerConfig& config) {
  auto limits = parse_vram_limits(config.max_vram_gb, config.max_vram_gb_each);
  return limits ? std::move(*limits) : VramLimits();
}

std::uint64_t cache_quota_bytes(const WorkerConfig& config) {
  constexpr double bytes_of_gb = 1e9;
  return static_cast<std::uint64_t>(config.max_cache_gb * bytes_of_gb);
}

std::filesystem::path default_config_file(const std::function<const char*(const char*)>& environment) {
  const auto dir = xdg_dir(environment, "XDG_CONFIG_HOME", ".config");
  return dir.empty() ? dir : dir / "gogrid-worker" / "config.toml";
}

std::filesystem::path default_state_dir(const std::function<const char*(const char*)>& environment) {
  const auto dir = xdg_dir(environment, "XDG_DATA_HOME", ".local/share");
  return dir.empty() ? dir : dir / "gogrid-worker";
}

}  // namespace gogrid::worker
