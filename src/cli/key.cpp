// gogrid key create | ls | set | revoke
#include <CLI/CLI.hpp>

#include "base/utf8.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/views.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

// The SDKs add the rest of the path themselves: OpenAI's from /v1 on, Anthropic's with it.
std::string next_steps(const std::string& url) {
  return "\nThe key is shown only now: keep it somewhere safe. Use it with\n\n  gogrid login " + url +
         "\n\nor as the API key of another client, whose base URL is\n\n  " + url + "/v1   for OpenAI's SDKs\n  " +
         url + "      for Anthropic's\n";
}

void add_limit_options(CLI::App& app, client::KeyLimits& limits) {
  // A double holds these exactly.
  constexpr std::int64_t most = std::int64_t{1} << 53;
  app.add_option("--models", limits.models, "The only models it may use; several with commas between")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAME");
  app.add_option("--weight", limits.weight, "Its share when others want slots too: 2 gets twice as much as 1")
      ->check(CLI::Range(0.01, 1000.0).description(""))
      ->type_name("NUMBER");
  const auto add = [&app](const char* name, std::optional<std::int64_t>& target, const char* help) {
    app.add_option(name, target, help)->check(CLI::Range(std::int64_t{0}, most).description(""))->type_name("N");
  };
  add("--requests-per-minute", limits.requests_per_minute, "Requests that may begin in a minute; 0: no limit");
  add("--tokens-per-minute", limits.tokens_per_minute, "Tokens, of prompts and answers, in a minute; 0: no limit");
  add("--max-concurrent", limits.max_concurrent, "Requests and jobs that run at once; 0: no limit");
  add("--max-queued", limits.max_queued, "Jobs that are not over; 0: no limit");
}

class KeyCreate final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("create", "Make a key for the coordinator's API");
    app->add_option("name,--name", request_.name, "For you to know it by")->required()->type_name("NAME");
    app->add_option("--scope", request_.scopes,
                    "What it allows: inference (ask models), admin (all else); repeat for both")
        ->check(CLI::IsMember({"inference", "admin"}).description(""))
        ->type_name("inference|admin")
        ->default_str("inference");
    app->add_option("--expires", expires_, "How long it is valid: 24h, 90d; for ever if left out")->type_name("TIME");
    add_limit_options(*app, request_.limits);
    app->add_flag("-q,--quiet", quiet_, "Print only the key");
    app->footer(
        "Examples:\n  gogrid key create laptop\n  gogrid key create ci --expires 90d\n  gogrid key create ops --scope "
        "admin --scope inference\n"
        "  gogrid key create students --models small,tiny --requests-per-minute 60 --max-concurrent 4");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    if (request_.scopes.empty()) request_.scopes.emplace_back("inference");
    if (!expires_.empty()) {
      const auto expires = parse_duration_seconds(expires_, "--expires");
      if (!expires) co_return context.wrong_usage(expires.error().detail);
      request_.expires_in_seconds = *expires;
    }
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto key = co_await (*client)->create_key(request_);
    if (!key) co_return key.error();
    std::string text = printable(key->value.key) + "\n";
    if (!quiet_) text += next_steps((*client)->server().url());
    print(context, key->json, text);
    co_return Result<void>();
  }

 private:
  client::KeyRequest request_;
  std::string expires_;
  bool quiet_ = false;
};

class KeyList final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("ls", "List the keys, without their secrets");
    app->alias("list");
    app->footer(
        "LIMITS: r/min and t/min are requests and tokens a minute.\n\nExamples:\n  gogrid key ls\n  gogrid key ls "
        "--json");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto keys = co_await (*client)->keys();
    if (!keys) co_return keys.error();
    print(context, keys->json, show_list(keys->value, context.view()));
    co_return Result<void>();
  }
};

class KeySet final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("set", "Change a key's name, models, weight and limits");
    app->add_option("key", id_, "Id, as 'gogrid key ls' shows it")->required()->type_name("ID");
    app->add_option("--name", change_.name, "For you to know it by")->type_name("NAME");
    add_limit_options(*app, change_.limits);
    app->add_flag("--any-model", any_model_, "Let it use every model again");
    app->footer(
        "What is not given stays as it is. It counts from the next request on.\n\n"
        "Examples:\n  gogrid key set 0f1e2d3c4b5a6978 --weight 2 --max-concurrent 8\n"
        "  gogrid key set 0f1e2d3c4b5a6978 --any-model --tokens-per-minute 0");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    client::KeyLimits& limits = change_.limits;
    if (any_model_ && limits.models) co_return context.wrong_usage("give --models or --any-model, not both");
    if (any_model_) limits.models.emplace();
    if (!change_.name && !limits.models && !limits.weight && !limits.requests_per_minute && !limits.tokens_per_minute &&
        !limits.max_concurrent && !limits.max_queued) {
      co_return context.wrong_usage("there is nothing to change: give an option, as in --weight 2");
    }
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto key = co_await (*client)->change_key(id_, change_);
    if (!key) co_return key.error();
    print(context, key->json, show_list(std::vector{key->value}, context.view()));
    co_return Result<void>();
  }

 private:
  std::string id_;
  client::KeyChange change_;
  bool any_model_ = false;
};

class KeyRevoke final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("revoke", "Make a key worthless at once");
    app->add_option("key", id_, "Id, as 'gogrid key ls' shows it")->required()->type_name("ID");
    app->add_flag("-y,--yes", yes_, "Do not ask");
    app->footer("On a terminal it asks first.\n\nExamples:\n  gogrid key revoke 0f1e2d3c4b5a6978");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    if (!confirm(context.terminal(), "Revoke the key " + printable(id_) + "? Whoever uses it is refused from now on.",
                 yes_)) {
      co_return Error(ErrorCode::invalid_argument, "nothing was revoked");
    }
    const auto revoked = co_await (*client)->revoke_key(id_);
    if (!revoked) co_return revoked.error();
    print(context, json_object("revoked", id_), "Revoked the key " + printable(id_) + ".\n");
    co_return Result<void>();
  }

 private:
  std::string id_;
  bool yes_ = false;
};

}  // namespace

CommandPtr make_key_create() { return std::make_unique<KeyCreate>(); }
CommandPtr make_key_list() { return std::make_unique<KeyList>(); }
CommandPtr make_key_set() { return std::make_unique<KeySet>(); }
CommandPtr make_key_revoke() { return std::make_unique<KeyRevoke>(); }

}  // namespace gogrid::cli
