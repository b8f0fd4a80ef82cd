// gogrid key create | ls | revoke
#include <CLI/CLI.hpp>

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
    app->add_flag("-q,--quiet", quiet_, "Print only the key");
    app->footer(
        "Examples:\n  gogrid key create laptop\n  gogrid key create ci --expires 90d\n  gogrid key create ops --scope "
        "admin --scope inference");
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
    app->footer("Examples:\n  gogrid key ls");
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
CommandPtr make_key_revoke() { return std::make_unique<KeyRevoke>(); }

}  // namespace gogrid::cli
