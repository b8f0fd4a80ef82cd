// gogrid-worker: the daemon on a machine that lends its time, and the commands that talk to it.
#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <list>
#include <map>
#include <optional>

#include "commands.hpp"

namespace {

using namespace gogrid;
using worker_app::GlobalOptions;

constexpr const char* description =
    "gogrid-worker: runs AI inference for a coordinator while this machine has time.\n"
    "\n"
    "First:  gogrid token create              on the coordinator, prints a join token\n"
    "        gogrid-worker join --coordinator HOST:PORT     asks for the token\n"
    "        gogrid-worker run                stays connected until it is stopped";

constexpr const char* footer =
    "Settings come from ~/.config/gogrid-worker/config.toml, then from the environment (GOGRID_COORDINATOR_HOST,\n"
    "GOGRID_COORDINATOR_PORT, GOGRID_WORKER_...), then from flags; later ones win. `gogrid-worker settings` shows "
    "them.\n"
    "State (identity, models, engines) is kept in ~/.local/share/gogrid-worker.\n"
    "Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 no worker runs here.";

// Texts given for flags of settings, which live as long as the parser.
struct FlagText {
  std::string key;
  std::string text;
  CLI::Option* option = nullptr;
};

void add_setting_flags(CLI::App& command, std::list<FlagText>& texts) {
  static worker::WorkerConfig defaults;
  for (const Setting& setting : worker::worker_settings(defaults)) {
    if (setting.flag.empty()) continue;
    FlagText& text = texts.emplace_back();
    text.key = setting.key;
    text.option = command.add_option(setting.flag, text.text,
                                     setting.help + " (" + setting.key + ", " + setting.environment + ")");
  }
}

int run_command(int argc, char** argv) {
  CLI::App app(description, "gogrid-worker");
  app.footer(footer);
  app.set_version_flag("--version", std::string("gogrid-worker ") + GOGRID_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  GlobalOptions global;
  std::list<FlagText> texts;
  app.add_option("--config", global.config_file, "Configuration file instead of ~/.config/gogrid-worker/config.toml")
      ->envname("GOGRID_WORKER_CONFIG");
  app.add_option("--state-dir", global.state_dir, "State directory instead of ~/.local/share/gogrid-worker")
      ->envname("GOGRID_WORKER_STATE_DIR");

  worker_app::JoinOptions join_options;
  CLI::App* join = app.add_subcommand("join", "Enrol this machine with a coordinator, using a join token");
  join->add_option("TOKEN", join_options.token,
                   "The token, or - to read it from standard input. Others on this machine can see arguments: better "
                   "leave it out and "
                   "set GOGRID_JOIN_TOKEN, or type it when asked");
  join->add_option("--coordinator", join_options.coordinator,
                   "HOST or HOST:PORT (GOGRID_COORDINATOR_HOST, GOGRID_COORDINATOR_PORT)");

  bool insecure = false;
  CLI::App* run = app.add_subcommand(
      "run", "Connect to the coordinator and serve until stopped (SIGTERM or `stop`; a second SIGTERM ends at once)");
  run->add_flag("--insecure-no-sandbox", insecure,
                "Run engines without a sandbox. A damaged or hostile model file can then do whatever this user can; "
                "shown in status");
  add_setting_flags(*run, texts);

  worker_app::StatusOptions status_options;
  CLI::App* status = app.add_subcommand("status", "Show what the running worker does");
  status->add_flag("--json", status_options.json, "Print it as JSON");
  status->add_flag("--watch", status_options.watch,
                   "Print it again whenever it changes (as JSON a line each time), until Ctrl-C");
  worker_app::GpusOptions gpus_options;
  CLI::App* gpus = app.add_subcommand(
      "gpus", "Show this machine's GPUs: memory, load, and who uses them; memory, disk and battery. Needs no worker");
  gpus->add_flag("--json", gpus_options.json, "Print it as JSON");
  gpus->add_flag("--watch", gpus_options.watch, "Look again every second, until Ctrl-C");
  gpus->add_option("--root", gpus_options.root,
                   "Read /sys and /proc below this directory instead: another machine's, copied")
      ->check(CLI::ExistingDirectory);
  bool json = false;
  CLI::App* stats = app.add_subcommand(
      "stats",
      "Show what this machine gave: jobs, tokens and time, and how long it was paused and why. Needs no worker");
  stats->add_flag("--json", json, "Print it as JSON, by day, with the GPUs' load in the last 24 hours");
  CLI::App* settings =
      app.add_subcommand("settings", "Show all settings: their values, where they are from, what they do");
  settings->add_flag("--json", json, "Print them as JSON");
  std::string setting_key;
  std::string setting_value;
  CLI::App* set = app.add_subcommand("set", "Change a setting in the configuration file; a running worker follows");
  set->add_option("KEY", setting_key, "Such as worker.max_vram_gb")->required();
  set->add_option("VALUE", setting_value, "A list's texts are separated by commas")->required();
  CLI::App* unset =
      app.add_subcommand("unset", "Take a setting out of the configuration file: it has its default again");
  unset->add_option("KEY", setting_key, "Such as worker.max_vram_gb")->required();
  worker_app::ProbeFlags probe_flags;
  CLI::App* probe = app.add_subcommand("probe-hardware", "")->group("");
  probe->add_option("--source", probe_flags.source)->required()->check(CLI::IsMember({"system", "vulkan"}));
  probe->add_option("--root", probe_flags.root)->required();
  probe->add_option("--disk", probe_flags.disk);
  probe->add_flag("--watch", probe_flags.watch);
  worker_app::PauseOptions pause_options;
  CLI::App* pause = app.add_subcommand(
      "pause", "Give the machine back to its owner: no work, and no engine in memory, until `resume` or for a while");
  auto* length = pause->add_option("--for", pause_options.length, "End it by itself after 90m, 2h, 1d");
  pause->add_option("--until", pause_options.until, "tomorrow: until the next morning at 8")
      ->check(CLI::IsMember({"tomorrow"}))
      ->excludes(length);
  pause->add_option("--reason", pause_options.reason, "Shown to those who run the network");
  CLI::App* resume = app.add_subcommand("resume", "Take work again");
  CLI::App* stop = app.add_subcommand("stop", "Let running requests finish, then end the worker");
  std::optional<double> deadline_seconds;
  stop->add_option("--deadline", deadline_seconds,
                   "What still runs after so long, as 30s, 5m or 1h, goes on elsewhere (worker.drain_timeout)")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, double>{{"s", 1}, {"m", 60}, {"h", 3600}}))
      ->check(CLI::Range(0.0, 86'400.0));

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  for (const FlagText& text : texts) {
    if (text.option->count() > 0) global.flags.emplace_back(text.key, text.text);
  }
  if (*join) return worker_app::join(global, join_options);
  if (*run) return worker_app::run(global, insecure);
  if (*status) return worker_app::show_status(global, status_options);
  if (*gpus) return worker_app::show_gpus(global, gpus_options);
  if (*stats) return worker_app::show_stats(global, json);
  if (*settings) return worker_app::show_settings(global, json);
  if (*set) return worker_app::set_setting(global, setting_key, setting_value);
  if (*unset) return worker_app::unset_setting(global, setting_key);
  if (*probe) return worker_app::probe_hardware(probe_flags);
  if (*pause) return worker_app::pause(global, pause_options);
  if (*resume) return worker_app::resume(global);
  if (*stop) return worker_app::stop(global, deadline_seconds);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  // A daemon that mostly waits: one arena, and what is free goes back to the system.
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_TRIM_THRESHOLD, 256 * 1024);
  ::umask(077);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return run_command(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gogrid-worker: %s\n", error.what());
    return 1;
  }
}
