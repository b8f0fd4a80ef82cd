// gogrid engine add | ls | rm
#include <CLI/CLI.hpp>

#include "base/utf8.hpp"
#include "cli/add_file.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/views.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

// "gogrid-engine-cpu.tar.zst" without its endings.
std::string without_endings(const std::filesystem::path& path) {
  std::string name = path.filename().string();
  for (const std::string_view ending : {".zst", ".tar"}) {
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  }
  return name;
}

class EngineAdd final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("add", "Upload an engine bundle; workers of its target use it from then on");
    app->add_option("file", path_, "The bundle that engine/build made, a .tar.zst file")->required()->type_name("FILE");
    app->add_option("--name", request_.name, "For you to know it by; the file's name if left out")->type_name("NAME");
    app->footer(
        "An upload that broke off goes on where it stopped: run the same command again.\n\n"
        "Examples:\n  gogrid engine add gogrid-engine-cpu-linux-x86_64.tar.zst");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto name = name_to_add(context, request_.name, without_endings(path_));
    if (!name) co_return name.error();
    auto file = open_to_add(path_);
    if (!file) co_return file.error();
    if (const auto checked = check_engine(*file, path_); !checked) co_return checked.error();
    const auto client = context.client();
    if (!client) co_return client.error();
    request_.kind = "engine";
    request_.name = *name;
    const auto added = co_await add_file(context, **client, *file, request_);
    if (!added) co_return added.error();
    const std::string text = "Added the engine bundle " + printable(request_.name) +
                             ". Workers fetch it now; 'gogrid worker ls' shows how far they are.\n";
    print(context, json_object("id", *added), text);
    co_return Result<void>();
  }

 private:
  std::string path_;
  client::UploadRequest request_;
};

class EngineList final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("ls", "List the engine bundles");
    app->alias("list");
    app->footer("The newest bundle for a target is the one in use.\n\nExamples:\n  gogrid engine ls");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto engines = co_await (*client)->engines();
    if (!engines) co_return engines.error();
    print(context, engines->json, show_list(engines->value, context.view()));
    co_return Result<void>();
  }
};

class EngineRemove final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("rm", "Remove an engine bundle");
    app->add_option("engine", name_, "Name or id")->required()->type_name("NAME");
    app->add_flag("-y,--yes", yes_, "Do not ask");
    app->footer(
        "Workers that run it change to the newest one left for their target. On a terminal it asks first.\n\n"
        "Examples:\n  gogrid engine rm gogrid-engine-cpu-linux-x86_64");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    if (!confirm(context.terminal(), "Remove the engine bundle " + printable(name_) + "?", yes_)) {
      co_return Error(ErrorCode::invalid_argument, "nothing was removed");
    }
    const auto removed = co_await (*client)->remove_engine(name_);
    if (!removed) co_return removed.error();
    print(context, json_object("removed", name_), "Removed the engine bundle " + printable(name_) + ".\n");
    co_return Result<void>();
  }

 private:
  std::string name_;
  bool yes_ = false;
};

}  // namespace

CommandPtr make_engine_add() { return std::make_unique<EngineAdd>(); }
CommandPtr make_engine_list() { return std::make_unique<EngineList>(); }
CommandPtr make_engine_remove() { return std::make_unique<EngineRemove>(); }

}  // namespace gogrid::cli
