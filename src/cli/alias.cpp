// gogrid model alias ls | set | rm
#include <CLI/CLI.hpp>

#include "base/utf8.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/views.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

class AliasList final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("ls", "List the aliases, and the models that they stand for");
    app->alias("list");
    app->footer("Examples:\n  gogrid model alias ls");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto aliases = co_await (*client)->aliases();
    if (!aliases) co_return aliases.error();
    print(context, aliases->json, show_list(aliases->value, context.view()));
    co_return Result<void>();
  }
};

class AliasSet final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("set", "Make an alias, or point it at another model");
    app->add_option("alias", name_, "What requests may say")->required()->type_name("ALIAS");
    app->add_option("model", target_, "A model, or another alias")->required()->type_name("NAME");
    app->footer(
        "Requests that name the alias get the model that it points at when they come; jobs, when they are queued. A "
        "key "
        "that\nmay use the alias needs not be allowed the model itself.\n\n"
        "Examples:\n  gogrid model alias set fast small\n  gogrid model alias set default fast");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto alias = co_await (*client)->set_alias(name_, target_);
    if (!alias) co_return alias.error();
    std::string text = printable(name_) + " stands for " + printable(target_);
    if (alias->value.model != target_) text += ", which is " + printable(alias->value.model) + " now";
    print(context, alias->json, text + ".\n");
    co_return Result<void>();
  }

 private:
  std::string name_;
  std::string target_;
};

class AliasRemove final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("rm", "Remove an alias; its model stays");
    app->add_option("alias", name_, "Its name")->required()->type_name("ALIAS");
    app->footer("Examples:\n  gogrid model alias rm fast");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto removed = co_await (*client)->remove_alias(name_);
    if (!removed) co_return removed.error();
    print(context, json_object("removed", name_), "Removed the alias " + printable(name_) + ".\n");
    co_return Result<void>();
  }

 private:
  std::string name_;
};

}  // namespace

CommandPtr make_alias_list() { return std::make_unique<AliasList>(); }
CommandPtr make_alias_set() { return std::make_unique<AliasSet>(); }
CommandPtr make_alias_remove() { return std::make_unique<AliasRemove>(); }

}  // namespace gogrid::cli
