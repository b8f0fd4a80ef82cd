// gogrid file ls | get | rm
#include <CLI/CLI.hpp>

#include "base/utf8.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/queue_views.hpp"
#include "cli/output_file.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

class FileList final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("ls", "List the files of batches, the newest first");
    app->alias("list");
    app->add_option("--limit", limit_, "How many")->check(CLI::Range(1, 10'000).description(""))->type_name("N");
    app->add_option("--after", after_, "Those that follow this file in the list")->type_name("ID");
    app->footer("Examples:\n  gogrid file ls\n  gogrid file ls --json");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto files = co_await (*client)->files(limit_, after_);
    if (!files) co_return files.error();
    std::string text = show_list(files->value.items, context.view());
    if (!files->value.next.empty()) text += "More: --after " + printable(files->value.next) + "\n";
    print(context, files->json, text);
    co_return Result<void>();
  }

 private:
  std::int64_t limit_ = 0;
  std::string after_;
};

class FileGet final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("get", "Print a file");
    app->add_option("file", id_, "Id, as 'gogrid file ls' shows it")->required()->type_name("ID");
    app->add_option("-o,--output", path_, "Write it to this file; standard output if left out")->type_name("FILE");
    app->footer("Examples:\n  gogrid file get file-0f1e2d3c4b5a6978 -o requests.jsonl");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    OutputFile output(context.terminal());
    if (const auto opened = output.open(path_); !opened) co_return opened.error();
    client::BodySink sink = [&output](std::string_view bytes) { return output.write(bytes); };
    const auto head = co_await (*client)->file_content(id_, std::move(sink));
    if (!head) co_return head.error();
    co_return output.finish();
  }

 private:
  std::string id_;
  std::string path_;
};

class FileRemove final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("rm", "Remove a file from the coordinator");
    app->add_option("file", id_, "Id, as 'gogrid file ls' shows it")->required()->type_name("ID");
    app->add_flag("-y,--yes", yes_, "Do not ask");
    app->footer("On a terminal it asks first.\n\nExamples:\n  gogrid file rm file-0f1e2d3c4b5a6978");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    if (!confirm(context.terminal(), "Remove the file " + printable(id_) + "?", yes_)) {
      co_return Error(ErrorCode::invalid_argument, "nothing was removed");
    }
    const auto removed = co_await (*client)->remove_file(id_);
    if (!removed) co_return removed.error();
    print(context, json_object("removed", id_), "Removed the file " + printable(id_) + ".\n");
    co_return Result<void>();
  }

 private:
  std::string id_;
  bool yes_ = false;
};

}  // namespace

CommandPtr make_file_list() { return std::make_unique<FileList>(); }
CommandPtr make_file_get() { return std::make_unique<FileGet>(); }
CommandPtr make_file_remove() { return std::make_unique<FileRemove>(); }

}  // namespace gogrid::cli
