#include "cli/program.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <optional>

#include "base/task_group.hpp"
#include "base/utf8.hpp"
#include "cli/formatter/text.hpp"
#include "cli/help.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

constexpr const char* root_footer = R"(Getting started:
  gogrid login https://grid:8443       remember a coordinator and your key
  gogrid status                        is it up, and what does it have?
  gogrid chat "What is GoGrid?"        ask a model
  gogrid run questions.jsonl           ask many things, the answers in order
  gogrid top                           watch workers, queue and throughput
  gogrid token create                  let another machine join as a worker

Environment (wins over the file that 'gogrid login' writes, ~/.config/gogrid/config.toml):
  GOGRID_URL       the coordinator's URL
  GOGRID_API_KEY   key for its API
  GOGRID_CA        PEM file with the authority that signed its certificate
  NO_COLOR         no colours

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 coordinator not reached, 4 not allowed, 5 not found, 6 a job or a line
of a batch did not succeed, 7 the time of --timeout was up, 130 interrupted.
'gogrid help COMMAND' tells about a command; 'gogrid completion bash' prints a script that completes commands.)";

// Levenshtein's distance; the names are short.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// The command whose arguments were being read.
const CLI::App* deepest(const CLI::App* app) {
  for (auto parsed = app->get_subcommands(); !parsed.empty(); parsed = app->get_subcommands())
    app = parsed.back();
  return app;
}

std::string unknown_command(const CLI::App* app, const std::string& word) {
  std::string text = "there is no command '" + full_name(*app) + " " + printable(shorten(word, 60)) + "'";
  const CLI::App* nearest = nullptr;
  std::size_t least = 3;
  if (word.size() < 64) {
    for (const CLI::App* candidate : app->get_subcommands([](const CLI::App*) { return true; })) {
      const std::size_t it = distance(word, candidate->get_name());
      if (it >= least) continue;
      least = it;
      nearest = candidate;
    }
  }
  return nearest ? text + "; did you mean '" + full_name(*nearest) + "'?"
                 : text + "; see '" + full_name(*app) + " --help'";
}

// An id or a name that is empty, as a script's unset variable, would ask for something else: the list of them all.
void refuse_empty(CLI::App& app) {
  const CLI::Validator filled([](std::string& value) { return value.empty() ? "must not be empty" : ""; }, "");
  for (CLI::Option* option : app.get_options()) {
    if (option->get_required() && option->get_positional()) option->check(filled);
  }
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    refuse_empty(*command);
}

int report_usage(const CLI::App& root, const CLI::ParseError& error, const std::vector<std::string>& remaining,
                 Terminal& terminal) {
  const CLI::App* app = deepest(&root);
  const bool is_group = !app->get_subcommands([](const CLI::App*) { return true; }).empty();
  std::string text;
  if (is_group && !remaining.empty() && !remaining.front().starts_with('-')) {
    text = unknown_command(app, remaining.front());
  } else {
    std::string what = error.what();
    std::replace(what.begin(), what.end(), '\n', ' ');
    text = printable(what) + "; see '" + full_name(*app) + " --help'";
  }
  terminal.error("gogrid: " + text + "\n");
  return ExitCode::usage;
}

void add_common_options(CLI::App& app, CommonOptions& options) {
  app.add_option("--url", options.url, "The coordinator's URL, in place of the one you are logged in to")
      ->type_name("URL")
      ->group("Connection");
  app.add_option("--ca", options.ca_path, "PEM file with the authority that signed the coordinator's certificate")
      ->type_name("FILE")
      ->group("Connection");
  app.add_flag("--json", options.json, "Print JSON for scripts");
}

asio::awaitable<void> run_command(Command& command, Context& context, std::optional<Result<void>>& outcome) {
  outcome = co_await command.run(context);
}

int run_selected(CommandTree& tree, Terminal& terminal, const Environment& environment) {
  asio::io_context loop(1);
  TaskGroup tasks(loop.get_executor());
  bool was_interrupted = false;
  Interrupts interrupts(loop.get_executor(), [&] {
    // The second time whatever still holds on, a name that does not resolve, is left behind.
    if (was_interrupted) std::_Exit(ExitCode::interrupted);
    was_interrupted = true;
    tasks.cancel();
  });
  Context context(terminal, environment, tree.options, loop.get_executor(), interrupts);
  std::optional<Result<void>> outcome;
  tasks.spawn("command", run_command(*tree.selected, context, outcome));
  run_until_done(loop, tasks);
  if (was_interrupted) return ExitCode::interrupted;
  if (!outcome) return ExitCode::failed;
  if (*outcome) return ExitCode::success;
  const Error& error = outcome->error();
  if (error.code == ErrorCode::cancelled) return ExitCode::interrupted;
  terminal.error(styled(Style::red, "gogrid:", context.colour_on_error()) + " " + printable(error.detail) + "\n");
  return context.exit_code().value_or(exit_code(error, context.reached()));
}

}  // namespace

int exit_code(const Error& error, bool reached) {
  if (!reached) return ExitCode::unreachable;
  switch (error.code) {
    case ErrorCode::unauthenticated:
    case ErrorCode::permission_denied:
      return ExitCode::not_allowed;
    case ErrorCode::not_found:
      return ExitCode::not_found;
    default:
      return ExitCode::failed;
  }
}

