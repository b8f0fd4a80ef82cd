// gogrid model ls | show | set | rm
#include <CLI/CLI.hpp>

#include <algorithm>

#include "base/utf8.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/views.hpp"
#include "cli/model_options.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

class ModelList final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("ls", "List the models");
    app->alias("list");
    app->add_option("--tag", tags_, "Only those with this tag; repeat for several")
        ->allow_extra_args(false)
        ->type_name("WORD");
    app->footer(
        "READY is how many workers have a model running, of how many are to.\n\nExamples:\n  gogrid model ls\n"
        "  gogrid model ls --tag code");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    auto models = co_await (*client)->models();
    if (!models) co_return models.error();
    if (!tags_.empty()) keep_tagged(*models);
    print(context, models->json, show_list(models->value, context.view()));
    co_return Result<void>();
  }

 private:
  bool has_tags(const std::vector<std::string>& tags) const {
    return std::all_of(tags_.begin(), tags_.end(),
                       [&](const std::string& tag) { return std::find(tags.begin(), tags.end(), tag) != tags.end(); });
  }
  void keep_tagged(client::Answer<std::vector<client::Model>>& models) const {
    auto json = nlohmann::ordered_json::parse(models.json, nullptr, false);
    if (json.is_object() && json.contains("data") && json["data"].is_array() &&
        json["data"].size() == models.value.size()) {
      auto kept = nlohmann::ordered_json::array();
      for (std::size_t i = 0; i < models.value.size(); ++i) {
        if (has_tags(models.value[i].tags)) kept.push_back(json["data"][i]);
      }
      json["data"] = std::move(kept);
      models.json = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    }
    std::erase_if(models.value, [this](const client::Model& model) { return !has_tags(model.tags); });
  }

  std::vector<std::string> tags_;
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

class ModelSet final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("set", "Change how a model is served");
    app->add_option("model", name_, "Name, alias or id")->required()->type_name("NAME");
    options_.add_changes_to(*app);
    app->footer(
        "What is not given stays as it is; --tag and --label replace all that it had. Workers that have the model load "
        "it anew\n"
        "where that is needed, when nothing runs.\n\n"
        "Examples:\n  gogrid model set small --context 16384 --kv-type q8_0\n"
        "  gogrid model set large --label gpu=yes --idle-timeout 30m\n  gogrid model set large --any-worker");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    if (options_.empty())
      co_return context.wrong_usage("there is nothing to change: give an option, as in --context 16384");
    const auto settings = options_.settings();
    if (!settings) co_return context.wrong_usage(settings.error().detail);
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto model = co_await (*client)->change_model(name_, *settings);
    if (!model) co_return model.error();
    print(context, model->json, show_one(model->value, context.view()));
    co_return Result<void>();
  }

 private:
  std::string name_;
  ModelOptions options_;
};

class ModelRemove final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("rm", "Remove a model from the coordinator and all workers");
    app->add_option("model", name_, "Name or id")->required()->type_name("NAME");
    app->add_flag("-y,--yes", yes_, "Do not ask");
    app->footer(
        "Files that other models have too stay. A model that aliases point at is not removed. On a terminal it asks "
        "first.\n\nExamples:\n  gogrid model rm small");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    if (!confirm(context.terminal(), "Remove the model " + printable(name_) + " and its files from the coordinator?",
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

CommandPtr make_model_list() { return std::make_unique<ModelList>(); }
CommandPtr make_model_show() { return std::make_unique<ModelShow>(); }
CommandPtr make_model_set() { return std::make_unique<ModelSet>(); }
CommandPtr make_model_remove() { return std::make_unique<ModelRemove>(); }

}  // namespace gogrid::cli
