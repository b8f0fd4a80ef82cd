#include "cli/wait.hpp"

#include <spdlog/fmt/fmt.h>

#include <memory>

#include "base/utf8.hpp"
#include "cli/formatter/queue_views.hpp"
#include "cli/progress.hpp"
#include "cli/status_line.hpp"
#include "client/follow.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

std::string break_note(const Error& error, std::chrono::milliseconds pause) {
  return fmt::format("{}; trying again in {}", printable(error.detail),
                     format_duration(std::chrono::ceil<std::chrono::seconds>(pause)));
}

}  // namespace

Result<WaitLimit> parse_limit(Context& context, const std::string& text) {
  if (text.empty()) return WaitLimit();
  const auto seconds = parse_duration_seconds(text, "--timeout");
  if (!seconds) return context.wrong_usage(seconds.error().detail);
  return WaitLimit(std::chrono::seconds(*seconds));
}

asio::awaitable<Result<client::Answer<client::Job>>> wait_for_job(Context& context, client::CoordinatorClient& client,
                                                                  std::string id, std::string remark) {
  StatusLine line(context.terminal());
  const std::string prefix = remark.empty() ? "" : remark + "  ";
  client::Follow<client::Job> follow;
  follow.id = std::move(id);
  follow.on_news = [&line, &prefix](const client::Job& job) { line.show(prefix + job_line(job)); };
  follow.on_break = [&line](const Error& error, std::chrono::milliseconds pause) {
    line.note(break_note(error, pause));
  };
  co_return co_await client::follow_job(client, std::move(follow));
}

asio::awaitable<Result<client::Answer<client::Batch>>> wait_for_batch(Context& context,
                                                                      client::CoordinatorClient& client,
                                                                      std::string id) {
  // Made when the number of lines is known: while a batch is being read it is not.
  std::unique_ptr<Progress> progress;
  client::Follow<client::Batch> follow;
  follow.id = std::move(id);
  follow.on_news = [&](const client::Batch& batch) {
    if (!progress && batch.total > 0) {
      progress = std::make_unique<Progress>(context.terminal(), "Running", static_cast<std::uint64_t>(batch.total),
                                            ProgressUnit::lines);
    }
    if (!progress) return;
    std::string remark = batch.failed > 0 ? fmt::format("{} failed", batch.failed) : "";
    if (batch.status != "in_progress") remark += (remark.empty() ? "" : ", ") + batch.status;
    progress->set_remark(std::move(remark));
    progress->update(static_cast<std::uint64_t>(batch.completed + batch.failed));
  };
  follow.on_break = [&](const Error& error, std::chrono::milliseconds pause) {
    const std::string note = break_note(error, pause);
    if (progress) {
      progress->note(note);
    } else {
      context.terminal().error(note + "\n");
    }
  };
  co_return co_await client::follow_batch(client, std::move(follow));
}

Result<void> batch_verdict(Context& context, const client::Batch& batch) {
  if (batch.status == "completed" && batch.failed == 0) return {};
  std::string text = "the batch " + batch.id;
  if (batch.status == "completed") {
    text = fmt::format("{} of {} lines failed; see 'gogrid batch result {} --errors FILE'", batch.failed, batch.total,
                       batch.id);
  } else if (batch.status == "cancelled" || batch.status == "expired") {
    text += fmt::format(" {} with {} of {} lines done", batch.status == "expired" ? "expired" : "was cancelled",
                        batch.completed, batch.total);
  } else {
    text += " " + batch.status;
    if (!batch.errors.empty()) text += ": " + batch.errors.front().message;
    text += "; see 'gogrid batch show " + batch.id + "'";
  }
  return context.fails_with(ExitCode::not_succeeded, text);
}

}  // namespace gogrid::cli
