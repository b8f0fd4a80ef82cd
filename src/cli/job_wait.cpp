// gogrid job wait
#include <spdlog/fmt/fmt.h>
#include <CLI/CLI.hpp>

#include "base/utf8.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/queue_views.hpp"
#include "cli/wait.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

class JobWait final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("wait", "Wait until jobs are over, and show how they stand meanwhile");
    app->add_option("jobs", ids_, "Ids, as 'gogrid job ls' shows them")->required()->type_name("ID");
    app->add_option("--timeout", timeout_, "Wait no longer: 30s, 10m, 2h")->type_name("TIME");
    app->footer(
        "Exit code: 0 when every job succeeded, 6 when one did not, 7 when the time was up. Ctrl-C stops waiting; the "
        "jobs go on.\n\n"
        "Examples:\n  gogrid job wait job_0f1e2d3c4b5a6978\n"
        "  gogrid job wait --timeout 10m job_0f1e2d3c4b5a6978 && gogrid job result job_0f1e2d3c4b5a6978");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto limit = parse_limit(context, timeout_);
    if (!limit) co_return limit.error();
    const auto client = context.client();
    if (!client) co_return client.error();
    auto waited = co_await run_stoppable(context, wait_for_all(context, **client), *limit);
    co_return outcome_of(context, std::move(waited), ids_.size() == 1 ? "the job " + ids_.front() : "what is left");
  }

 private:
  // One after the other: the last one's end is the end of all.
  asio::awaitable<Result<void>> wait_for_all(Context& context, client::CoordinatorClient& client) {
    std::size_t failures = 0;
    std::string last_failure;
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      std::string remark = ids_.size() > 1 ? fmt::format("{} of {}", i + 1, ids_.size()) : "";
      const auto job = co_await wait_for_job(context, client, ids_[i], std::move(remark));
      if (!job) co_return job.error();
      print(context, job->json, text_of(job->value));
      if (job->value.state == "succeeded") continue;
      ++failures;
      last_failure = job_outcome(job->value);
    }
    if (failures == 0) co_return Result<void>();
    if (ids_.size() > 1) last_failure = fmt::format("{} of {} jobs did not succeed", failures, ids_.size());
    co_return context.fails_with(ExitCode::not_succeeded, last_failure);
  }

  static std::string text_of(const client::Job& job) { return printable(job.id + " " + job.state) + "\n"; }

  std::vector<std::string> ids_;
  std::string timeout_;
};

}  // namespace

CommandPtr make_job_wait() { return std::make_unique<JobWait>(); }

}  // namespace gogrid::cli
