#include "wire/answer_splice.hpp"

#include <algorithm>

namespace gogrid::wire {
namespace {

using Json = nlohmann::ordered_json;
using ItemKind = StreamedAnswer::ItemKind;

constexpr std::size_t max_event_bytes = 4 * 1024 * 1024;
constexpr std::size_t max_items = 1024;

std::string text_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

void add_to(Json& object, const char* name, std::int64_t tokens) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_integer()) return;
  // Whatever an engine says, sums of it stay in their range.
  constexpr std::int64_t most = 1'000'000'000'000;
  *found = std::clamp<std::int64_t>(std::clamp<std::int64_t>(found->get<std::int64_t>(), 0, most) + tokens, 0, most);
}

Error differs() {
  return Error(ErrorCode::conflict, "generated anew, the answer came out differently from what the client has of it");
}

Error nonsense() { return Error(ErrorCode::protocol, "the engine's answer makes no sense"); }

bool is_terminal_response(const std::string& type) {
  return type == "response.completed" || type == "response.incomplete" || type == "response.failed";
}

}  // namespace

AnswerSplice::AnswerSplice(const StreamedAnswer& sent, Options options)
    : options_(options), sent_(sent), choice_(sent_.choices[options.choice]) {
  arguments_at_.resize(choice_.tools.size(), 0);
  has_text_ = options_.complete || std::any_of(sent_.items.begin(), sent_.items.end(), [](const Item& item) {
                return item.told.contains("response.output_text.done");
              });
  if (options_.anew) return;
  content_at_ = choice_.content.size();
  reasoning_at_ = choice_.reasoning.size();
  for (std::size_t i = 0; i < choice_.tools.size(); ++i)
    arguments_at_[i] = choice_.tools[i].arguments.size();
}

Result<void> AnswerSplice::feed(std::string_view bytes, std::string& out) {
  unread_ += bytes;
  Result<void> result;
  const std::size_t count = for_each_event(unread_, [&](std::string_view data) {
    if (result) result = take(data, out);
  });
  unread_.erase(0, count);
  if (result && unread_.size() > max_event_bytes) return nonsense();
  return result;
}

Result<void> AnswerSplice::take(std::string_view data, std::string& out) {
  if (data == "[DONE]") {
    ended_ = true;
    if (options_.last) out += "data: [DONE]\n\n";
    return {};
  }
  Json event = Json::parse(data, nullptr, false);
  if (event.is_null()) return {};
  if (!event.is_object()) return nonsense();
  Result<bool> wanted = false;
  switch (options_.endpoint) {
    case InferenceEndpoint::messages:
      wanted = take_message_event(event, out);
      break;
    case InferenceEndpoint::responses:
      wanted = take_response_event(event);
      break;
    default:
      wanted = take_openai(event);
  }
  if (!wanted) return wanted.error();
  if (*wanted) write(event, out);
  return {};
}

void AnswerSplice::write(const Json& event, std::string& out) const {
  if (options_.endpoint == InferenceEndpoint::messages || options_.endpoint == InferenceEndpoint::responses)
    out += "event: " + text_at(event, "type") + "\n";
  out += "data: ";
  out += event.dump(-1, ' ', false, Json::error_handler_t::replace);
  out += "\n\n";
}

Result<void> AnswerSplice::cut(std::string& text, const std::string& sent, std::size_t& position) const {
  const std::size_t known = std::min(text.size(), sent.size() - std::min(position, sent.size()));
  if (sent.compare(position, known, text, 0, known) != 0) return differs();
  position += known;
  text.erase(0, known);
  return {};
}

// What the new engine counts as its prompt was partly the answer.
void AnswerSplice::correct_usage(Json& usage) const {
  const auto tokens = static_cast<std::int64_t>(options_.sent_tokens);
  add_to(usage, "prompt_tokens", -tokens);
  add_to(usage, "input_tokens", -tokens);
  // An engine that was asked for nothing gives one token all the same.
  const std::int64_t given = options_.complete ? tokens - 1 : tokens;
  add_to(usage, "completion_tokens", given);
  add_to(usage, "output_tokens", given);
  if (options_.complete) add_to(usage, "total_tokens", -1);
}

// ---- OpenAI's chat completions and completions ----

