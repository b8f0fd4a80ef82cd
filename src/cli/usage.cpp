// gogrid usage
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/formatter/queue_views.hpp"
#include "cli/values.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

class Usage final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("usage", "Requests and tokens by day, key and model");
    app->add_option("--from", query_.from, "First day (UTC): 2026-11-28")->type_name("DAY");
    app->add_option("--to", query_.to, "Last day (UTC)")->type_name("DAY");
    app->add_option("--key", query_.key, "Only this key's; its id, as 'gogrid key ls' shows it")->type_name("ID");
    app->add_option("--by", by_, "Put together what has the same day, key or model")
        ->check(CLI::IsMember({"day", "key", "model"}).description(""))
        ->type_name("day|key|model");
    app->footer(
        "A key with the scope admin sees everybody's, other keys their own. JSON has every row, whatever --by says.\n\n"
        "Examples:\n  gogrid usage\n  gogrid usage --from 2026-11-01 --to 2026-11-30 --by key");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    for (const auto& [day, what] : {std::pair(query_.from, "--from"), std::pair(query_.to, "--to")}) {
      if (day.empty()) continue;
      if (const auto checked = parse_day(day, what); !checked) co_return context.wrong_usage(checked.error().detail);
    }
    // Days as texts are in order.
    if (!query_.from.empty() && !query_.to.empty() && query_.to < query_.from)
      co_return context.wrong_usage("--from is after --to");
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto rows = co_await (*client)->usage(query_);
    if (!rows) co_return rows.error();
    print(context, rows->json, show_usage(rows->value, grouping(), context.view()));
    co_return Result<void>();
  }

 private:
  UsageBy grouping() const {
    if (by_ == "day") return UsageBy::day;
    if (by_ == "key") return UsageBy::key;
    return by_ == "model" ? UsageBy::model : UsageBy::all;
  }

  client::UsageQuery query_;
  std::string by_;
};

}  // namespace

CommandPtr make_usage() { return std::make_unique<Usage>(); }

}  // namespace gogrid::cli
