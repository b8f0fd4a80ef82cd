#include "wire/continuation.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "base/utf8.hpp"

namespace gogrid::wire {
namespace {

using Json = nlohmann::ordered_json;
using Choice = StreamedAnswer::Choice;

constexpr std::array<const char*, 4> limit_names{"max_tokens", "max_completion_tokens", "max_output_tokens",
                                                 "n_predict"};
constexpr std::uint32_t max_choices = 128;
constexpr std::string_view content_mark = "gogrid-content-mark";
constexpr std::string_view call_mark = "gogrid_call_mark_";
// Tokens do not depend on more of what stands before them: engines split text into words first.
constexpr std::size_t context_bytes = 256;

bool is_set(const Json& request, const char* name) {
  const auto found = request.find(name);
  return found != request.end() && !found->is_null();
}

std::uint32_t count_at(const Json& request, const char* name) {
  const auto found = request.find(name);
  if (found == request.end() || !found->is_number_integer()) return 1;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(found->get<std::int64_t>(), 1, max_choices));
}

// A text or a list of tokens is one prompt; a list of those is several.
bool has_several_prompts(const Json& prompt) {
  if (!prompt.is_array() || prompt.empty()) return false;
  return std::all_of(prompt.begin(), prompt.end(), [](const Json& one) { return one.is_string() || one.is_array(); });
}

std::string mark_of(std::size_t call) { return std::string(call_mark) + std::to_string(call) + "_"; }

// A JSON object with one member: where it begins and ends around its name.
std::optional<std::pair<std::size_t, std::size_t>> object_around(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == text.npos) return std::nullopt;
  const std::size_t begin = text.rfind('{', at);
  const std::size_t end = text.find('}', at);
  if (begin == text.npos || end == text.npos) return std::nullopt;
  return std::pair(begin, end + 1);
}

// Nothing but white space and the quote of its name.
bool is_plain_object(std::string_view object, std::string_view name) {
  for (const char c : object.substr(1, object.find(name) - 1)) {
    if (c != ' ' && c != '\n' && c != '\t' && c != '"') return false;
  }
  return true;
}

std::string piece_of(const Json& token) {
  const auto piece = token.find("piece");
  if (piece == token.end()) return "";
  if (piece->is_string()) return piece->get<std::string>();
  // What is no text alone comes as a list of bytes.
  std::string bytes;
  if (!piece->is_array()) return bytes;
  for (const Json& byte : *piece) {
    if (!byte.is_number_unsigned() || byte.get<std::uint64_t>() > 255) return "";
    bytes.push_back(static_cast<char>(byte.get<std::uint64_t>()));
  }
  return bytes;
}

}  // namespace

bool can_continue(InferenceEndpoint endpoint) {
  return endpoint == InferenceEndpoint::chat_completions || endpoint == InferenceEndpoint::completions ||
         endpoint == InferenceEndpoint::responses || endpoint == InferenceEndpoint::messages;
}

Continuation::Continuation(InferenceEndpoint endpoint, std::string_view body)
    : endpoint_(endpoint), request_(Json::parse(body, nullptr, false)) {
  if (!request_.is_object()) request_ = Json::object();
  if (endpoint != InferenceEndpoint::chat_completions && endpoint != InferenceEndpoint::completions) return;
  choices_of_prompt_ = count_at(request_, "n");
  choices_ = choices_of_prompt_;
  if (endpoint == InferenceEndpoint::completions && is_set(request_, "prompt") &&
      has_several_prompts(request_["prompt"])) {
    choices_ *= static_cast<std::uint32_t>(std::min<std::size_t>(request_["prompt"].size(), max_choices));
  }
}

bool Continuation::greedy() const {
  const auto temperature = request_.find("temperature");
  if (temperature != request_.end() && temperature->is_number() && temperature->get<double>() <= 0) return true;
  const auto top_k = request_.find("top_k");
  return top_k != request_.end() && top_k->is_number_integer() && top_k->get<std::int64_t>() == 1;
}

bool Continuation::has_grammar() const {
  for (const char* name : {"grammar", "json_schema", "tools", "functions", "text", "output_format"}) {
    if (is_set(request_, name)) return true;
  }
  const auto format = request_.find("response_format");
  if (format == request_.end() || !format->is_object()) return false;
  const auto type = format->find("type");
  return type != format->end() && *type != "text";
}

