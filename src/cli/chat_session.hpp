// A conversation on a terminal: lines typed by a person, answers streamed, both kept as the context of what follows.
// One a command, on the executor's thread; reading a line blocks it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "cli/chat_answer.hpp"
#include "cli/context.hpp"
#include "client/chat.hpp"

namespace gogrid::cli {

class ChatSession {
 public:
  // `request` has the model, the options, and the system message if there is one.
  ChatSession(Context& context, client::CoordinatorClient& client, client::ChatRequest request, bool verbose);

  // Until the person leaves. Failed answers are shown and the conversation goes on.
  boost::asio::awaitable<Result<void>> run();

 private:
  enum class Next { ask_again, answer, leave };

  // Reads what was typed, over several lines if they end in a backslash, and does what "/…" lines say.
  Next take_input();
  Next do_command(const std::string& line);
  boost::asio::awaitable<void> answer();

  Context& context_;
  client::CoordinatorClient& client_;
  client::ChatRequest request_;
  // Messages that /clear keeps.
  std::size_t kept_messages_;
  bool verbose_;
  bool interrupted_before_ = false;
};

}  // namespace gogrid::cli
