// gogrid chat
#include <CLI/CLI.hpp>

#include "cli/chat_answer.hpp"
#include "cli/chat_session.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

constexpr std::size_t max_prompt_bytes = 16 * 1024 * 1024;

class Chat final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("chat", "Talk to a model; answers appear as they are written");
    app->add_option("prompt", words_,
                    "What to ask; '-' stands for standard input. Left out on a terminal: a conversation")
        ->type_name("TEXT");
    app->add_option("-m,--model", request_.model, "Which model; the first one there is, if left out")
        ->type_name("NAME");
    app->add_option("--system", system_, "Instructions that come before the conversation")->type_name("TEXT");
    app->add_option("--temperature", request_.temperature, "0 for the likeliest words, higher for more variety")
        ->check(CLI::Range(0.0, 100.0).description(""))
        ->type_name("NUMBER");
    app->add_option("--max-tokens", request_.max_tokens, "Longest answer")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}).description(""))
        ->type_name("N");
    app->add_flag("-v,--verbose", verbose_, "Tell on standard error how long it took");
    app->footer(
        "In a conversation: /help lists what can be typed, Ctrl-C stops an answer, Ctrl-D leaves. With --json the "
        "whole answer is\n"
        "printed at its end, as the API gives it.\n\n"
        "Examples:\n  gogrid chat\n  gogrid chat \"What is GoGrid?\"\n  gogrid chat -m small --system \"Answer in "
        "French.\" \"Who are you?\"\n"
        "  gogrid chat \"Summarise this:\" - < report.txt\n  git diff | gogrid chat --max-tokens 200 \"Write a commit "
        "message for:\" -");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const bool conversation = words_.empty() && context.terminal().input_is_terminal() && !context.options().json;
    auto prompt = conversation ? Result<std::string>("") : read_prompt(context.terminal());
    if (!prompt) co_return prompt.error();
    if (!conversation && prompt->find_first_not_of(" \t\r\n") == std::string::npos) {
      co_return context.wrong_usage("there is nothing to ask: give a prompt, as in gogrid chat \"What is GoGrid?\"");
    }
    if (request_.model.empty()) {
      auto model = co_await first_chat_model(**client);
      if (!model) co_return model.error();
      request_.model = std::move(*model);
    }
    if (!system_.empty()) request_.messages.push_back({"system", system_});
    if (conversation) {
      ChatSession session(context, **client, request_, verbose_);
      co_return co_await session.run();
    }
    request_.messages.push_back({"user", std::move(*prompt)});
    if (context.options().json) {
      const auto answer = co_await (*client)->chat_json(request_);
      if (!answer) co_return answer.error();
      context.terminal().out(pretty_json(*answer));
      co_return Result<void>();
    }
    AnswerPrinter printer(context.terminal(), context.view().colour);
    co_return co_await stream_answer(context, **client, request_, printer, verbose_);
  }

 private:
  // The words with spaces between, "-" or no words at all meaning standard input.
  Result<std::string> read_prompt(Terminal& terminal) const {
    std::string prompt;
    bool input_read = false;
    const std::vector<std::string> words = words_.empty() ? std::vector<std::string>{"-"} : words_;
    for (const std::string& word : words) {
      std::string part = word;
      if (word == "-" && !input_read) {
        auto input = terminal.read_input(max_prompt_bytes);
        if (!input) return input.error();
        part = std::move(*input);
        input_read = true;
      }
      if (!prompt.empty()) prompt += word == "-" ? '\n' : ' ';
      prompt += part;
    }
    return prompt;
  }

  std::vector<std::string> words_;
  std::string system_;
  client::ChatRequest request_;
  bool verbose_ = false;
};

}  // namespace

CommandPtr make_chat() { return std::make_unique<Chat>(); }

}  // namespace gogrid::cli