bool Continuation::has_stop() const { return is_set(request_, "stop") || is_set(request_, "stop_sequences"); }

std::optional<std::string> Continuation::written(const Choice& sent, std::string_view tool_format) const {
  if (endpoint_ == InferenceEndpoint::completions) {
    // Its grammar would begin anew.
    if (has_grammar()) return std::nullopt;
    return sent.content;
  }
  if (!sent.reasoning.empty() && endpoint_ != InferenceEndpoint::chat_completions) return std::nullopt;
  if (!sent.reasoning.empty() && sent.content.empty() && !sent.tools.empty()) return std::nullopt;
  std::string text = sent.content;
  if (sent.tools.empty()) return text;

  const std::string rendered = prompt_in(tool_format).value_or("");
  std::size_t before = rendered.find(content_mark);
  if (before == rendered.npos) return std::nullopt;
  before += content_mark.size();
  for (std::size_t call = 0; call < sent.tools.size(); ++call) {
    // Its name alone is not enough to go on from: the engine writes the call again.
    if (sent.tools[call].arguments.empty()) return call + 1 == sent.tools.size() ? std::optional(text) : std::nullopt;
    const auto object = object_around(rendered, mark_of(call));
    if (!object || object->first < before) return std::nullopt;
    const std::string_view arguments = std::string_view(rendered).substr(object->first, object->second - object->first);
    if (!is_plain_object(arguments, mark_of(call))) return std::nullopt;
    text += rendered.substr(before, object->first - before);
    text += sent.tools[call].arguments;
    before = object->second;
  }
  return text;
}

std::string Continuation::tool_format_question(const Choice& sent) {
  Json calls = Json::array();
  Json tools = Json::array();
  for (std::size_t call = 0; call < sent.tools.size(); ++call) {
    const std::string& name = sent.tools[call].name;
    calls.push_back({{"type", "function"},
                     {"id", "call00000"},
                     {"function", {{"name", name}, {"arguments", Json{{mark_of(call), 1}}.dump()}}}});
    tools.push_back(
        {{"type", "function"},
         {"function", {{"name", name}, {"parameters", {{"type", "object"}, {"properties", Json::object()}}}}}});
  }
  const Json question{{"messages",
                       {{{"role", "user"}, {"content", "?"}},
                        {{"role", "assistant"}, {"content", content_mark}, {"tool_calls", std::move(calls)}},
                        {{"role", "tool"}, {"tool_call_id", "call00000"}, {"content", "!"}}}},
                      {"tools", std::move(tools)}};
  return question.dump();
}

Json Continuation::for_choice(std::uint32_t choice) const {
  Json request = request_;
  request.erase("n");
  request.erase("n_cmpl");
  if (choices_ > choices_of_prompt_) {
    const Json prompt = request_["prompt"].at(choice / choices_of_prompt_);
    request["prompt"] = prompt;
  }
  return request;
}

bool Continuation::is_complete(std::uint64_t tokens) const {
  for (const char* name : limit_names) {
    const auto limit = request_.find(name);
    if (limit == request_.end() || !limit->is_number_integer() || limit->get<std::int64_t>() <= 0) continue;
    if (tokens >= limit->get<std::uint64_t>()) return true;
  }
  return false;
}

std::string Continuation::anew(std::uint32_t choice) const { return for_choice(choice).dump(); }

