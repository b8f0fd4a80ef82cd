// gogrid-coordinator: `init` makes a data directory, `serve` runs the server in it, `key create` makes a key without
// one.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "base/task_group.hpp"
#include "coordinator/config.hpp"
#include "coordinator/coordinator.hpp"
#include "coordinator/data_dir.hpp"

namespace gogrid::coordinator {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

// The value each flag was given, by the flag; a list's values are joined by commas.
using Flags = std::map<std::string, std::string>;

constexpr int wrong_usage = 2;

int fail(const Error& error) {
  std::cerr << "gogrid-coordinator: " << error.detail << "\n";
  return EXIT_FAILURE;
}

fs::path data_dir_of(const Flags& flags) {
  if (const auto given = flags.find("--data-dir"); given != flags.end()) return given->second;
  const char* variable = std::getenv("GOGRID_COORDINATOR_SERVER_DATA_DIR");
  return variable ? fs::path(variable) : default_data_dir();
}

// Flags win over the environment, which wins over the file: `config_file`, or coordinator.toml in the data directory if
// there is one.
Result<void> load_config(CoordinatorConfig& values, const fs::path& config_file, const Flags& flags) {
  values.server.data_dir = data_dir_of(flags);
  Config config(coordinator_settings(values));
  const fs::path file = config_file.empty() ? DataDir(values.server.data_dir).config_file() : config_file;
  auto loaded = config.load_file(file);
  if (!loaded && (!config_file.empty() || loaded.error().code != ErrorCode::not_found)) return loaded;
  if (auto environment = config.load_environment(::getenv); !environment) return environment;
  for (const Setting& setting : config.settings()) {
    const auto given = flags.find(setting.flag);
    if (given == flags.end()) continue;
    if (auto set = config.set_flag(setting, given->second); !set) return set;
  }
  return validate(values);
}

fs::path absolute_data_dir(const Flags& flags) {
  std::error_code error;
  return fs::absolute(data_dir_of(flags), error).lexically_normal();
}

int init(const Flags& flags, const std::vector<std::string>& names, bool as_json) {
  const fs::path path = absolute_data_dir(flags);
  const DataDir data_dir(path);
  const RealClock clock;
  const auto key = data_dir.initialise(names, clock);
  if (!key) return fail(key.error());
  if (as_json) {
    const nlohmann::ordered_json answer = {
        {"data_dir", path.string()}, {"authority_path", data_dir.authority_file().string()}, {"admin_key", *key}};
    std::cout << answer.dump(2) << "\n";
    return EXIT_SUCCESS;
  }
  std::cout << "The coordinator's data directory is " << path.string() << "\n"
            << "Clients trust it by this certificate: " << data_dir.authority_file().string() << "\n\n"
            << "The admin key, shown this once:\n\n  " << *key << "\n\n"
            << "Next: gogrid-coordinator serve --data-dir " << path.string() << "\n";
  return EXIT_SUCCESS;
}

int create_key(const Flags& flags, const std::vector<std::string>& scopes, bool as_json) {
  const RealClock clock;
  const auto key = DataDir(absolute_data_dir(flags)).create_key(scopes, clock);
  if (!key) return fail(key.error());
  if (as_json) {
    std::cout << nlohmann::ordered_json{{"key", *key}}.dump(2) << "\n";
  } else {
    std::cout << "The key, shown this once:\n\n  " << *key << "\n";
  }
  return EXIT_SUCCESS;
}

// One line; CLI11's own codes and texts differ from error to error.
int report_usage(const CLI::ParseError& error) {
  std::string what = error.what();
  std::replace(what.begin(), what.end(), '\n', ' ');
  std::cerr << "gogrid-coordinator: " << what << "; see gogrid-coordinator --help\n";
  return wrong_usage;
}

// SIGTERM and SIGINT stop the coordinator, a second one at once; SIGHUP reads the certificates anew.
asio::awaitable<void> watch_signals(Coordinator& coordinator) {
  asio::signal_set signals(co_await asio::this_coro::executor, SIGTERM, SIGINT, SIGHUP);
  for (;;) {
    const auto [error, number] = co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    if (number == SIGHUP) {
      coordinator.reload_certificates();
      continue;
    }
    log().info("stopping");
    coordinator.stop();
  }
}

std::string url_of(const asio::ip::tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return "https://" + (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" +
         std::to_string(endpoint.port());
}

asio::awaitable<void> run_coordinator(CoordinatorConfig config, const Clock& clock, int& exit_code) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto started = co_await Coordinator::start(executor, std::move(config), clock);
  if (!started) {
    exit_code = fail(started.error());
    co_return;
  }
  Coordinator& coordinator = **started;
  TaskGroup signals(executor);
  signals.spawn("signals", watch_signals(coordinator));
  std::cout << "listening on " << url_of(coordinator.endpoint()) << std::endl;
  co_await coordinator.run();
  signals.cancel();
  co_await signals.wait();
  log().info("stopped");
}

int serve(const Flags& flags, const fs::path& config_file) {
  CoordinatorConfig config;
  if (auto loaded = load_config(config, config_file, flags); !loaded) return fail(loaded.error());
  LogOptions options;
  options.level = config.log.level;
  options.format = config.log.format == "json" ? LogFormat::json : LogFormat::text;
  options.queued = true;
  if (auto logging = start_logging(options); !logging) return fail(logging.error());
  std::signal(SIGPIPE, SIG_IGN);

  const RealClock clock;
  int exit_code = EXIT_SUCCESS;
  asio::io_context context(1);
  TaskGroup tasks(context.get_executor());
  tasks.spawn("coordinator", run_coordinator(std::move(config), clock, exit_code));
  context.run();
  return exit_code;
}

void add_flags(CLI::App& app, Flags& flags) {
  // Only for the names and helps: the values go to the ones that serve() makes.
  CoordinatorConfig defaults;
  defaults.server.data_dir = default_data_dir();
  for (const Setting& setting : coordinator_settings(defaults)) {
    if (setting.flag.empty()) continue;
    const auto store = [&flags, flag = setting.flag](const std::string& value) {
      std::string& text = flags[flag];
      text += (text.empty() ? "" : ",") + value;
    };
    CLI::Option* option =
        app.add_option_function<std::string>(setting.flag, store, setting.help + " [" + setting.target.show() + "]");
    option->trigger_on_parse();
    if (setting.target.is_list) option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

std::string settings_help() {
  CoordinatorConfig defaults;
  defaults.server.data_dir = default_data_dir();
  return "All settings, as they stand in coordinator.toml; a variable GOGRID_COORDINATOR_<SECTION>_<KEY> wins over the "
         "file:\n" +
         Config(coordinator_settings(defaults)).to_toml();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The GoGrid coordinator: takes requests over an OpenAI-compatible API and runs them on workers.",
               "gogrid-coordinator");
  app.set_version_flag("--version", GOGRID_VERSION);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 failed, 2 wrong usage.");

  Flags flags;
  std::vector<std::string> names;
  bool as_json = false;
  CLI::App* init_command =
      app.add_subcommand("init", "Make a data directory with an authority of its own, and the first admin key.");
  const auto add_data_dir = [&](CLI::App& command) {
    command.add_option_function<std::string>(
        "--data-dir", [&](const std::string& path) { flags["--data-dir"] = path; },
        "where the coordinator keeps its state [" + default_data_dir().string() + "]");
    command.add_flag("--json", as_json, "print JSON");
  };
  add_data_dir(*init_command);
  init_command->add_option("--name", names, "name or address by which clients reach it; may be repeated")
      ->delimiter(',');

  std::vector<std::string> scopes{"inference", "admin"};
  CLI::App* key_command = app.add_subcommand("key", "API keys, when there is none left to use the API with.");
  key_command->require_subcommand(1);
  CLI::App* create_command = key_command->add_subcommand(
      "create", "Make an API key. The coordinator must not run; with a key, use `gogrid key create`.");
  add_data_dir(*create_command);
  create_command->add_option("--scope", scopes, "inference or admin; may be repeated [inference,admin]")
      ->delimiter(',')
      ->check(CLI::IsMember({"inference", "admin"}));

  fs::path config_file;
  CLI::App* serve_command = app.add_subcommand(
      "serve", "Run the coordinator. SIGTERM stops it when running requests are done, SIGHUP reads tls.* anew.");
  serve_command->add_option("--config", config_file, "settings file [coordinator.toml in the data directory]");
  add_flags(*serve_command, flags);
  serve_command->footer(settings_help());

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are "errors" without a code.
    return error.get_exit_code() == 0 ? app.exit(error) : report_usage(error);
  }
  if (*create_command) return create_key(flags, scopes, as_json);
  return *init_command ? init(flags, names, as_json) : serve(flags, config_file);
}

}  // namespace gogrid::coordinator

int main(int argc, char** argv) {
  // Each arena keeps memory that others could use; the loop's thread does nearly all there is to do.
  ::mallopt(M_ARENA_MAX, 2);
  try {
    return gogrid::coordinator::main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "gogrid-coordinator: " << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