CommandTree::CommandTree() : root(std::make_unique<CLI::App>("Private GPU inference on your own machines.", "gogrid")) {
  root->footer(root_footer);
  // One command each: without this CLI11 takes an argument that is called like a command for that command.
  root->require_subcommand(0, 1);
  root->set_version_flag("--version", "gogrid " GOGRID_VERSION);
  root->get_formatter()->column_width(34);
  add(*root, make_login());
  add(*root, make_logout());
  add(*root, make_status());
  add(*root, make_top());
  add(*root, make_chat());
  add(*root, make_run());
  add_queue();
  add_grid();
  add_access();
  add(*root, make_completion());
  add(*root, make_help());
  refuse_empty(*root);
}

void CommandTree::add_queue() {
  CLI::App& job = add_group("job", "Jobs: requests that wait in the coordinator's queue",
                            "  gogrid job submit \"What is GoGrid?\"\n  gogrid job ls --state queued,running\n"
                            "  gogrid job show job_0f1e2d3c4b5a6978");
  add(job, make_job_submit());
  add(job, make_job_list());
  add(job, make_job_show());
  add(job, make_job_wait());
  add(job, make_job_result());
  add(job, make_job_retry());
  add(job, make_job_cancel());
  CLI::App& batch = add_group("batch", "Batches: many requests in one file, as OpenAI's API has them",
                              "  gogrid batch create requests.jsonl --wait\n  gogrid batch ls");
  add(batch, make_batch_create());
  add(batch, make_batch_list());
  add(batch, make_batch_show());
  add(batch, make_batch_wait());
  add(batch, make_batch_result());
  add(batch, make_batch_cancel());
  CLI::App& file = add_group("file", "Files of batches on the coordinator", "  gogrid file ls");
  add(file, make_file_list());
  add(file, make_file_get());
  add(file, make_file_remove());
}

void CommandTree::add_grid() {
  CLI::App& model = add_group("model", "Models: add, list, show, change, remove",
                              "  gogrid model add llama-3.2-3b-q4_k_m.gguf --name small\n  gogrid model ls\n"
                              "  gogrid model alias set fast small");
  add(model, make_model_add());
  add(model, make_model_list());
  add(model, make_model_show());
  add(model, make_model_set());
  add(model, make_model_remove());
  CLI::App& alias = add_group(model, "alias", "Other names for models: list, set, remove",
                              "  gogrid model alias set fast small\n  gogrid model alias ls");
  add(alias, make_alias_list());
  add(alias, make_alias_set());
  add(alias, make_alias_remove());
  CLI::App& worker =
      add_group("worker", "Workers: list, show, label, revoke", "  gogrid worker ls\n  gogrid worker show den-pc");
  add(worker, make_worker_list());
  add(worker, make_worker_show());
  add(worker, make_worker_label());
  add(worker, make_worker_revoke());
  CLI::App& engine = add_group("engine", "Engine bundles, which workers run models with",
                               "  gogrid engine add gogrid-engine-cpu-linux-x86_64.tar.zst");
  add(engine, make_engine_add());
  add(engine, make_engine_list());
  add(engine, make_engine_remove());
  CLI::App& upload = add_group("upload", "Uploads of models and engine bundles that broke off", "  gogrid upload ls");
  add(upload, make_upload_list());
  add(upload, make_upload_remove());
}

void CommandTree::add_access() {
  CLI::App& token =
      add_group("token", "Join tokens, with which machines become workers", "  gogrid token create --name den-pc");
  add(token, make_token_create());
  add(token, make_token_list());
  add(token, make_token_remove());
  CLI::App& key =
      add_group("key", "Keys for the coordinator's API, and their limits",
                "  gogrid key create --name laptop --expires 90d\n  gogrid key set 0f1e2d3c4b5a6978 --weight 2");
  add(key, make_key_create());
  add(key, make_key_list());
  add(key, make_key_set());
  add(key, make_key_revoke());
  add(*root, make_usage());
  add(*root, make_audit());
}

CommandTree::~CommandTree() = default;

void CommandTree::add(CLI::App& parent, CommandPtr command) {
  CLI::App* app = command->add_to(parent);
  if (command->has_common_options()) add_common_options(*app, options);
  app->callback([this, it = command.get()] { selected = it; });
  commands.push_back(std::move(command));
}

CLI::App& CommandTree::add_group(const std::string& name, const std::string& help, const std::string& footer) {
  return add_group(*root, name, help, footer);
}

CLI::App& CommandTree::add_group(CLI::App& parent, const std::string& name, const std::string& help,
                                 const std::string& footer) {
  CLI::App* group = parent.add_subcommand(name, help);
  group->require_subcommand(0, 1);
  group->footer("Examples:\n" + footer);
  return *group;
}

int run_program(std::vector<std::string> arguments, Terminal& terminal, const Environment& environment) {
  CommandTree tree;
  try {
    // CLI11 takes them from the back.
    std::reverse(arguments.begin(), arguments.end());
    tree.root->parse(arguments);
  } catch (const CLI::CallForHelp&) {
    terminal.out(help_text(*deepest(tree.root.get())));
    return ExitCode::success;
  } catch (const CLI::CallForVersion& version) {
    terminal.out(std::string(version.what()) + "\n");
    return ExitCode::success;
  } catch (const CLI::ParseError& error) {
    return report_usage(*tree.root, error, tree.root->remaining(true), terminal);
  }
  if (!tree.selected) {
    // A group without its command.
    terminal.out(help_text(*deepest(tree.root.get())));
    return ExitCode::success;
  }
  return run_selected(tree, terminal, environment);
}

}  // namespace gogrid::cli
