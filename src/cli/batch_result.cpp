// gogrid batch result
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/formatter/text.hpp"
#include "cli/output_file.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

asio::awaitable<Result<void>> save(Context& context, client::CoordinatorClient& client, std::string file_id,
                                   std::string path) {
  OutputFile output(context.terminal());
  if (const auto opened = output.open(path); !opened) co_return opened.error();
  // A batch without such lines has no file: the result is empty.
  if (!file_id.empty()) {
    client::BodySink sink = [&output](std::string_view bytes) { return output.write(bytes); };
    const auto head = co_await client.file_content(std::move(file_id), std::move(sink));
    if (!head) co_return head.error();
  }
  co_return output.finish();
}

class BatchResult final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("result", "Print the results of a batch that is over, as JSON lines");
    app->add_option("batch", id_, "Id, as 'gogrid batch ls' shows it")->required()->type_name("ID");
    app->add_option("-o,--output", path_, "Write them to this file; standard output if left out")->type_name("FILE");
    app->add_option("--errors", errors_path_, "Write the lines that failed to this file")->type_name("FILE");
    app->footer(
        "In the order of the input; \"custom_id\" says whose they are.\n\n"
        "Examples:\n  gogrid batch result batch_0f1e2d3c4b5a6978 | jq -r .custom_id\n"
        "  gogrid batch result batch_0f1e2d3c4b5a6978 -o results.jsonl --errors errors.jsonl");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto batch = co_await (*client)->batch(id_);
    if (!batch) co_return batch.error();
    if (!is_final(batch->value)) {
      co_return Error(ErrorCode::conflict, "the batch " + id_ + " is not over (" + batch->value.status +
                                               "); wait for it: gogrid batch wait " + id_);
    }
    const auto saved = co_await save(context, **client, batch->value.output_file_id, path_);
    if (!saved) co_return saved.error();
    if (!errors_path_.empty()) co_return co_await save(context, **client, batch->value.error_file_id, errors_path_);
    if (batch->value.failed > 0) {
      context.terminal().error(std::to_string(batch->value.failed) + " of " + std::to_string(batch->value.total) +
                               " lines failed; --errors FILE has them.\n");
    }
    co_return Result<void>();
  }

 private:
  std::string id_;
  std::string path_;
  std::string errors_path_;
};

}  // namespace

CommandPtr make_batch_result() { return std::make_unique<BatchResult>(); }

}  // namespace gogrid::cli