Result<bool> AnswerSplice::take_openai(Json& event) {
  if (event.contains("error")) {
    ended_ = true;
    return true;
  }
  for (const auto& [name, text] : sent_.text_names) {
    if (event.contains(name)) event[name] = text;
  }
  if (sent_.created != 0 && event.contains("created")) event["created"] = sent_.created;
  const auto usage = event.find("usage");
  bool is_last = false;
  if (usage != event.end() && usage->is_object()) {
    correct_usage(*usage);
    is_last = true;
  }
  auto wanted = take_choices(event, is_last);
  // At the end: a member that is added moves the others.
  if (wanted && is_last) event["gogrid"] = {{"migrations", options_.migrations}};
  return wanted;
}

Result<bool> AnswerSplice::take_choices(Json& event, bool& is_last) {
  const auto choices = event.find("choices");
  if (choices == event.end() || !choices->is_array() || choices->empty()) return true;
  Json& choice = choices->front();
  if (!choice.is_object()) return nonsense();
  choice["index"] = options_.choice;
  const bool finishes = !text_at(choice, "finish_reason").empty();
  is_last = is_last || finishes;
  if (options_.complete && !finishes) return false;
  if (const auto text = choice.find("text"); text != choice.end() && text->is_string()) {
    std::string rest = text->get<std::string>();
    const Result<void> fits = cut(rest, choice_.content, content_at_);
    if (!fits) return fits.error();
    const bool empty = rest.empty();
    *text = std::move(rest);
    return finishes || !empty;
  }
  const auto delta = choice.find("delta");
  if (delta == choice.end() || !delta->is_object()) return finishes;
  auto wanted = take_delta(*delta);
  if (!wanted) return wanted.error();
  return finishes || *wanted;
}

Result<bool> AnswerSplice::take_delta(Json& delta) {
  if (choice_.begun) delta.erase("role");
  for (const char* name : {"content", "reasoning_content"}) {
    const auto found = delta.find(name);
    if (found == delta.end()) continue;
    if (!found->is_string()) {
      if (!delta.contains("role")) delta.erase(name);
      continue;
    }
    const bool is_content = std::string_view(name) == "content";
    std::string rest = found->get<std::string>();
    const Result<void> fits =
        is_content ? cut(rest, choice_.content, content_at_) : cut(rest, choice_.reasoning, reasoning_at_);
    if (!fits) return fits.error();
    // It cannot become longer behind what the client has after it.
    const bool is_behind = !choice_.tools.empty() || (!is_content && !choice_.content.empty());
    if (options_.anew && is_behind && !rest.empty()) return differs();
    if (rest.empty()) {
      delta.erase(name);
    } else {
      *found = std::move(rest);
    }
  }
  const auto tools = delta.find("tool_calls");
  if (tools != delta.end() && tools->is_array()) {
    const auto wanted = take_tool_deltas(*tools);
    if (!wanted) return wanted.error();
    if (!*wanted) delta.erase("tool_calls");
  }
  return !delta.empty();
}

Result<bool> AnswerSplice::take_tool_deltas(Json& deltas) {
  Json wanted = Json::array();
  for (Json& delta : deltas) {
    if (!delta.is_object()) return nonsense();
    const std::uint64_t index = number_at(delta, "index");
    if (index >= choice_.tools.size()) {
      wanted.push_back(std::move(delta));
      continue;
    }
    auto& tool = choice_.tools[index];
    const auto function = delta.find("function");
    if (function == delta.end() || !function->is_object()) continue;
    const std::string name = text_at(*function, "name");
    if (!name.empty() && name != tool.name) return differs();
    std::string rest = text_at(*function, "arguments");
    const Result<void> fits = cut(rest, tool.arguments, arguments_at_[index]);
    if (!fits) return fits.error();
    if (!rest.empty()) wanted.push_back({{"index", index}, {"function", {{"arguments", rest}}}});
  }
  deltas = std::move(wanted);
  return !deltas.empty();
}

// ---- Anthropic's messages ----

