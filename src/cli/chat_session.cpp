#include "cli/chat_session.hpp"

#include <optional>

#include "base/task_group.hpp"
#include "base/utf8.hpp"
#include "cli/formatter/text.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

constexpr const char* help = R"(  /clear         forget the conversation
  /model NAME    go on with another model; without a name: show which it is
  /help          this
  /exit          leave, as Ctrl-D does
Ctrl-C stops an answer. A line that ends with \ goes on in the next one.
)";

struct Attempt {
  // Empty: the answer was stopped.
  std::optional<Result<void>> outcome;
};

asio::awaitable<void> attempt_answer(Context& context, client::CoordinatorClient& client, client::ChatRequest request,
                                     AnswerPrinter& printer, bool verbose, Attempt& attempt) {
  attempt.outcome = co_await stream_answer(context, client, std::move(request), printer, verbose);
}

}  // namespace

ChatSession::ChatSession(Context& context, client::CoordinatorClient& client, client::ChatRequest request, bool verbose)
    : context_(context),
      client_(client),
      request_(std::move(request)),
      kept_messages_(request_.messages.size()),
      verbose_(verbose) {}

asio::awaitable<Result<void>> ChatSession::run() {
  context_.terminal().error("Chatting with " + printable(request_.model) + ". /help tells more, Ctrl-D leaves.\n");
  for (;;) {
    const Next next = take_input();
    if (next == Next::leave) co_return Result<void>();
    if (next == Next::answer) co_await answer();
  }
}

ChatSession::Next ChatSession::take_input() {
  std::string text;
  for (;;) {
    const Terminal::Line line = context_.terminal().read_line(text.empty() ? ">>> " : "... ", true);
    if (line.kind == Terminal::Line::Kind::end) {
      context_.terminal().error("\n");
      return Next::leave;
    }
    if (line.kind == Terminal::Line::Kind::interrupted) {
      if (interrupted_before_) return Next::leave;
      interrupted_before_ = true;
      context_.terminal().error("Ctrl-C again, or Ctrl-D, leaves.\n");
      return Next::ask_again;
    }
    interrupted_before_ = false;
    const bool goes_on = line.text.ends_with('\\');
    text += goes_on ? line.text.substr(0, line.text.size() - 1) + "\n" : line.text;
    if (!goes_on) break;
  }
  if (text.find_first_not_of(" \t\n") == std::string::npos) return Next::ask_again;
  if (text.starts_with('/')) return do_command(text);
  request_.messages.push_back({"user", std::move(text)});
  return Next::answer;
}

ChatSession::Next ChatSession::do_command(const std::string& line) {
  const auto space = line.find(' ');
  const std::string name = line.substr(0, space);
  const auto argument_at = space == std::string::npos ? space : line.find_first_not_of(' ', space);
  Terminal& terminal = context_.terminal();
  if (name == "/exit" || name == "/quit" || name == "/bye") return Next::leave;
  if (name == "/clear") {
    request_.messages.resize(kept_messages_);
    terminal.error("Forgotten.\n");
  } else if (name == "/model") {
    if (argument_at != std::string::npos) request_.model = line.substr(argument_at);
    terminal.error("Model: " + printable(request_.model) + "\n");
  } else {
    if (name != "/help") terminal.error("There is no " + printable(name) + ".\n");
    terminal.error(help);
  }
  return Next::ask_again;
}

asio::awaitable<void> ChatSession::answer() {
  AnswerPrinter printer(context_.terminal(), context_.view().colour);
  Attempt attempt;
  // A group of its own, so that Ctrl-C ends this answer and nothing else.
  TaskGroup tasks(context_.executor());
  {
    const Interrupts::Scope in_charge(context_.interrupts(), [&tasks] { tasks.cancel(); });
    tasks.spawn("answer", attempt_answer(context_, client_, request_, printer, verbose_, attempt));
    co_await tasks.wait();
  }
  const bool stopped = !attempt.outcome || (!*attempt.outcome && attempt.outcome->error().code == ErrorCode::cancelled);
  if (stopped) {
    printer.finish();
    context_.terminal().error("(stopped)\n");
  } else if (!*attempt.outcome) {
    context_.terminal().error(styled(Style::red, "gogrid:", context_.colour_on_error()) + " " +
                              printable(attempt.outcome->error().detail) + "\n");
  }
  if (printer.answer().empty()) {
    // Nothing came: the question can be asked again.
    request_.messages.pop_back();
  } else {
    request_.messages.push_back({"assistant", printer.answer()});
  }
}

}  // namespace gogrid::cli
