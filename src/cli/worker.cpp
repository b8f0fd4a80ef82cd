// gogrid worker ls | show | label | revoke
#include <CLI/CLI.hpp>

#include "base/utf8.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/views.hpp"
#include "cli/values.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

class WorkerList final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("ls", "List the workers: state, models, slots in use");
    app->alias("list");
    app->footer(
        "SLOTS is how many of a worker's requests run, of how many it runs at once.\n\nExamples:\n  gogrid worker ls\n"
        "  gogrid worker ls --json");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto workers = co_await (*client)->workers();
    if (!workers) co_return workers.error();
    print(context, workers->json, show_list(workers->value, context.view()));
    co_return Result<void>();
  }
};

class WorkerShow final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand(
        "show", "Everything about one worker, its hardware as it is now, and why it does not work");
    app->add_option("worker", name_, "Name or id")->required()->type_name("NAME");
    app->footer(
        "Live figures are read on the worker for as long as somebody looks, and not otherwise.\n\nExamples:\n  gogrid "
        "worker show den-pc\n  gogrid worker show den-pc --json");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto worker = co_await (*client)->worker(name_, true);
    if (!worker) co_return worker.error();
    print(context, worker->json, show_one(worker->value, context.view()));
    co_return Result<void>();
  }

 private:
  std::string name_;
};

class WorkerLabel final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("label", "Give a worker labels, by which models choose their workers");
    app->add_option("worker", name_, "Name or id")->required()->type_name("NAME");
    app->add_option("labels", set_, "Labels to set")->type_name("KEY=VALUE");
    app->add_option("--remove", remove_, "Labels to take away; repeat for several")
        ->allow_extra_args(false)
        ->type_name("KEY");
    app->footer(
        "A model with --label is only on workers that have all of its labels.\n\n"
        "Examples:\n  gogrid worker label den-pc gpu=yes site=attic\n  gogrid worker label den-pc --remove site");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    if (set_.empty() && remove_.empty())
      co_return context.wrong_usage("there is nothing to change: give a label, as in gpu=yes");
    const auto labels = parse_pairs(set_, "a label");
    if (!labels) co_return context.wrong_usage(labels.error().detail);
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto worker = co_await (*client)->label_worker(name_, *labels, remove_);
    if (!worker) co_return worker.error();
    const std::string text = labels_text(worker->value.labels);
    print(context, worker->json,
          printable(worker->value.name) + (text.empty() ? " has no labels" : ": " + text) + "\n");
    co_return Result<void>();
  }

 private:
  std::string name_;
  std::vector<std::string> set_;
  std::vector<std::string> remove_;
};

class WorkerRevoke final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("revoke", "Cut a worker off at once, for good");
    app->add_option("worker", name_, "Name or id")->required()->type_name("NAME");
    app->add_flag("-y,--yes", yes_, "Do not ask");
    app->footer(
        "Its connection is closed and its certificate refused from now on; to come back it must join with a new "
        "token.\n"
        "On a terminal it asks first.\n\nExamples:\n  gogrid worker revoke den-pc");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    if (!confirm(context.terminal(),
                 "Revoke the worker " + printable(name_) + "? It is cut off at once and must join again.", yes_)) {
      co_return Error(ErrorCode::invalid_argument, "nothing was revoked");
    }
    const auto revoked = co_await (*client)->revoke_worker(name_);
    if (!revoked) co_return revoked.error();
    print(context, json_object("revoked", name_), "Revoked the worker " + printable(name_) + ".\n");
    co_return Result<void>();
  }

 private:
  std::string name_;
  bool yes_ = false;
};

}  // namespace

CommandPtr make_worker_list() { return std::make_unique<WorkerList>(); }
CommandPtr make_worker_show() { return std::make_unique<WorkerShow>(); }
CommandPtr make_worker_label() { return std::make_unique<WorkerLabel>(); }
CommandPtr make_worker_revoke() { return std::make_unique<WorkerRevoke>(); }

}  // namespace gogrid::cli