Result<bool> AnswerSplice::take_message_event(Json& event, std::string& out) {
  const std::string type = text_at(event, "type");
  if (type == "message_start") return false;
  if (type == "content_block_start") return begin_block(event);
  // All of them are ended together, before the message's end.
  if (type == "content_block_stop") return false;
  if (type == "content_block_delta") {
    const auto block = blocks_.find(number_at(event, "index"));
    if (block == blocks_.end()) return nonsense();
    event["index"] = block->second;
    const auto delta = event.find("delta");
    if (delta == event.end() || !delta->is_object()) return nonsense();
    if (options_.complete) return false;
    for (const char* name : {"text", "thinking", "partial_json"}) {
      const auto found = delta->find(name);
      if (found == delta->end() || !found->is_string()) continue;
      std::string rest = found->get<std::string>();
      Result<void> fits;
      if (std::string_view(name) == "text") fits = cut(rest, choice_.content, content_at_);
      if (std::string_view(name) == "thinking") fits = cut(rest, choice_.reasoning, reasoning_at_);
      if (std::string_view(name) == "partial_json" && tool_of_new_ < choice_.tools.size())
        fits = cut(rest, choice_.tools[tool_of_new_].arguments, arguments_at_[tool_of_new_]);
      if (!fits) return fits.error();
      const bool empty = rest.empty();
      *found = std::move(rest);
      return !empty;
    }
    return true;
  }
  if (type == "message_delta") {
    for (std::size_t index = 0; index < sent_.items.size(); ++index)
      if (!sent_.items[index].told.contains("content_block_stop"))
        write(Json{{"type", "content_block_stop"}, {"index", index}}, out);
    if (event.contains("usage") && event["usage"].is_object()) correct_usage(event["usage"]);
    event["gogrid"] = {{"migrations", options_.migrations}};
  }
  if (type == "message_stop" || type == "error") ended_ = true;
  return true;
}

Result<bool> AnswerSplice::begin_block(Json& event) {
  const auto block = event.find("content_block");
  if (block == event.end() || !block->is_object() || blocks_.size() >= max_items) return nonsense();
  const std::string type = text_at(*block, "type");
  const ItemKind kind = type == "tool_use" ? ItemKind::tool : type == "thinking" ? ItemKind::reasoning : ItemKind::text;
  std::size_t place = sent_.items.size();
  if (options_.anew) {
    place = matched_items_++;
    if (place < sent_.items.size() && sent_.items[place].kind != kind) return differs();
    if (kind == ItemKind::tool)
      tool_of_new_ = static_cast<std::size_t>(std::count_if(
          sent_.items.begin(), sent_.items.begin() + static_cast<std::ptrdiff_t>(std::min(place, sent_.items.size())),
          [](const Item& item) { return item.kind == ItemKind::tool; }));
  } else if (matched_items_++ == 0 && !sent_.items.empty() && sent_.items.back().kind == kind) {
    // It goes on with the client's last one.
    place = sent_.items.size() - 1;
    if (kind == ItemKind::tool) tool_of_new_ = choice_.tools.size() - 1;
  } else if (kind == ItemKind::tool) {
    tool_of_new_ = choice_.tools.size();
  }
  blocks_[number_at(event, "index")] = place;
  if (place < sent_.items.size()) {
    const bool other_tool = kind == ItemKind::tool && text_at(*block, "name") != choice_.tools[tool_of_new_].name;
    if (other_tool) return differs();
    return false;
  }
  sent_.items.push_back({kind, "", ""});
  if (kind == ItemKind::tool) {
    tool_of_new_ = choice_.tools.size();
    choice_.tools.push_back({text_at(*block, "id"), text_at(*block, "name"), ""});
    arguments_at_.push_back(0);
  }
  event["index"] = place;
  return true;
}

// ---- OpenAI's Responses ----

Result<bool> AnswerSplice::take_response_event(Json& event) {
  const std::string type = text_at(event, "type");
  if (type == "response.created" || type == "response.in_progress") return false;
  if (type == "response.output_item.added") return begin_item(event);
  if (type == "error") {
    ended_ = true;
    return true;
  }
  if (is_terminal_response(type)) {
    finish_response(event);
    return true;
  }
  const bool ends = type.ends_with(".done");
  if (event.contains("item_id")) {
    Item* const item = item_of(text_at(event, "item_id"));
    if (item == nullptr) return nonsense();
    event["item_id"] = item->id;
    if ((ends || type == "response.content_part.added") && !item->told.insert(type).second) return false;
  }
  if (type.ends_with(".delta")) return take_response_delta(event, type);
  if (type == "response.output_text.done") restore_text(event);
  if (type == "response.content_part.done" && event.contains("part")) restore_text(event["part"]);
  if (type == "response.output_item.done" && event.contains("item") && event["item"].is_object()) {
    Json& item = event["item"];
    Item* const place = item_of(text_at(item, "id"));
    if (place == nullptr || !place->told.insert(type).second) return false;
    item["id"] = place->id;
    if (item.contains("call_id")) item["call_id"] = place->call_id;
    if (place->kind == ItemKind::text) restore_text(item);
  }
  return true;
}

AnswerSplice::Item* AnswerSplice::item_of(const std::string& id) {
  auto known = items_.find(id);
  if (known == items_.end()) {
    // An engine that has nothing to add to the text begins none, and ends it all the same.
    if (options_.anew || !items_.empty()) return nullptr;
    const auto text = std::find_if(sent_.items.begin(), sent_.items.end(),
                                   [](const Item& item) { return item.kind == ItemKind::text; });
    if (text == sent_.items.end()) return nullptr;
    known = items_.emplace(id, static_cast<std::size_t>(text - sent_.items.begin())).first;
  }
  return &sent_.items[known->second];
}

