// gogrid status
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/formatter/views.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

class Status final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("status", "What the coordinator has: workers, models, requests");
    app->footer("Needs a key with the scope admin.\n\nExamples:\n  gogrid status\n  gogrid status --json");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto status = co_await (*client)->status();
    if (!status) co_return status.error();
    print(context, status->json, show_one(status->value, (*client)->server().url(), context.view()));
    co_return Result<void>();
  }
};

}  // namespace

CommandPtr make_status() { return std::make_unique<Status>(); }

}  // namespace gogrid::cli
