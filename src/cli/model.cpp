// gogrid model add | ls | show | rm
#include <CLI/CLI.hpp>

#include "cli/add_file.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/views.hpp"
#include "domain/model.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

class ModelAdd final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("add", "Upload a model file (GGUF), from where workers fetch it");
    app->add_option("file", path_, "The model, one .gguf file")->required()->type_name("FILE");
    app->add_option("--name", request_.name, "What requests call it; the file's name if left out")->type_name("NAME");
    app->add_option("--kind", request_.model_kind, "What it is for; the file says, if left out")
        ->check(CLI::IsMember({"chat", "embedding", "rerank"}).description(""))
        ->type_name("chat|embedding|rerank");
    app->add_option("--context", request_.context_tokens, "Tokens of context for each request")
        ->check(CLI::Range(std::int64_t{1}, domain::max_context_tokens).description(""))
        ->type_name("TOKENS");
    app->add_option("--slots", request_.slots, "Requests that one worker runs at once")
        ->check(CLI::Range(std::int64_t{1}, domain::max_slots).description(""))
        ->type_name("N");
    app->footer(
        "The file's header is checked before anything is sent. An upload that broke off goes on where it stopped: run "
        "the same\n"
        "command again. Bytes the coordinator already has are not sent twice.\n\n"
        "Examples:\n  gogrid model add llama-3.2-3b-q4_k_m.gguf --name small\n  gogrid model add bge-m3.gguf --kind "
        "embedding");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto checked_name = name_to_add(context, request_.name, std::filesystem::path(path_).stem().string());
    if (!checked_name) co_return checked_name.error();
    auto file = open_to_add(path_);
    if (!file) co_return file.error();
    if (const auto checked = check_model(*file, path_); !checked) co_return checked.error();
    const auto client = context.client();
    if (!client) co_return client.error();
    request_.kind = "model";
    request_.name = *checked_name;
    const auto added = co_await add_file(context, **client, *file, request_);
    if (!added) co_return added.error();
    const auto model = co_await (*client)->model(request_.name);
    if (!model) co_return model.error();
    const std::string name = printable(model->value.name);
    print(context, model->json,
          "Added the model " + name + ". Workers fetch it now; 'gogrid worker ls' shows how far they are.\n");
    co_return Result<void>();
  }

 private:
  std::string path_;
  client::UploadRequest request_;
};

class ModelList final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("ls", "List the models");
    app->alias("list");
    app->footer("READY is how many workers have a model running, of how many are to.\n\nExamples:\n  gogrid model ls");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto models = co_await (*client)->models();
    if (!models) co_return models.error();
    print(context, models->json, show_list(models->value, context.view()));
    co_return Result<void>();
  }
};

class ModelShow final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("show", "Everything about one model");
    app->add_option("model", name_, "Name or id")->required()->type_name("NAME");
    app->footer("Examples:\n  gogrid model show small");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto model = co_await (*client)->model(name_);
    if (!model) co_return model.error();
    print(context, model->json, show_one(model->value, context.view()));
    co_return Result<void>();
  }

 private:
  std::string name_;
};

class ModelRemove final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("rm", "Remove a model from the coordinator and all workers");
    app->add_option("model", name_, "Name or id")->required()->type_name("NAME");
    app->add_flag("-y,--yes", yes_, "Do not ask");
    app->footer("On a terminal it asks first.\n\nExamples:\n  gogrid model rm small");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    if (!confirm(context.terminal(), "Remove the model " + printable(name_) + " and its file from the coordinator?",
                 yes_)) {
      co_return Error(ErrorCode::invalid_argument, "nothing was removed");
    }
    const auto removed = co_await (*client)->remove_model(name_);
    if (!removed) co_return removed.error();
    print(context, json_object("removed", name_), "Removed the model " + printable(name_) + ".\n");
    co_return Result<void>();
  }

 private:
  std::string name_;
  bool yes_ = false;
};

}  // namespace

CommandPtr make_model_add() { return std::make_unique<ModelAdd>(); }
CommandPtr make_model_list() { return std::make_unique<ModelList>(); }
CommandPtr make_model_show() { return std::make_unique<ModelShow>(); }
CommandPtr make_model_remove() { return std::make_unique<ModelRemove>(); }

}  // namespace gogrid::cli
