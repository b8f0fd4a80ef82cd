// A conversation's turn over /v1/chat/completions: the request, and the stream of its answer. Values, any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace gogrid::client {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

struct ChatRequest {
  std::string model;
  std::vector<ChatMessage> messages;
  std::optional<double> temperature;
  std::optional<std::int64_t> max_tokens;
};

// Text that is not UTF-8 is sent with U+FFFD in place of the wrong bytes, as JSON must be UTF-8.
std::string chat_request_body(const ChatRequest& request, bool stream);

// A piece of the answer; either part may be empty.
struct ChatDelta {
  std::string content;
  // What a reasoning model thinks before it answers.
  std::string reasoning;
};

// What is known once the stream has ended.
struct ChatSummary {
  // "stop", "length", "tool_calls", …; empty if the server did not say.
  std::string finish_reason;
  std::optional<std::int64_t> prompt_tokens;
  std::optional<std::int64_t> completion_tokens;
  // As the engine measured it.
  std::optional<double> tokens_per_second;
};

// Puts the events of an answer together: one take() for each event's data.
class ChatStreamReader {
 public:
  // True once "[DONE]" has come. An error object in the stream is an error with its message; what is not JSON is
  // `protocol`.
  Result<bool> take(std::string_view data, const std::function<void(const ChatDelta&)>& sink);
  const ChatSummary& summary() const { return summary_; }

 private:
  ChatSummary summary_;
};

}  // namespace gogrid::client