void AnswerSplice::restore_text(Json& part) const {
  if (!has_text_ || !part.is_object()) return;
  if (const auto text = part.find("text"); text != part.end() && text->is_string()) *text = choice_.content;
  const auto content = part.find("content");
  if (content == part.end() || !content->is_array()) return;
  for (Json& one : *content)
    restore_text(one);
}

Result<bool> AnswerSplice::begin_item(Json& event) {
  const auto item = event.find("item");
  if (item == event.end() || !item->is_object() || items_.size() >= max_items) return nonsense();
  const std::string type = text_at(*item, "type");
  const ItemKind kind = type == "function_call" ? ItemKind::tool
                        : type == "reasoning"   ? ItemKind::reasoning
                                                : ItemKind::text;
  std::size_t place = sent_.items.size();
  if (options_.anew) {
    place = matched_items_;
    if (place < sent_.items.size() && sent_.items[place].kind != kind) return differs();
  } else if (kind == ItemKind::text) {
    // There is one at most.
    const auto same = std::find_if(sent_.items.begin(), sent_.items.end(),
                                   [&](const Item& one) { return one.kind == ItemKind::text; });
    place = static_cast<std::size_t>(same - sent_.items.begin());
  } else if (matched_items_ == 0 && !sent_.items.empty() && sent_.items.back().kind == kind) {
    place = sent_.items.size() - 1;
  }
  ++matched_items_;
  items_[text_at(*item, "id")] = place;
  if (kind == ItemKind::tool) {
    tool_of_new_ = static_cast<std::size_t>(std::count_if(sent_.items.begin(),
                                                          sent_.items.begin() + static_cast<std::ptrdiff_t>(place),
                                                          [](const Item& one) { return one.kind == ItemKind::tool; }));
  }
  if (place < sent_.items.size()) {
    if (kind == ItemKind::tool && text_at(*item, "name") != choice_.tools[tool_of_new_].name) return differs();
    return false;
  }
  sent_.items.push_back({kind, text_at(*item, "id"), text_at(*item, "call_id")});
  if (kind == ItemKind::tool) {
    choice_.tools.push_back({text_at(*item, "call_id"), text_at(*item, "name"), ""});
    arguments_at_.push_back(0);
  }
  return true;
}

Result<bool> AnswerSplice::take_response_delta(Json& event, const std::string& type) {
  if (options_.complete || (has_text_ && !options_.anew)) return false;
  std::string rest = text_at(event, "delta");
  Result<void> fits;
  if (type == "response.output_text.delta") {
    fits = cut(rest, choice_.content, content_at_);
  } else if (type == "response.function_call_arguments.delta" && tool_of_new_ < choice_.tools.size()) {
    fits = cut(rest, choice_.tools[tool_of_new_].arguments, arguments_at_[tool_of_new_]);
  } else if (type.starts_with("response.reasoning")) {
    fits = cut(rest, choice_.reasoning, reasoning_at_);
  }
  if (!fits) return fits.error();
  const bool empty = rest.empty();
  event["delta"] = std::move(rest);
  return !empty;
}

void AnswerSplice::finish_response(Json& event) {
  ended_ = true;
  const auto response = event.find("response");
  if (response == event.end() || !response->is_object()) return;
  if (const auto id = sent_.text_names.find("id"); id != sent_.text_names.end()) (*response)["id"] = id->second;
  if (const auto usage = response->find("usage"); usage != response->end() && usage->is_object()) correct_usage(*usage);
  const auto output = response->find("output");
  if (output != response->end() && output->is_array()) {
    // In the order in which the client was told of them.
    std::size_t text = 0;
    std::size_t tool = 0;
    for (Json& item : *output) {
      if (!item.is_object()) continue;
      const bool is_tool = text_at(item, "type") == "function_call";
      if (!is_tool && text_at(item, "type") != "message") continue;
      std::size_t wanted = is_tool ? tool++ : text++;
      for (const Item& place : sent_.items) {
        if (place.kind != (is_tool ? ItemKind::tool : ItemKind::text) || wanted-- != 0) continue;
        item["id"] = place.id;
        if (is_tool) item["call_id"] = place.call_id;
        if (!is_tool) restore_text(item);
        break;
      }
    }
  }
  event["gogrid"] = {{"migrations", options_.migrations}};
}

}  // namespace gogrid::wire
