#include "cli/chat_answer.hpp"

#include <spdlog/fmt/fmt.h>

#include <chrono>

#include "base/utf8.hpp"
#include "cli/formatter/text.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;

void AnswerPrinter::write(std::string_view text, Style style) {
  if (text.empty()) return;
  at_line_start_ = text.back() == '\n';
  terminal_.out(to_terminal_ ? styled(style, printable(text, true), colour_) : std::string(text));
}

void AnswerPrinter::take(const client::ChatDelta& delta) {
  if (!delta.reasoning.empty() && to_terminal_) {
    write(delta.reasoning, Style::dim);
    thinking_ = true;
  }
  if (delta.content.empty()) return;
  if (thinking_) write(at_line_start_ ? "\n" : "\n\n", Style::none);
  thinking_ = false;
  answer_ += delta.content;
  write(delta.content, Style::none);
}

void AnswerPrinter::finish() {
  if (!at_line_start_) write("\n", Style::none);
}

std::string answer_figures(const client::ChatSummary& summary, double first_seconds, double all_seconds) {
  std::string text = "[";
  if (summary.completion_tokens) text += fmt::format("{} tokens, ", *summary.completion_tokens);
  text += fmt::format("the first after {:.2f} s", first_seconds);
  std::optional<double> rate = summary.tokens_per_second;
  if (!rate && summary.completion_tokens && *summary.completion_tokens > 1 && all_seconds > first_seconds) {
    rate = static_cast<double>(*summary.completion_tokens - 1) / (all_seconds - first_seconds);
  }
  if (rate) text += fmt::format(", {:.1f} tokens/s", *rate);
  if (summary.finish_reason == "length") text += ", cut at the limit of tokens";
  return text + "]\n";
}

asio::awaitable<Result<void>> stream_answer(Context& context, client::CoordinatorClient& client,
                                            client::ChatRequest request, AnswerPrinter& printer, bool verbose) {
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const auto start = Clock::now();
  double first_seconds = 0;
  std::function<void(const client::ChatDelta&)> sink = [&](const client::ChatDelta& delta) {
    if (first_seconds == 0) first_seconds = seconds_since(start);
    printer.take(delta);
  };
  const auto summary = co_await client.chat(std::move(request), std::move(sink));
  printer.finish();
  if (!summary) co_return summary.error();
  if (verbose) context.terminal().error(answer_figures(*summary, first_seconds, seconds_since(start)));
  co_return Result<void>();
}

asio::awaitable<Result<std::string>> first_chat_model(client::CoordinatorClient& client) {
  const auto models = co_await client.served_models();
  if (!models) co_return models.error();
  const client::ServedModel* chosen = nullptr;
  for (const client::ServedModel& model : models->value) {
    if (!model.kind.empty() && model.kind != "chat") continue;
    if (!chosen || (chosen->replicas_ready == 0 && model.replicas_ready > 0)) chosen = &model;
  }
  if (chosen) co_return chosen->id;
  co_return Error(ErrorCode::not_found, "the coordinator has no model to chat with; add one: gogrid model add FILE");
}

}  // namespace gogrid::cli
