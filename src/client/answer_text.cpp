#include "client/answer_text.hpp"

#include "client/read_json.hpp"

namespace gogrid::client {
namespace {

using nlohmann::json;

// The texts of [{"text": …}, …] one after the other: contents of Anthropic's answers and of OpenAI's Responses.
std::optional<std::string> text_of_parts(const json& parts) {
  std::optional<std::string> text;
  if (!parts.is_array()) return text;
  for (const json& part : parts) {
    if (const json& piece = member(part, "text"); piece.is_string())
      text = text.value_or("") + piece.get<std::string>();
  }
  return text;
}

std::optional<std::string> text_of_answer(const json& answer) {
  if (const json& choices = member(answer, "choices"); choices.is_array() && !choices.empty()) {
    const json& content = member(member(choices.front(), "message"), "content");
    if (content.is_string()) return content.get<std::string>();
    if (const json& text = member(choices.front(), "text"); text.is_string()) return text.get<std::string>();
    return std::nullopt;
  }
  if (const json& output = member(answer, "output"); output.is_array()) {
    std::optional<std::string> text;
    for (const json& item : output) {
      // What a reasoning model thinks before is no part of its answer.
      if (text_of(member(item, "type")) != "message") continue;
      if (const auto piece = text_of_parts(member(item, "content"))) text = text.value_or("") + *piece;
    }
    return text;
  }
  return text_of_parts(member(answer, "content"));
}

}  // namespace

std::optional<std::string> answer_text(std::string_view body) {
  const auto parsed = parse_object(body);
  if (!parsed) return std::nullopt;
  return text_of_answer(*parsed);
}

}  // namespace gogrid::client
