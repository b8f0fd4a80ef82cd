// gogrid audit
#include <CLI/CLI.hpp>

#include "base/utf8.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/queue_views.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

class Audit final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("audit", "What administrators did, the newest first");
    app->add_option("--limit", limit_, "How many entries")
        ->check(CLI::Range(1, 1000).description(""))
        ->type_name("N")
        ->default_str("100");
    app->add_option("--before", before_, "Those before the entry with this number")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 53).description(""))
        ->type_name("NUMBER");
    app->footer(
        "The log is only ever added to. Needs a key with the scope admin.\n\n"
        "Examples:\n  gogrid audit\n  gogrid audit --limit 1000 --json");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto entries = co_await (*client)->audit(limit_, before_);
    if (!entries) co_return entries.error();
    std::string text = show_list(entries->value.items, context.view());
    if (!entries->value.next.empty()) text += "More: --before " + printable(entries->value.next) + "\n";
    print(context, entries->json, text);
    co_return Result<void>();
  }

 private:
  std::int64_t limit_ = 0;
  std::int64_t before_ = 0;
};

}  // namespace

CommandPtr make_audit() { return std::make_unique<Audit>(); }

}  // namespace gogrid::cli
