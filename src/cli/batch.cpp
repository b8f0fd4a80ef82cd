// gogrid batch create | ls | show | cancel | wait
#include <CLI/CLI.hpp>

#include "base/utf8.hpp"
#include "cli/add_file.hpp"
#include "cli/commands.hpp"
#include "cli/create_batch.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/queue_views.hpp"
#include "cli/wait.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

// Waits for the batch, prints how it ended, and makes the exit code of it.
asio::awaitable<Result<void>> wait_and_tell(Context& context, client::CoordinatorClient& client, std::string id,
                                            WaitLimit limit) {
  auto waited = co_await run_stoppable(context, wait_for_batch(context, client, id), limit);
  if (waited.interrupted && !waited.outcome) {
    context.terminal().error("The batch " + printable(id) + " goes on. To wait again: gogrid batch wait " +
                             printable(id) + "\n");
  }
  const auto batch = outcome_of(context, std::move(waited), "the batch " + id);
  if (!batch) co_return batch.error();
  print(context, batch->json, printable(id + " " + batch->value.status) + "\n");
  co_return batch_verdict(context, batch->value);
}

class BatchCreate final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("create", "Upload a file of OpenAI batch lines and run it");
    app->add_option("file", path_, "JSON lines: {\"custom_id\", \"method\", \"url\", \"body\"}")
        ->required()
        ->type_name("FILE");
    options_.add_to(*app);
    app->add_flag("--wait", wait_, "Wait until it is over");
    app->footer(
        "Prints the batch's id. 'gogrid run' is the shorter way: it takes simpler lines, checks them first, and writes "
        "the results in order.\n\n"
        "Examples:\n  gogrid batch create requests.jsonl\n"
        "  gogrid batch create texts.jsonl --endpoint /v1/embeddings --window 7d --priority 10 --wait");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    auto file = open_to_add(path_);
    if (!file) co_return file.error();
    const auto client = context.client();
    if (!client) co_return client.error();
    BatchFile input;
    input.fd = file->descriptor.get();
    input.size_bytes = file->size_bytes;
    input.name = std::filesystem::path(path_).filename().string();
    const auto batch = co_await create_batch(context, **client, std::move(input), options_);
    if (!batch) co_return batch.error();
    if (!wait_) {
      print(context, batch->json, printable(batch->value.id) + "\n");
      co_return Result<void>();
    }
    context.terminal().error("Created the batch " + printable(batch->value.id) + "\n");
    co_return co_await wait_and_tell(context, **client, batch->value.id, std::nullopt);
  }

 private:
  std::string path_;
  BatchOptions options_;
  bool wait_ = false;
};

class BatchList final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("ls", "List batches, the newest first");
    app->alias("list");
    app->add_option("--limit", limit_, "How many")
        ->check(CLI::Range(1, 100).description(""))
        ->type_name("N")
        ->default_str("20");
    app->add_option("--after", after_, "Those that follow this batch in the list")->type_name("ID");
    app->footer("Examples:\n  gogrid batch ls\n  gogrid batch ls --limit 100 --json");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto batches = co_await (*client)->batches(limit_, after_);
    if (!batches) co_return batches.error();
    std::string text = show_list(batches->value.items, context.view());
    if (!batches->value.next.empty()) text += "More: --after " + printable(batches->value.next) + "\n";
    print(context, batches->json, text);
    co_return Result<void>();
  }

 private:
  std::int64_t limit_ = 0;
  std::string after_;
};

class BatchShow final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("show", "Everything about one batch");
    app->add_option("batch", id_, "Id, as 'gogrid batch ls' shows it")->required()->type_name("ID");
    app->footer(
        "A batch that failed at its start says which lines are no requests; of one that ran, 'gogrid batch result "
        "--errors FILE' has the lines that failed.\n\n"
        "Examples:\n  gogrid batch show batch_0f1e2d3c4b5a6978");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto batch = co_await (*client)->batch(id_);
    if (!batch) co_return batch.error();
    print(context, batch->json, show_one(batch->value, context.view()));
    co_return Result<void>();
  }

 private:
  std::string id_;
};

class BatchCancel final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("cancel", "Cancel what is not done of a batch");
    app->add_option("batch", id_, "Id, as 'gogrid batch ls' shows it")->required()->type_name("ID");
    app->footer("The results that it has stay.\n\nExamples:\n  gogrid batch cancel batch_0f1e2d3c4b5a6978");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto batch = co_await (*client)->cancel_batch(id_);
    if (!batch) co_return batch.error();
    print(context, batch->json, "Cancelled the batch " + printable(id_) + ".\n");
    co_return Result<void>();
  }

 private:
  std::string id_;
};

class BatchWait final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("wait", "Wait until a batch is over, with a progress bar");
    app->add_option("batch", id_, "Id, as 'gogrid batch ls' shows it")->required()->type_name("ID");
    app->add_option("--timeout", timeout_, "Wait no longer: 30s, 10m, 2h")->type_name("TIME");
    app->footer(
        "Exit code: 0 when every line succeeded, 6 when one did not, 7 when the time was up. Ctrl-C stops waiting; the "
        "batch goes on.\n\n"
        "Examples:\n  gogrid batch wait batch_0f1e2d3c4b5a6978\n"
        "  gogrid batch wait batch_0f1e2d3c4b5a6978; gogrid batch result batch_0f1e2d3c4b5a6978 -o results.jsonl");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto limit = parse_limit(context, timeout_);
    if (!limit) co_return limit.error();
    const auto client = context.client();
    if (!client) co_return client.error();
    co_return co_await wait_and_tell(context, **client, id_, *limit);
  }

 private:
  std::string id_;
  std::string timeout_;
};

}  // namespace

CommandPtr make_batch_create() { return std::make_unique<BatchCreate>(); }
CommandPtr make_batch_list() { return std::make_unique<BatchList>(); }
CommandPtr make_batch_show() { return std::make_unique<BatchShow>(); }
CommandPtr make_batch_cancel() { return std::make_unique<BatchCancel>(); }
CommandPtr make_batch_wait() { return std::make_unique<BatchWait>(); }

}  // namespace gogrid::cli
