#include "wire/usage.hpp"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

namespace gogrid::wire {
namespace {

using Counts = StreamUsage::Counts;

// Where long lines are cut: Responses' last event has the whole text before its usage, embeddings have it at once.
constexpr std::size_t beginning_bytes = 1024;
constexpr std::size_t end_bytes = 2048;
// More than any answer has: whatever an engine says, sums of it stay in their range.
constexpr std::uint64_t max_tokens = 1'000'000'000;

// The numbers at the top of one small object.
class Numbers : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ == 1) note(std::min<std::uint64_t>(value, max_tokens));
    return true;
  }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    if (depth_ == 1) key_ = name;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  std::optional<std::uint64_t> prompt;
  std::optional<std::uint64_t> completion;
  // What Anthropic's and llama.cpp's counts of the prompt leave out.
  std::uint64_t cached = 0;

 private:
  static constexpr std::size_t max_depth = 8;

  void note(std::uint64_t value) {
    if (key_ == "prompt_tokens" || key_ == "input_tokens" || key_ == "prompt_n") prompt = value;
    if (key_ == "completion_tokens" || key_ == "output_tokens" || key_ == "predicted_n") completion = value;
    if (key_ == "cache_read_input_tokens" || key_ == "cache_creation_input_tokens" || key_ == "cache_n")
      cached += value;
  }
  bool enter() { return ++depth_ <= max_depth; }
  bool leave() {
    --depth_;
    return true;
  }

  std::size_t depth_ = 0;
  std::string key_;
};

std::string_view skip_space(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

using Searcher = std::boyer_moore_horspool_searcher<std::string_view::const_iterator>;

std::size_t find(std::string_view text, const Searcher& searcher) {
  return static_cast<std::size_t>(std::search(text.begin(), text.end(), searcher) - text.begin());
}

// Takes what the objects under a key say, wherever in the text they stand. A quote inside a text has a backslash before
// it, so that nothing that a person or a model wrote looks like a key.
void take_counts(std::string_view text, std::string_view quoted_key, const Searcher& searcher, Counts& counts) {
  for (;;) {
    text.remove_prefix(find(text, searcher));
    if (text.empty()) return;
    text.remove_prefix(quoted_key.size());
    std::string_view rest = skip_space(text);
    if (!rest.starts_with(':')) continue;
    rest = skip_space(rest.substr(1));
    if (!rest.starts_with('{')) continue;
    Numbers numbers;
    if (!nlohmann::json::sax_parse(rest.begin(), rest.end(), &numbers, nlohmann::json::input_format_t::json, false))
      continue;
    if (numbers.prompt) counts.prompt_tokens = *numbers.prompt + numbers.cached;
    if (numbers.completion) counts.completion_tokens = numbers.completion;
  }
}

void take_usage(std::string_view text, Counts& counts) {
  static constexpr std::string_view key = "\"usage\"";
  static const Searcher searcher(key.begin(), key.end());
  take_counts(text, key, searcher, counts);
}

void take_timings(std::string_view text, Counts& counts) {
  static constexpr std::string_view key = "\"timings\"";
  static const Searcher searcher(key.begin(), key.end());
  take_counts(text, key, searcher, counts);
}

std::optional<domain::Usage> to_usage(const Counts& said, const Counts& timed) {
  const Counts& counts = said.prompt_tokens || said.completion_tokens ? said : timed;
  if (!counts.prompt_tokens && !counts.completion_tokens) return std::nullopt;
  domain::Usage usage;
  usage.prompt_tokens = counts.prompt_tokens.value_or(0);
  usage.completion_tokens = counts.completion_tokens.value_or(0);
  return usage;
}

// Whether a piece of a text, or of a call of a tool, comes with this event.
bool has_content(std::string_view event) {
  static constexpr std::string_view delta = "\"delta\":";
  static constexpr std::string_view text = "\"text\":\"";
  static const Searcher delta_searcher(delta.begin(), delta.end());
  static const Searcher text_searcher(text.begin(), text.end());
  std::string_view rest = event.substr(find(event, delta_searcher));
  if (rest.empty()) {
    // Completions have no delta, and Responses repeat at the end what came in deltas.
    rest = event.substr(find(event, text_searcher));
    return rest.size() > text.size() && rest[text.size()] != '"' && !event.starts_with(R"({"type":)");
  }
  rest.remove_prefix(delta.size());
  if (rest.starts_with('"')) return !rest.starts_with("\"\"");
  for (const std::string_view begun :
       {R"({"content":")", R"({"reasoning_content":")", R"({"tool_calls":[)", R"({"type":")"}) {
    if (rest.starts_with(begun)) return true;
  }
  return false;
}

}  // namespace

std::optional<domain::Usage> read_usage(std::string_view body) {
  Counts said;
  Counts timed;
  take_usage(body, said);
  if (!said.prompt_tokens && !said.completion_tokens) take_timings(body, timed);
  return to_usage(said, timed);
}

void StreamUsage::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (end == bytes.npos) return hold(part);
    bytes.remove_prefix(end + 1);
    if (held_.empty()) {
      take_line(part);
      continue;
    }
    hold(part);
    take_line(held_);
    held_.clear();
  }
}

void StreamUsage::take_line(std::string_view line) {
  if (!line.starts_with("data:")) return;
  const std::string_view event = skip_space(line.substr(5));
  take_usage(event, said_);
  take_timings(event, timed_);
  if (has_content(event)) ++events_;
}

void StreamUsage::hold(std::string_view bytes) {
  if (held_.size() < beginning_bytes) {
    const std::string_view first = bytes.substr(0, beginning_bytes - held_.size());
    held_ += first;
    bytes.remove_prefix(first.size());
  }
  if (bytes.empty()) return;
  if (bytes.size() > end_bytes) {
    held_.resize(beginning_bytes);
    held_ += '\0';
    bytes.remove_prefix(bytes.size() - end_bytes);
  }
  held_ += bytes;
  // Now and then, so that what is kept is moved seldom.
  if (held_.size() <= beginning_bytes + 2 * end_bytes) return;
  held_.erase(beginning_bytes, held_.size() - end_bytes - beginning_bytes);
  held_.insert(beginning_bytes, 1, '\0');
}

std::optional<domain::Usage> StreamUsage::usage() const {
  Counts said = said_;
  Counts timed = timed_;
  take_usage(held_, said);
  take_timings(held_, timed);
  if (auto usage = to_usage(said, timed)) {
    // Anthropic's say 0 at the beginning; this one was cut off before its end.
    if (usage->completion_tokens == 0) usage->completion_tokens = events_;
    return usage;
  }
  if (events_ == 0) return std::nullopt;
  domain::Usage usage;
  usage.completion_tokens = events_;
  return usage;
}

}  // namespace gogrid::wire
