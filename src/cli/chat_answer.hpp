// Asks for one answer and prints it as it comes: what `gogrid chat` does once or many times. On the executor's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "cli/context.hpp"
#include "client/chat.hpp"

namespace gogrid::cli {

// Prints pieces of an answer. On a terminal what could steer it is made harmless and thinking is shown dim; elsewhere
// only the answer itself goes out, byte for byte.
class AnswerPrinter {
 public:
  AnswerPrinter(Terminal& terminal, bool colour)
      : terminal_(terminal), to_terminal_(terminal.output_is_terminal()), colour_(colour) {}

  ~AnswerPrinter() { finish(); }
  AnswerPrinter(const AnswerPrinter&) = delete;
  AnswerPrinter& operator=(const AnswerPrinter&) = delete;

  void take(const client::ChatDelta& delta);
  // Ends the line, if one was begun.
  void finish();
  // The answer, without the thinking.
  const std::string& answer() const { return answer_; }

 private:
  void write(std::string_view text, Style style);

  Terminal& terminal_;
  bool to_terminal_;
  bool colour_;
  std::string answer_;
  bool thinking_ = false;
  bool at_line_start_ = true;
};

// "[42 tokens, the first after 0.31 s, 18.2 tokens/s]" and a newline.
std::string answer_figures(const client::ChatSummary& summary, double first_seconds, double all_seconds);

// Streams the answer to `printer`. With `verbose` the figures follow on standard error.
boost::asio::awaitable<Result<void>> stream_answer(Context& context, client::CoordinatorClient& client,
                                                   client::ChatRequest request, AnswerPrinter& printer, bool verbose);

// The first model a chat can use, one that is ready if there is one.
boost::asio::awaitable<Result<std::string>> first_chat_model(client::CoordinatorClient& client);

}  // namespace gogrid::cli
