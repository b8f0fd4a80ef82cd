// gogrid run
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/utf8.hpp"
#include "cli/commands.hpp"
#include "cli/create_batch.hpp"
#include "cli/endpoints.hpp"
#include "cli/input_file.hpp"
#include "cli/run_input.hpp"
#include "cli/run_results.hpp"
#include "cli/wait.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_line_bytes = 32 * 1024 * 1024;
// A result may hold what its request held, and the answer.
constexpr std::size_t max_result_bytes = 128 * 1024 * 1024;
constexpr std::size_t shown_bad_lines = 20;
constexpr std::chrono::seconds second_thoughts{2};

asio::awaitable<Result<void>> sleep_for(Context& context, std::chrono::seconds duration) {
  asio::steady_timer timer(context.executor(), duration);
  (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return Result<void>();
}

class Run final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("run", "Run many requests from a file; the results come in its order");
    app->add_option("file", path_, "JSON lines; '-' is standard input")->required()->type_name("FILE");
    app->add_option("-m,--model", model_, "For lines that name no model")->type_name("NAME");
    app->add_option("-o,--output", output_path_, "Write the results to this file; standard output if left out")
        ->type_name("FILE");
    app->add_flag("--text", text_, "Write only the words of the answers");
    options_.add_to(*app);
    app->add_flag("--skip-bad", skip_bad_, "Leave lines out that are no requests; their results are errors");
    app->add_flag("--cancel-on-interrupt", cancel_on_interrupt_, "Ctrl-C cancels the batch");
    app->footer(
        "A line is a text, {\"prompt\": TEXT}, a request's body, or {\"custom_id\", \"method\", \"url\", \"body\"} as "
        "OpenAI's batches have it.\n"
        "Every line is checked before anything is sent. Results are JSON lines: {\"custom_id\", \"response\"} or "
        "{\"custom_id\", \"error\"}.\n"
        "Ctrl-C leaves, and the batch goes on: 'gogrid batch wait', 'gogrid batch result'. Ctrl-C again cancels it.\n"
        "Exit code: 0 when every line succeeded, 6 when one did not.\n\n"
        "Examples:\n  gogrid run questions.jsonl -m small -o answers.jsonl\n"
        "  jq -R . < questions.txt | gogrid run - -m small --text\n"
        "  gogrid run texts.jsonl --endpoint /v1/embeddings -m bge-m3 --priority 10 > vectors.jsonl");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    RunInput input(model_, options_.endpoint);
    if (const auto read = read_input(context, input); !read) co_return read.error();
    if (const auto checked = check(context.terminal(), input); !checked) co_return checked.error();
    OutputFile output(context.terminal());
    if (const auto opened = output.open(output_path_); !opened) co_return opened.error();
    const auto client = context.client();
    if (!client) co_return client.error();
    BatchFile file;
    file.fd = input.file().fd();
    file.size_bytes = input.file().size_bytes();
    file.name = path_ == "-" ? "stdin.jsonl" : std::filesystem::path(path_).filename().string();
    options_.endpoint = input.endpoint();
    const auto created = co_await create_batch(context, **client, std::move(file), options_);
    if (!created) co_return created.error();
    const std::string id = created->value.id;
    context.terminal().error("Running as the batch " + printable(id) + "\n");
    auto waited = co_await run_stoppable(context, finish(context, **client, id, input, output), std::nullopt);
    if (waited.outcome) co_return *waited.outcome;
    co_return co_await leave(context, **client, id);
  }

 private:
  Result<void> read_input(Context& context, RunInput& input) {
    if (const auto opened = input.open(context.environment()); !opened) return opened.error();
    FileDescriptor descriptor;
    if (path_ != "-") {
      auto file = open_file(path_, O_RDONLY);
      // Exit code 5 is for what the coordinator does not have.
      if (!file) return Error(ErrorCode::invalid_argument, file.error().detail);
      descriptor = std::move(*file);
    }
    LineReader lines(max_line_bytes);
    const auto take = [&input](std::string_view line) { return input.take(line); };
    std::array<std::byte, 64 * 1024> buffer;
    for (;;) {
      const auto count = descriptor ? read_fully(descriptor.get(), buffer) : context.terminal().read_input_some(buffer);
      if (!count) return Error(ErrorCode::invalid_argument, path_ + ": " + count.error().detail);
      if (*count == 0) return lines.end(take);
      if (const auto fed = lines.feed(as_text(std::span(buffer).first(*count)), take); !fed) return fed.error();
    }
  }

  // Names the bad lines, and decides whether they stop it.
  Result<void> check(Terminal& terminal, const RunInput& input) const {
    std::size_t shown = 0;
    for (const RunLine& line : input.lines()) {
      if (line.problem.empty() || ++shown > shown_bad_lines) continue;
      terminal.error(printable(fmt::format("line {}: {}", line.number, line.problem)) + "\n");
    }
    if (shown > shown_bad_lines) terminal.error(fmt::format("… and {} more\n", shown - shown_bad_lines));
    const std::size_t bad = input.bad_lines();
    if (bad == input.lines().size()) {
      return Error(ErrorCode::invalid_argument,
                   bad == 0 ? input_name(path_) + " has no lines" : "no line is a request; nothing was sent");
    }
    if (bad == 0 || skip_bad_) return {};
    return Error(ErrorCode::invalid_argument,
                 fmt::format("{} of {} lines cannot be sent, so nothing was; correct them, or leave them out with "
                             "--skip-bad",
                             bad, input.lines().size()));
  }

  // Waits for the batch and writes its results.
  asio::awaitable<Result<void>> finish(Context& context, client::CoordinatorClient& client, std::string id,
                                       const RunInput& input, OutputFile& output) {
    const auto batch = co_await wait_for_batch(context, client, id);
    if (!batch) co_return still_there(batch.error(), id);
    if (batch->value.status == "failed") co_return batch_verdict(context, batch->value);
    RunResults results(context.terminal());
    if (const auto opened = results.open(context.environment()); !opened) co_return opened.error();
    for (const std::string& file : {batch->value.output_file_id, batch->value.error_file_id}) {
      if (file.empty()) continue;
      const auto fetched = co_await fetch(client, file, results);
      if (!fetched) co_return still_there(fetched.error(), id);
    }
    const auto form = text_ ? RunResults::Form::text : RunResults::Form::json_lines;
    const auto failures = results.write(input.lines(), form, output);
    if (!failures) co_return still_there(failures.error(), id);
    if (const auto finished = output.finish(); !finished) co_return still_there(finished.error(), id);
    if (*failures == 0) co_return Result<void>();
    std::string text = fmt::format("{} of {} lines did not succeed", *failures, input.lines().size());
    if (batch->value.status != "completed") text += "; the batch was " + batch->value.status;
    co_return context.fails_with(ExitCode::not_succeeded, std::move(text));
  }

  static asio::awaitable<Result<void>> fetch(client::CoordinatorClient& client, std::string file, RunResults& results) {
    LineReader lines(max_result_bytes);
    const auto take = [&results](std::string_view line) { return results.take(line); };
    client::BodySink sink = [&](std::string_view bytes) { return lines.feed(bytes, take); };
    const auto head = co_await client.file_content(std::move(file), std::move(sink));
    if (!head) co_return head.error();
    co_return lines.end(take);
  }

  static Error still_there(const Error& error, const std::string& id) {
    if (error.code == ErrorCode::cancelled) return error;
    return Error(error.code,
                 error.detail + "; the batch is kept: gogrid batch wait " + id + ", gogrid batch result " + id);
  }

  // After Ctrl-C.
  asio::awaitable<Result<void>> leave(Context& context, client::CoordinatorClient& client, std::string id) {
    const std::string shown = printable(id);
    Terminal& terminal = context.terminal();
    bool cancels = cancel_on_interrupt_;
    if (!cancels) {
      terminal.error("The batch " + shown + " goes on. To wait for it: gogrid batch wait " + shown +
                     "\nFor its results then:   gogrid batch result " + shown + "\n");
    }
    if (!cancels && terminal.error_is_terminal()) {
      terminal.error(fmt::format("Ctrl-C again, within {} s, cancels it.\n", second_thoughts.count()));
      const auto slept = co_await run_stoppable(context, sleep_for(context, second_thoughts), std::nullopt);
      cancels = slept.interrupted;
    }
    if (cancels) {
      const auto cancelled = co_await client.cancel_batch(id);
      if (!cancelled) co_return cancelled.error();
      terminal.error("Cancelled the batch " + shown + ". What was done of it: gogrid batch result " + shown + "\n");
    }
    co_return Error(ErrorCode::cancelled, "interrupted");
  }

  std::string path_;
  std::string model_;
  std::string output_path_;
  bool text_ = false;
  BatchOptions options_;
  bool skip_bad_ = false;
  bool cancel_on_interrupt_ = false;
};

}  // namespace

CommandPtr make_run() { return std::make_unique<Run>(); }

}  // namespace gogrid::cli
