#include "client/chat.hpp"

#include "client/read_json.hpp"

namespace gogrid::client {
namespace {

using nlohmann::json;

// Several tokens may stand in one event, none in others: the engine's own count is the true one.
void read_summary(const json& event, ChatSummary& summary) {
  const json& usage = member(event, "usage");
  if (const json& count = member(usage, "prompt_tokens"); count.is_number()) summary.prompt_tokens = integer_of(count);
  if (const json& count = member(usage, "completion_tokens"); count.is_number())
    summary.completion_tokens = integer_of(count);
  if (const auto rate = number_of(member(member(event, "timings"), "predicted_per_second")))
    summary.tokens_per_second = rate;
}

}  // namespace

std::string chat_request_body(const ChatRequest& request, bool stream) {
  json body{{"model", request.model}, {"messages", json::array()}};
  for (const ChatMessage& message : request.messages) {
    body["messages"].push_back({{"role", message.role}, {"content", message.content}});
  }
  if (request.temperature) body["temperature"] = *request.temperature;
  if (request.max_tokens) body["max_tokens"] = *request.max_tokens;
  if (stream) {
    body["stream"] = true;
    body["stream_options"] = {{"include_usage", true}};
  }
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<bool> ChatStreamReader::take(std::string_view data, const std::function<void(const ChatDelta&)>& sink) {
  if (data == "[DONE]") return true;
  auto event = parse_object(data);
  if (!event) return Error(ErrorCode::protocol, "the answer's stream holds something that is not JSON");
  if (event->contains("error")) {
    const ApiError error = read_error(data);
    return Error(ErrorCode::unavailable, error.message.empty() ? "the answer broke off with an error" : error.message);
  }
  read_summary(*event, summary_);
  const json& choices = member(*event, "choices");
  if (!choices.is_array() || choices.empty()) return false;
  if (const json& reason = member(choices.front(), "finish_reason"); reason.is_string())
    summary_.finish_reason = text_of(reason);
  const json& delta = member(choices.front(), "delta");
  const ChatDelta piece{text_of(member(delta, "content")), text_of(member(delta, "reasoning_content"))};
  if (!piece.content.empty() || !piece.reasoning.empty()) sink(piece);
  return false;
}

}  // namespace gogrid::client
