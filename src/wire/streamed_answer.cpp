#include "wire/streamed_answer.hpp"

#include <nlohmann/json.hpp>

namespace gogrid::wire {
namespace {

using Json = nlohmann::ordered_json;
using Choice = StreamedAnswer::Choice;
using ItemKind = StreamedAnswer::ItemKind;

// Events are read once so much of them waits.
constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::size_t max_kept_bytes = 16 * 1024 * 1024;
// More than any engine answers with; indices are hostile.
constexpr std::uint32_t max_choices = 1024;
constexpr std::size_t max_tools = 1024;

std::string text_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

const Json& object_at(const Json& object, const char* name) {
  static const Json none = Json::object();
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : none;
}

void add_content(Choice& choice, std::string_view text) {
  if (text.empty()) return;
  choice.content += text;
  choice.ends.push_back(static_cast<std::uint32_t>(choice.content.size()));
}

void add_names(const Json& event, StreamedAnswer& answer) {
  for (const char* name : {"id", "model", "system_fingerprint"}) {
    if (answer.text_names.contains(name)) continue;
    std::string text = text_at(event, name);
    if (!text.empty()) answer.text_names.emplace(name, std::move(text));
  }
  if (answer.created == 0) answer.created = number_at(event, "created");
}

bool add_tool_deltas(const Json& deltas, Choice& choice) {
  for (const Json& delta : deltas) {
    if (!delta.is_object()) return false;
    const std::uint64_t index = number_at(delta, "index");
    if (index > choice.tools.size() || index >= max_tools) return false;
    if (index == choice.tools.size()) choice.tools.emplace_back();
    auto& tool = choice.tools[index];
    const Json& function = object_at(delta, "function");
    if (std::string id = text_at(delta, "id"); !id.empty()) tool.id = std::move(id);
    if (std::string name = text_at(function, "name"); !name.empty()) tool.name = std::move(name);
    tool.arguments += text_at(function, "arguments");
  }
  return true;
}

// Chat completions and completions.
bool add_openai(const Json& event, StreamedAnswer& answer) {
  add_names(event, answer);
  const auto choices = event.find("choices");
  if (choices == event.end() || !choices->is_array()) return event.contains("error");
  for (const Json& part : *choices) {
    const std::uint64_t index = part.is_object() ? number_at(part, "index") : max_choices;
    if (index >= max_choices) return false;
    Choice& choice = answer.choices[static_cast<std::uint32_t>(index)];
    choice.begun = true;
    add_content(choice, text_at(part, "text"));
    const Json& delta = object_at(part, "delta");
    add_content(choice, text_at(delta, "content"));
    choice.reasoning += text_at(delta, "reasoning_content");
    const auto tools = delta.find("tool_calls");
    if (tools != delta.end() && tools->is_array() && !add_tool_deltas(*tools, choice)) return false;
    if (!text_at(part, "finish_reason").empty()) choice.finished = true;
  }
  return true;
}

bool add_messages(const Json& event, StreamedAnswer& answer) {
  const std::string type = text_at(event, "type");
  Choice& choice = answer.only();
  choice.begun = true;
  if (type == "content_block_start") {
    const Json& block = object_at(event, "content_block");
    const std::string kind = text_at(block, "type");
    if (answer.items.size() >= max_tools) return false;
    answer.items.emplace_back();
    answer.items.back().kind = kind == "tool_use"   ? ItemKind::tool
                               : kind == "thinking" ? ItemKind::reasoning
                                                    : ItemKind::text;
    if (kind == "tool_use") choice.tools.push_back({text_at(block, "id"), text_at(block, "name"), ""});
  } else if (type == "content_block_delta") {
    const Json& delta = object_at(event, "delta");
    add_content(choice, text_at(delta, "text"));
    choice.reasoning += text_at(delta, "thinking");
    const std::string arguments = text_at(delta, "partial_json");
    if (!arguments.empty() && choice.tools.empty()) return false;
    if (!arguments.empty()) choice.tools.back().arguments += arguments;
  } else if (type == "content_block_stop") {
    const auto index = event.find("index");
    if (index != event.end() && index->is_number_unsigned() && index->get<std::uint64_t>() < answer.items.size())
      answer.items[index->get<std::size_t>()].told.insert(type);
  } else if (type == "message_delta") {
    choice.finished = true;
  } else if (type == "message_stop") {
    answer.ended = true;
  }
  return true;
}

bool add_responses(const Json& event, StreamedAnswer& answer) {
  const std::string type = text_at(event, "type");
  Choice& choice = answer.only();
  choice.begun = true;
  if (type == "response.created") {
    answer.text_names["id"] = text_at(object_at(event, "response"), "id");
  } else if (type == "response.output_item.added") {
    const Json& item = object_at(event, "item");
    const std::string kind = text_at(item, "type");
    if (answer.items.size() >= max_tools) return false;
    answer.items.push_back({kind == "function_call" ? ItemKind::tool
                            : kind == "reasoning"   ? ItemKind::reasoning
                                                    : ItemKind::text,
                            text_at(item, "id"), text_at(item, "call_id")});
    if (kind == "function_call") choice.tools.push_back({text_at(item, "call_id"), text_at(item, "name"), ""});
  } else if (type == "response.content_part.added") {
    if (!answer.items.empty()) answer.items.back().told.insert(type);
  } else if (type == "response.output_text.delta") {
    add_content(choice, text_at(event, "delta"));
  } else if (type.starts_with("response.reasoning") && type.ends_with(".delta")) {
    choice.reasoning += text_at(event, "delta");
  } else if (type == "response.function_call_arguments.delta") {
    if (choice.tools.empty()) return false;
    choice.tools.back().arguments += text_at(event, "delta");
  } else if (type.ends_with(".done")) {
    std::string id = text_at(event, "item_id");
    if (id.empty()) id = text_at(object_at(event, "item"), "id");
    for (auto& item : answer.items) {
      if (item.id == id) item.told.insert(type);
    }
  } else if (type == "response.completed") {
    choice.finished = true;
    answer.ended = true;
  }
  return true;
}

}  // namespace

bool add_event(InferenceEndpoint endpoint, const Json& event, StreamedAnswer& answer) {
  // llama-server sends "null" for a token that is no text yet.
  if (!event.is_object()) return event.is_null();
  switch (endpoint) {
    case InferenceEndpoint::messages:
      return add_messages(event, answer);
    case InferenceEndpoint::responses:
      return add_responses(event, answer);
    default:
      return add_openai(event, answer);
  }
}

void AnswerRecord::feed(std::string_view events) {
  if (lost_) return;
  unread_ += events;
  if (unread_.size() >= read_bytes) read();
}

const StreamedAnswer& AnswerRecord::answer() {
  read();
  return answer_;
}

void AnswerRecord::read() {
  const std::size_t count = for_each_event(unread_, [this](std::string_view data) {
    if (lost_) return;
    kept_bytes_ += data.size();
    if (data == "[DONE]") {
      answer_.ended = true;
      return;
    }
    const Json event = Json::parse(data, nullptr, false);
    lost_ = event.is_discarded() || !add_event(endpoint_, event, answer_) || kept_bytes_ > max_kept_bytes;
  });
  unread_.erase(0, count);
  if (unread_.size() > max_kept_bytes) lost_ = true;
  if (lost_) {
    unread_ = std::string();
    answer_ = {};
  }
}

}  // namespace gogrid::wire
