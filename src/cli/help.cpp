// gogrid help
#include "cli/help.hpp"

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

class Help final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    root_ = &parent;
    CLI::App* app = parent.add_subcommand("help", "Tell about a command");
    app->add_option("command", path_, "The command, as it is typed")->type_name("COMMAND");
    app->footer("Examples:\n  gogrid help chat\n  gogrid help model add");
    return app;
  }

  bool has_common_options() const override { return false; }

  asio::awaitable<Result<void>> run(Context& context) override {
    const CLI::App* app = root_;
    for (const std::string& name : path_) {
      const auto found = app->get_subcommands([&name](const CLI::App* it) { return it->check_name(name); });
      if (found.empty())
        co_return Error(ErrorCode::not_found, "there is no command '" + full_name(*app) + " " + name + "'; see '" +
                                                  full_name(*app) + " --help'");
      app = found.front();
    }
    context.terminal().out(help_text(*app));
    co_return Result<void>();
  }

 private:
  const CLI::App* root_ = nullptr;
  std::vector<std::string> path_;
};

}  // namespace

std::string full_name(const CLI::App& app) {
  std::string name = app.get_name();
  for (const CLI::App* parent = app.get_parent(); parent; parent = parent->get_parent())
    name = parent->get_name() + " " + name;
  return name;
}

// Not App::help(), which tells about the command that was parsed.
std::string help_text(const CLI::App& app) {
  return app.get_formatter()->make_help(&app, full_name(app), CLI::AppFormatMode::Normal);
}

CommandPtr make_help() { return std::make_unique<Help>(); }

}  // namespace gogrid::cli
