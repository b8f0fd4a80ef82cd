// gogrid job submit
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/utf8.hpp"
#include "cli/chat_answer.hpp"
#include "cli/commands.hpp"
#include "cli/endpoints.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/queue_views.hpp"
#include "cli/input_file.hpp"
#include "cli/values.hpp"
#include "cli/wait.hpp"
#include "client/answer_text.hpp"
#include "domain/job.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_request_bytes = 32 * 1024 * 1024;
// What --wait keeps of an answer in memory; `gogrid job result` has no limit.
constexpr std::size_t max_shown_bytes = 64 * 1024 * 1024;

class JobSubmit final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("submit", "Queue a request; it is kept until it is done");
    app->add_option("prompt", words_, "What to ask a chat model")->type_name("TEXT");
    app->add_option("-m,--model", model_, "Which model; for a prompt the first one there is, if left out")
        ->type_name("NAME");
    app->add_option("--system", system_, "Instructions that come before the prompt")->type_name("TEXT");
    app->add_option("--max-tokens", max_tokens_, "Longest answer to the prompt")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}).description(""))
        ->type_name("N");
    app->add_option("--request", request_path_, "A request's JSON in place of a prompt; '-' is standard input")
        ->type_name("FILE");
    add_endpoint_option(*app, request_.endpoint, "What the request is for; chat completions if left out");
    app->add_option("--priority", request_.priority, "0 to 100, higher first; 50 if left out")
        ->check(CLI::Range(0, domain::max_priority).description(""))
        ->type_name("N");
    app->add_option("--not-before", not_before_, "Do not begin earlier: 18:30, 2026-11-28T18:30, +10m")
        ->type_name("TIME");
    app->add_option("--deadline", deadline_, "Give it up if it is not done by then")->type_name("TIME");
    app->add_option("--max-attempts", request_.max_attempts, "How often to try; 5 if left out")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{domain::max_attempts_limit}).description(""))
        ->type_name("N");
    app->add_option("--idempotency-key", request_.idempotency_key,
                    "Submitting again with the same text gives the same job")
        ->type_name("TEXT");
    app->add_option("--label", labels_, "To find it by; repeat for several")
        ->allow_extra_args(false)
        ->type_name("NAME=VALUE");
    app->add_option("--webhook", request_.webhook, "Where to tell of its end")->type_name("URL");
    app->add_flag("--wait", wait_, "Wait for the answer and print it");
    app->footer(
        "Prints the job's id. A job outlives this command, its worker and restarts of the coordinator; 'gogrid job "
        "wait' waits for\n"
        "it, 'gogrid job result' has its answer. With --wait: exit code 0 when it succeeded, 6 when it did not.\n\n"
        "Examples:\n  gogrid job submit \"Summarise the news of 1969.\"\n"
        "  gogrid job submit -m small --wait \"What is GoGrid?\"\n"
        "  gogrid job submit --request body.json --endpoint /v1/embeddings --priority 10 --label team=research\n"
        "  id=$(gogrid job submit --not-before 22:00 --deadline +1d --idempotency-key nightly \"Tell a story.\")");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    if (const auto checked = read_options(context); !checked) co_return checked.error();
    const auto client = context.client();
    if (!client) co_return client.error();
    if (request_.request.empty()) {
      if (model_.empty()) {
        auto model = co_await first_chat_model(**client);
        if (!model) co_return model.error();
        model_ = std::move(*model);
      }
      request_.request = prompt_request();
    }
    const auto job = co_await (*client)->submit_job(request_);
    if (!job) co_return job.error();
    if (!wait_) {
      print(context, job->json, printable(job->value.id) + "\n");
      co_return Result<void>();
    }
    const std::string id = job->value.id;
    context.terminal().error("Submitted the job " + printable(id) + "\n");
    auto answered = co_await run_stoppable(context, print_answer(context, **client, id), std::nullopt);
    if (answered.interrupted) context.terminal().error("The job goes on: gogrid job wait " + printable(id) + "\n");
    co_return outcome_of(context, std::move(answered), "the job " + id);
  }

 private:
  Result<void> read_options(Context& context) {
    if (words_.empty() == request_path_.empty()) {
      return context.wrong_usage(words_.empty() ? "give a prompt, or a request with --request FILE"
                                                : "a prompt and --request are two requests; give one of them");
    }
    if (!request_path_.empty() && (!system_.empty() || max_tokens_))
      return context.wrong_usage(
          "--system and --max-tokens go with a prompt; with --request they stand in the request");
    if (!words_.empty() && !request_.endpoint.empty() && request_.endpoint != default_endpoint)
      return context.wrong_usage("a prompt is for " + std::string(default_endpoint) + "; use --request for others");
    auto labels = parse_pairs(labels_, "--label");
    if (!labels) return context.wrong_usage(labels.error().detail);
    request_.labels = std::move(*labels);
    const std::int64_t now = context.view().now;
    if (const auto read = read_moment(not_before_, now, "--not-before", request_.not_before); !read)
      return context.wrong_usage(read.error().detail);
    if (const auto read = read_moment(deadline_, now, "--deadline", request_.deadline); !read)
      return context.wrong_usage(read.error().detail);
    return request_path_.empty() ? Result<void>() : read_request(context.terminal());
  }

  static Result<void> read_moment(const std::string& text, std::int64_t now, std::string_view what,
                                  std::optional<client::UnixSeconds>& out) {
    if (text.empty()) return {};
    const auto moment = parse_moment(text, now, what);
    if (!moment) return moment.error();
    out = *moment;
    return {};
  }

  Result<void> read_request(Terminal& terminal) {
    auto text = read_input_file(terminal, request_path_, max_request_bytes);
    if (!text) return text.error();
    // In the order that was written.
    auto request = nlohmann::ordered_json::parse(*text, nullptr, false);
    if (!request.is_object())
      return Error(ErrorCode::invalid_argument, input_name(request_path_) + " is not a JSON object, as a request is");
    if (model_.empty()) {
      request_.request = std::move(*text);
    } else {
      request["model"] = model_;
      request_.request = request.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    }
    return {};
  }

  std::string prompt_request() const {
    client::ChatRequest request;
    request.model = model_;
    if (!system_.empty()) request.messages.push_back({"system", system_});
    std::string prompt;
    for (const std::string& word : words_)
      prompt += (prompt.empty() ? "" : " ") + word;
    request.messages.push_back({"user", std::move(prompt)});
    request.max_tokens = max_tokens_;
    return client::chat_request_body(request, false);
  }

  asio::awaitable<Result<void>> print_answer(Context& context, client::CoordinatorClient& client, std::string id) {
    const auto job = co_await wait_for_job(context, client, id, "");
    if (!job) co_return job.error();
    if (job->value.state != "succeeded")
      co_return context.fails_with(ExitCode::not_succeeded,
                                   job_outcome(job->value) + "; see 'gogrid job show " + id + "'");
    std::string body;
    client::BodySink sink = [&body, &id](std::string_view bytes) -> Result<void> {
      if (body.size() + bytes.size() > max_shown_bytes)
        return Error(ErrorCode::too_large, "the answer is large; fetch it with 'gogrid job result " + id + " -o FILE'");
      body += bytes;
      return {};
    };
    const auto head = co_await client.job_result(id, std::move(sink));
    if (!head) co_return head.error();
    const auto words = client::answer_text(body);
    AnswerPrinter printer(context.terminal(), context.view().colour);
    if (context.options().json) {
      context.terminal().out(pretty_json(body));
    } else {
      client::ChatDelta answer;
      answer.content = words ? *words : body;
      printer.take(answer);
    }
    co_return Result<void>();
  }

  std::vector<std::string> words_;
  std::string model_;
  std::string system_;
  std::optional<std::int64_t> max_tokens_;
  std::string request_path_;
  client::JobRequest request_;
  std::string not_before_;
  std::string deadline_;
  std::vector<std::string> labels_;
  bool wait_ = false;
};

}  // namespace

CommandPtr make_job_submit() { return std::make_unique<JobSubmit>(); }

}  // namespace gogrid::cli
