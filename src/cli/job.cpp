// gogrid job ls | show | cancel | retry | result
#include <spdlog/fmt/fmt.h>
#include <CLI/CLI.hpp>

#include "base/utf8.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/queue_views.hpp"
#include "cli/output_file.hpp"
#include "cli/values.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

class JobList final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("ls", "List jobs, the newest first");
    app->alias("list");
    app->add_option("--state", query_.states, "Only those in these states; several with commas between")
        ->delimiter(',')
        ->check(CLI::IsMember({"queued", "leased", "running", "succeeded", "failed", "cancelled", "expired"})
                    .description(""))
        ->allow_extra_args(false)
        ->type_name("queued|leased|running|succeeded|failed|cancelled|expired");
    app->add_option("-m,--model", query_.model, "Only those for this model")->type_name("NAME");
    app->add_option("--label", labels_, "Only those with this label; repeat for several")
        ->allow_extra_args(false)
        ->type_name("NAME=VALUE");
    app->add_option("--batch", query_.batch, "Only those of this batch")->type_name("ID");
    app->add_option("--limit", query_.limit, "How many")
        ->check(CLI::Range(1, 1000).description(""))
        ->type_name("N")
        ->default_str("20");
    app->add_option("--after", query_.after, "Those that follow this job in the list")->type_name("ID");
    app->add_flag("--all-keys", all_keys_, "Everybody's, with a key that has the scope admin");
    app->footer(
        "DETAIL is why a job waits, or why it failed.\n\n"
        "Examples:\n  gogrid job ls\n  gogrid job ls --state queued,running --label team=research\n"
        "  gogrid job ls --state failed --limit 1000 --json");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    auto labels = parse_pairs(labels_, "--label");
    if (!labels) co_return context.wrong_usage(labels.error().detail);
    query_.labels = std::move(*labels);
    if (all_keys_) query_.key = "all";
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto jobs = co_await (*client)->jobs(query_);
    if (!jobs) co_return jobs.error();
    std::string text = show_list(jobs->value.items, context.view());
    if (!jobs->value.next.empty()) text += "More: --after " + printable(jobs->value.next) + "\n";
    print(context, jobs->json, text);
    co_return Result<void>();
  }

 private:
  client::JobQuery query_;
  std::vector<std::string> labels_;
  bool all_keys_ = false;
};

class JobShow final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("show", "Everything about one job: why it waits, and every attempt at it");
    app->add_option("job", id_, "Id, as 'gogrid job ls' shows it")->required()->type_name("ID");
    app->footer("Examples:\n  gogrid job show job_0f1e2d3c4b5a6978");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto job = co_await (*client)->job(id_);
    if (!job) co_return job.error();
    print(context, job->json, show_one(job->value, context.view()));
    co_return Result<void>();
  }

 private:
  std::string id_;
};

// Cancels or retries each of several jobs; one that cannot be does not stop the others.
class JobChange : public Command {
 public:
  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    std::size_t failures = 0;
    for (const std::string& id : ids_) {
      const auto job = co_await change(**client, id);
      if (job) {
        print(context, job->json, done_text(printable(id)));
        continue;
      }
      // Nothing would be another for the rest.
      if (ids_.size() == 1 || !context.reached()) co_return job.error();
      ++failures;
      context.terminal().error(printable(id + ": " + job.error().detail) + "\n");
    }
    if (failures == 0) co_return Result<void>();
    co_return Error(ErrorCode::conflict, fmt::format("{} of {} jobs are as they were", failures, ids_.size()));
  }

 protected:
  virtual asio::awaitable<Result<client::Answer<client::Job>>> change(client::CoordinatorClient& client,
                                                                      std::string id) = 0;
  virtual std::string done_text(const std::string& id) const = 0;
  void add_ids(CLI::App& app) {
    app.add_option("jobs", ids_, "Ids, as 'gogrid job ls' shows them")->required()->type_name("ID");
  }

 private:
  std::vector<std::string> ids_;
};

class JobCancel final : public JobChange {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("cancel", "Cancel jobs, also ones that run");
    add_ids(*app);
    app->footer(
        "Examples:\n  gogrid job cancel job_0f1e2d3c4b5a6978\n"
        "  gogrid job ls --state queued --json | jq -r '.data[].id' | xargs gogrid job cancel");
    return app;
  }

 private:
  asio::awaitable<Result<client::Answer<client::Job>>> change(client::CoordinatorClient& client,
                                                              std::string id) override {
    return client.cancel_job(std::move(id));
  }
  std::string done_text(const std::string& id) const override { return "Cancelled the job " + id + ".\n"; }
};

class JobRetry final : public JobChange {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("retry", "Queue jobs again that failed, expired or were cancelled");
    add_ids(*app);
    app->footer("Examples:\n  gogrid job retry job_0f1e2d3c4b5a6978");
    return app;
  }

 private:
  asio::awaitable<Result<client::Answer<client::Job>>> change(client::CoordinatorClient& client,
                                                              std::string id) override {
    return client.retry_job(std::move(id));
  }
  std::string done_text(const std::string& id) const override { return "Queued the job " + id + " again.\n"; }
};

class JobResult final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("result", "Print the answer of a job that succeeded, as the engine gave it");
    app->add_option("job", id_, "Id, as 'gogrid job ls' shows it")->required()->type_name("ID");
    app->add_option("-o,--output", path_, "Write it to this file; standard output if left out")->type_name("FILE");
    app->footer(
        "Examples:\n  gogrid job result job_0f1e2d3c4b5a6978 | jq -r '.choices[0].message.content'\n"
        "  gogrid job result job_0f1e2d3c4b5a6978 -o answer.json");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    OutputFile output(context.terminal());
    if (const auto opened = output.open(path_); !opened) co_return opened.error();
    client::BodySink sink = [&output](std::string_view bytes) { return output.write(bytes); };
    const auto head = co_await (*client)->job_result(id_, std::move(sink));
    if (!head) co_return head.error();
    co_return output.finish();
  }

 private:
  std::string id_;
  std::string path_;
};

}  // namespace

CommandPtr make_job_list() { return std::make_unique<JobList>(); }
CommandPtr make_job_show() { return std::make_unique<JobShow>(); }
CommandPtr make_job_cancel() { return std::make_unique<JobCancel>(); }
CommandPtr make_job_retry() { return std::make_unique<JobRetry>(); }
CommandPtr make_job_result() { return std::make_unique<JobResult>(); }

}  // namespace gogrid::cli
