// gogrid token create | ls | rm
#include <spdlog/fmt/fmt.h>
#include <CLI/CLI.hpp>

#include "base/utf8.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/views.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

// What to do with a new token, down to the command to type.
std::string next_steps(const client::JoinToken& token, const client::ServerAddress& server, const View& view) {
  const std::string uses = token.uses_left == 1 ? "once" : fmt::format("{} times", token.uses_left);
  const std::string until = token.expires_at ? format_when(token.expires_at, view.now) : "never";
  std::string text = fmt::format("{}\n\nThe token is shown only now. It can be used {}, and expires {}.\n",
                                 printable(token.token), uses, until);
  text += fmt::format("On the worker's machine, type this, and give it the token when it asks:\n\n  {}\n\n",
                      styled(Style::bold, "gogrid-worker join --coordinator " + server.authority(), view.colour));
  text += "In a script, put the token into GOGRID_JOIN_TOKEN.\n";
  if (server.is_loopback()) {
    text += fmt::format(
        "'{}' is this machine itself: on another one, use this machine's name or address in its place.\n", server.host);
  }
  return text;
}

class TokenCreate final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("create", "Make a join token, and say what to type on the worker's machine");
    app->add_option("--name", request_.name, "For you to know it by, and the first worker's name")->type_name("NAME");
    app->add_option("--uses", request_.uses, "How many workers may join with it")
        ->check(CLI::Range(1, 100'000).description(""))
        ->type_name("N")
        ->capture_default_str();
    app->add_option("--expires", expires_, "How long it is valid: 30m, 24h, 7d")
        ->capture_default_str()
        ->type_name("TIME");
    app->add_flag("-q,--quiet", quiet_, "Print only the token");
    app->footer(
        "The token also holds the fingerprint of the coordinator's authority, so that the worker knows whom it talks "
        "to.\n\n"
        "Examples:\n  gogrid token create --name den-pc\n  gogrid token create --uses 20 --expires 1h");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto expires = parse_duration_seconds(expires_, "--expires");
    if (!expires) co_return context.wrong_usage(expires.error().detail);
    request_.expires_in_seconds = *expires;
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto token = co_await (*client)->create_token(request_);
    if (!token) co_return token.error();
    print(
        context, token->json,
        quiet_ ? printable(token->value.token) + "\n" : next_steps(token->value, (*client)->server(), context.view()));
    co_return Result<void>();
  }

 private:
  client::TokenRequest request_;
  std::string expires_ = "24h";
  bool quiet_ = false;
};

class TokenList final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("ls", "List the join tokens that can still be used");
    app->alias("list");
    app->footer("Examples:\n  gogrid token ls");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto tokens = co_await (*client)->tokens();
    if (!tokens) co_return tokens.error();
    print(context, tokens->json, show_list(tokens->value, context.view()));
    co_return Result<void>();
  }
};

class TokenRemove final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("rm", "Take a join token back");
    app->add_option("token", id_, "Id, as 'gogrid token ls' shows it")->required()->type_name("ID");
    app->footer("Workers that joined with it stay.\n\nExamples:\n  gogrid token rm 0f1e2d3c4b5a6978");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto removed = co_await (*client)->remove_token(id_);
    if (!removed) co_return removed.error();
    print(context, json_object("removed", id_), "Removed the join token " + printable(id_) + ".\n");
    co_return Result<void>();
  }

 private:
  std::string id_;
};

}  // namespace

CommandPtr make_token_create() { return std::make_unique<TokenCreate>(); }
CommandPtr make_token_list() { return std::make_unique<TokenList>(); }
CommandPtr make_token_remove() { return std::make_unique<TokenRemove>(); }

}  // namespace gogrid::cli