std::string Continuation::go_on(std::uint32_t choice, const Choice& sent, const std::string& written,
                                std::uint64_t sent_tokens, unsigned migrations) const {
  Json request = for_choice(choice);
  for (const char* name : limit_names) {
    const auto limit = request.find(name);
    if (limit == request.end() || !limit->is_number_integer()) continue;
    const std::int64_t tokens = limit->get<std::int64_t>();
    if (tokens > 0) *limit = std::max<std::int64_t>(tokens - static_cast<std::int64_t>(sent_tokens), 0);
  }
  // Another place in the same sequence of chances, not the same chances again.
  const auto seed = request.find("seed");
  if (seed != request.end() && seed->is_number_integer() && seed->get<std::int64_t>() >= 0)
    *seed = (seed->get<std::uint64_t>() + choice + migrations) % std::numeric_limits<std::int32_t>::max();

  if (endpoint_ == InferenceEndpoint::completions) {
    Json& prompt = request["prompt"];
    if (prompt.is_string()) {
      prompt = prompt.get<std::string>() + written;
    } else if (prompt.is_array()) {
      prompt.push_back(written);
    }
    return request.dump();
  }
  if (sent.empty()) return request.dump();
  Json turn{{"role", "assistant"}, {"content", written}};
  Json place = true;
  if (!sent.reasoning.empty()) {
    turn["reasoning_content"] = sent.reasoning;
    if (written.empty()) place = "reasoning_content";
  }
  if (endpoint_ == InferenceEndpoint::responses) {
    turn = {{"type", "message"}, {"role", "assistant"}, {"content", {{{"type", "output_text"}, {"text", written}}}}};
    Json& input = request["input"];
    if (input.is_string()) input = Json::array({{{"role", "user"}, {"content", input}}});
    input.push_back(std::move(turn));
  } else {
    request["messages"].push_back(std::move(turn));
  }
  request["continue_final_message"] = std::move(place);
  request["add_generation_prompt"] = false;
  return request.dump();
}

std::optional<std::string> Continuation::prompt_question(const std::string& go_on_body) const {
  if (endpoint_ != InferenceEndpoint::chat_completions) return std::nullopt;
  return go_on_body;
}

std::optional<std::string> Continuation::prompt_text(std::uint32_t choice, const std::string& written) const {
  const Json request = for_choice(choice);
  const auto prompt = request.find("prompt");
  if (prompt == request.end() || !prompt->is_string()) return std::nullopt;
  return prompt->get<std::string>() + written;
}

std::optional<std::string> prompt_in(std::string_view template_answer) {
  const Json answer = Json::parse(template_answer, nullptr, false);
  if (!answer.is_object() || !answer.contains("prompt") || !answer["prompt"].is_string()) return std::nullopt;
  return answer["prompt"].get<std::string>();
}

std::string near_the_end(std::string_view prompt, std::size_t written_bytes) {
  const std::size_t begin_of_answer = prompt.size() - std::min(written_bytes, prompt.size());
  std::size_t begin = begin_of_answer - std::min(begin_of_answer, context_bytes);
  while (begin < begin_of_answer && (static_cast<unsigned char>(prompt[begin]) & 0xC0) == 0x80)
    ++begin;
  return std::string(prompt.substr(begin));
}

std::string tokenize_question(const std::string& text) {
  const Json question{{"content", text}, {"add_special", false}, {"parse_special", true}, {"with_pieces", true}};
  return question.dump();
}

std::optional<Tokens> compare_tokens(std::string_view tokenize_answer, std::size_t written_bytes,
                                     const std::vector<std::uint32_t>& ends) {
  const Json answer = Json::parse(tokenize_answer, nullptr, false);
  if (!answer.is_object() || !answer.contains("tokens") || !answer["tokens"].is_array()) return std::nullopt;
  std::vector<std::size_t> lengths;
  std::size_t all = 0;
  std::string pieces;
  for (const Json& token : answer["tokens"]) {
    if (!token.is_object()) return std::nullopt;
    const std::string piece = piece_of(token);
    lengths.push_back(piece.size());
    pieces += piece;
    all += piece.size();
  }
  if (all < written_bytes) return std::nullopt;
  Tokens tokens;
  std::vector<std::size_t> boundaries;
  std::size_t at = all;
  for (auto length = lengths.rbegin(); length != lengths.rend() && at > all - written_bytes; ++length) {
    boundaries.push_back(at - (all - written_bytes));
    at -= *length;
    ++tokens.count;
  }
  tokens.same = at == all - written_bytes;
  std::reverse(boundaries.begin(), boundaries.end());
  // An event has several tokens when the bytes of the first ones are no text yet.
  const std::string_view written = std::string_view(pieces).substr(all - written_bytes);
  auto end = ends.begin();
  std::size_t begin = 0;
  for (const std::size_t boundary : boundaries) {
    if (end == ends.end()) break;
    if (boundary == *end) {
      ++end;
      begin = boundary;
    } else if (boundary > *end || is_utf8(written.substr(begin, boundary - begin))) {
      tokens.same = false;
    }
  }
  tokens.same = tokens.same && end == ends.end();
  return tokens;
}

}  // namespace gogrid::wire
