// gogrid-coordinator: `init` makes a data directory, `serve` runs the server in it; `key create`, `backup`, `restore`
// and `check` work beside it.
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
#include <functional>
#include <iostream>

#include "base/log.hpp"
#include "base/service_manager.hpp"
#include "base/task_group.hpp"
#include "commands.hpp"
#include "coordinator/coordinator.hpp"

namespace gogrid::coordinator {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr int wrong_usage = 2;

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
    tell_service_manager("STOPPING=1");
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
  tell_service_manager("READY=1");
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
    const bool is_list = setting.target.kind() == SettingKind::list;
    const auto store = [&flags, is_list, flag = setting.flag](const std::string& value) {
      std::string& text = flags[flag];
      text = is_list && !text.empty() ? text + "," + value : value;
    };
    CLI::Option* option =
        app.add_option_function<std::string>(setting.flag, store, setting.help + " [" + setting.target.show() + "]");
    option->trigger_on_parse();
    if (is_list) option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

std::string settings_help() {
  CoordinatorConfig defaults;
  defaults.server.data_dir = default_data_dir();
  return "All settings, as they stand in coordinator.toml; a variable GOGRID_COORDINATOR_<SECTION>_<KEY> wins over the "
         "file:\n" +
         Config(coordinator_settings(defaults)).to_toml();
}

// What the command line says, and the function of the command it names.
struct Arguments {
  Flags flags;
  bool as_json = false;
  std::vector<std::string> names;
  std::vector<std::string> scopes{"inference", "admin"};
  fs::path backup;
  bool with_blobs = false;
  bool replace = false;
  fs::path config_file;
  std::function<int()> run;
};

// A command that works beside `serve`.
CLI::App* add_command(CLI::App& app, Arguments& arguments, const char* name, const char* help,
                      std::function<int()> run) {
  CLI::App* command = app.add_subcommand(name, help);
  command->add_option_function<std::string>(
      "--data-dir", [&arguments](const std::string& path) { arguments.flags["--data-dir"] = path; },
      "where the coordinator keeps its state [" + default_data_dir().string() + "]");
  command->add_option_function<std::string>(
      "--store", [&arguments](const std::string& url) { arguments.flags["--store"] = url; },
      "where the store is, as for serve [store.url of the settings]");
  command->final_callback([&arguments, run = std::move(run)] { arguments.run = run; });
  return command;
}

void add_init_and_key(CLI::App& app, Arguments& its) {
  CLI::App* init_command =
      add_command(app, its, "init", "Make a data directory with an authority of its own, and the first admin key.",
                  [&its] { return init(its.flags, its.names, its.as_json); });
  init_command->add_flag("--json", its.as_json, "print JSON");
  init_command->add_option("--name", its.names, "name or address by which clients reach it; may be repeated")
      ->delimiter(',');

  CLI::App* key_command = app.add_subcommand("key", "API keys, when there is none left to use the API with.");
  key_command->require_subcommand(1);
  CLI::App* create_command =
      add_command(*key_command, its, "create",
                  "Make an API key. The coordinator must not run; with a key, use `gogrid key create`.",
                  [&its] { return create_key(its.flags, its.scopes, its.as_json); });
  create_command->add_flag("--json", its.as_json, "print JSON");
  create_command->add_option("--scope", its.scopes, "inference or admin; may be repeated [inference,admin]")
      ->delimiter(',')
      ->check(CLI::IsMember({"inference", "admin"}));
}

void add_backup(CLI::App& app, Arguments& its) {
  CLI::App* backup_command =
      add_command(app, its, "backup",
                  "Copy the store, the authority, the settings and the files of batches; the coordinator may run.",
                  [&its] { return back_up_to(its.flags, its.backup, its.with_blobs); });
  backup_command->add_option("--to", its.backup, "a directory to make, or a file to make that ends with .tar")
      ->required();
  backup_command->add_flag("--with-blobs", its.with_blobs, "models and engine bundles too");

  CLI::App* restore_command = add_command(
      app, its, "restore", "Put a backup in place of an empty coordinator, in either kind of store. None may run.",
      [&its] { return restore_from(its.flags, its.backup, its.replace); });
  restore_command->add_option("--from", its.backup, "what backup made")->required();
  restore_command->add_flag("--replace", its.replace, "lose the coordinator that is there");

  CLI::App* check_command = add_command(
      app, its, "check", "Look for damage in the store, and for what does not fit; the coordinator may run.",
      [&its] { return check(its.flags, its.with_blobs, its.as_json); });
  check_command->add_flag("--blobs", its.with_blobs, "also hash the files of models and engines");
  check_command->add_flag("--json", its.as_json, "print JSON");
}

void add_serve(CLI::App& app, Arguments& its) {
  CLI::App* command = app.add_subcommand(
      "serve", "Run the coordinator. SIGTERM stops it when running requests are done, SIGHUP reads tls.* anew.");
  command->add_option("--config", its.config_file, "settings file [coordinator.toml in the data directory]");
  add_flags(*command, its.flags);
  command->footer(settings_help());
  command->final_callback([&its] { its.run = [&its] { return serve(its.flags, its.config_file); }; });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The GoGrid coordinator: takes requests over an OpenAI-compatible API and runs them on workers.",
               "gogrid-coordinator");
  app.set_version_flag("--version", GOGRID_VERSION);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 failed, 2 wrong usage.");
  Arguments arguments;
  add_init_and_key(app, arguments);
  add_backup(app, arguments);
  add_serve(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are "errors" without a code.
    return error.get_exit_code() == 0 ? app.exit(error) : report_usage(error);
  }
  return arguments.run();
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
