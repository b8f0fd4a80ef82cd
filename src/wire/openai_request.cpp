#include "wire/openai_request.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "wire/prompt_reader.hpp"

namespace gogrid::wire {
namespace {

using Types = unsigned;
constexpr Types is_null = 1;
constexpr Types is_boolean = 2;
constexpr Types is_integer = 4;
constexpr Types is_fraction = 8;
constexpr Types is_string = 16;
constexpr Types is_array = 32;
constexpr Types is_object = 64;
constexpr Types is_number = is_integer | is_fraction;

struct Field {
  std::string_view name;
  Types types;
  bool required = false;
  // An array of this type must have an element, and each must be one of `elements` (0: anything).
  bool not_empty = false;
  Types elements = 0;
  PromptPart prompt = PromptPart::none;
};

// Optional fields may be null: SDKs send it for "not set".
constexpr Field model_field{"model", is_string, true};
constexpr Field stream_field{"stream", is_boolean | is_null};
constexpr Field tools_field{"tools", is_array | is_null, false, false, is_object, PromptPart::tools};
constexpr Field messages_field{"messages", is_array, true, true, is_object, PromptPart::turns};
// Whichever of them an API has.
constexpr std::array<std::string_view, 3> max_tokens_names{"max_tokens", "max_completion_tokens", "max_output_tokens"};
constexpr Field temperature_field{"temperature", is_number | is_null};
constexpr Field top_p_field{"top_p", is_number | is_null};

constexpr std::array chat_fields{
    model_field,
    messages_field,
    stream_field,
    Field{"stream_options", is_object | is_null},
    temperature_field,
    top_p_field,
    Field{"n", is_integer | is_null},
    Field{"max_tokens", is_integer | is_null},
    Field{"max_completion_tokens", is_integer | is_null},
    Field{"stop", is_string | is_array | is_null, false, false, is_string},
    Field{"presence_penalty", is_number | is_null},
    Field{"frequency_penalty", is_number | is_null},
    Field{"logit_bias", is_object | is_array | is_null},
    Field{"logprobs", is_boolean | is_integer | is_null},
    Field{"top_logprobs", is_integer | is_null},
    Field{"seed", is_integer | is_null},
    Field{"user", is_string | is_null},
    tools_field,
    Field{"tool_choice", is_string | is_object | is_null},
    Field{"parallel_tool_calls", is_boolean | is_null},
    Field{"response_format", is_object | is_null},
};

constexpr std::array completion_fields{
    model_field,
    Field{"prompt", is_string | is_array | is_object, true, true, 0, PromptPart::text},
    stream_field,
    Field{"stream_options", is_object | is_null},
    temperature_field,
    top_p_field,
    Field{"n", is_integer | is_null},
    Field{"best_of", is_integer | is_null},
    Field{"max_tokens", is_integer | is_null},
    Field{"stop", is_string | is_array | is_null, false, false, is_string},
    Field{"presence_penalty", is_number | is_null},
    Field{"frequency_penalty", is_number | is_null},
    Field{"logit_bias", is_object | is_array | is_null},
    Field{"logprobs", is_boolean | is_integer | is_null},
    Field{"echo", is_boolean | is_null},
    Field{"suffix", is_string | is_null},
    Field{"seed", is_integer | is_null},
    Field{"user", is_string | is_null},
};

constexpr std::array embedding_fields{
    model_field,
    Field{"input", is_string | is_array, true, true, 0, PromptPart::counted},
    Field{"encoding_format", is_string | is_null},
    Field{"dimensions", is_integer | is_null},
    Field{"user", is_string | is_null},
};

constexpr std::array rerank_fields{
    model_field,
    Field{"query", is_string, true, false, 0, PromptPart::counted},
    Field{"documents", is_array, true, true, is_string | is_object, PromptPart::counted},
    Field{"top_n", is_integer | is_null},
    Field{"return_documents", is_boolean | is_null},
};

constexpr std::array response_fields{
    model_field,
    Field{"input", is_string | is_array, true, true, 0, PromptPart::turns},
    stream_field,
    Field{"instructions", is_string | is_null, false, false, 0, PromptPart::instructions},
    temperature_field,
    top_p_field,
    Field{"max_output_tokens", is_integer | is_null},
    tools_field,
    Field{"tool_choice", is_string | is_object | is_null},
    Field{"parallel_tool_calls", is_boolean | is_null},
    Field{"previous_response_id", is_string | is_null},
    Field{"text", is_object | is_null},
    Field{"reasoning", is_object | is_null},
    Field{"metadata", is_object | is_null},
    Field{"store", is_boolean | is_null},
};

constexpr std::array message_fields{
    model_field,
    messages_field,
    stream_field,
    Field{"max_tokens", is_integer | is_null},
    Field{"system", is_string | is_array | is_null, false, false, 0, PromptPart::instructions},
    temperature_field,
    top_p_field,
    Field{"top_k", is_integer | is_null},
    Field{"stop_sequences", is_array | is_null, false, false, is_string},
    tools_field,
    Field{"tool_choice", is_object | is_null},
    Field{"thinking", is_object | is_null},
    Field{"metadata", is_object | is_null},
};

// Of each element of "messages".
constexpr Field role_field{"role", is_string, true};
constexpr Field content_field{"content", is_string | is_array | is_null, false, false, is_object | is_string};

std::span<const Field> fields_of(InferenceEndpoint endpoint) {
  switch (endpoint) {
    case InferenceEndpoint::chat_completions:
      return chat_fields;
    case InferenceEndpoint::completions:
      return completion_fields;
    case InferenceEndpoint::embeddings:
      return embedding_fields;
    case InferenceEndpoint::rerank:
      return rerank_fields;
    case InferenceEndpoint::responses:
      return response_fields;
    case InferenceEndpoint::messages:
    case InferenceEndpoint::count_tokens:
      return message_fields;
  }
  return chat_fields;
}

std::string describe(Types types) {
  std::vector<const char*> names;
  if ((types & is_string) != 0) names.push_back("a string");
  if ((types & is_number) == is_number) {
    names.push_back("a number");
  } else if ((types & is_integer) != 0) {
    names.push_back("an integer");
  }
  if ((types & is_boolean) != 0) names.push_back("a boolean");
  if ((types & is_array) != 0) names.push_back("an array");
  if ((types & is_object) != 0) names.push_back("an object");
  if (names.empty()) names.push_back("null");
  std::string text = names.front();
  for (std::size_t i = 1; i < names.size(); ++i)
    text += (i + 1 == names.size() ? " or " : ", ") + std::string(names[i]);
  return text;
}

// Follows the document by its events and keeps what matters: where it is, down to the fields of messages.
class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Reader(std::span<const Field> fields) : fields_(fields), seen_(fields.size(), false) {}

  bool null() override {
    if (!take(is_null)) return false;
    if (depth_ == 1) prompt_.begin(PromptPart::none);
    prompt_.scalar(0);
    return true;
  }
  bool boolean(bool value) override {
    if (depth_ == 1 && field_ != nullptr && field_->name == "stream") request.stream = value;
    if (!take(is_boolean)) return false;
    prompt_.scalar(value ? 2 : 1);
    return true;
  }
  bool number_integer(number_integer_t value) override {
    if (!take(is_integer)) return false;
    prompt_.scalar(static_cast<std::uint64_t>(value));
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (!take(is_integer)) return false;
    note_max_tokens(value);
    prompt_.scalar(value);
    return true;
  }
  bool number_float(number_float_t value, const string_t&) override {
    // 1.0 and 1e3 are integers to many writers of JSON.
    const bool whole = value > -9e15 && value < 9e15 && value == static_cast<double>(static_cast<std::int64_t>(value));
    if (!take(whole ? is_integer : is_fraction)) return false;
    if (whole && value >= 0) note_max_tokens(static_cast<std::uint64_t>(value));
    prompt_.scalar(std::bit_cast<std::uint64_t>(value));
    return true;
  }
  bool string(string_t& value) override {
    if (depth_ == 1 && field_ != nullptr && field_->name == "model") request.model = value;
    if (depth_ == 1 && field_ != nullptr && field_->not_empty && value.empty() && problem.code.empty())
      empty_field_ = field_;
    if (depth_ == 1 && field_ != nullptr && field_->not_empty && !value.empty()) empty_field_ = nullptr;
    if (!take(is_string)) return false;
    prompt_.text(value);
    return true;
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return take(is_object) && enter(Level{}); }
  bool start_array(std::size_t) override {
    if (!take(is_array)) return false;
    Level level;
    level.array = true;
    return enter(level);
  }
  bool key(string_t& name) override {
    if (depth_ == 1) {
      field_ = nullptr;
      for (std::size_t i = 0; i < fields_.size(); ++i) {
        if (fields_[i].name != name) continue;
        field_ = &fields_[i];
        seen_[i] = true;
      }
      return true;
    }
    prompt_.key(name);
    if (in_message()) {
      message_field_ = name == role_field.name ? &role_field : name == content_field.name ? &content_field : nullptr;
      if (message_field_ == &role_field) role_seen_ = true;
    }
    return true;
  }
  bool end_object() override {
    if (in_message() && !role_seen_) {
      return fail("missing_field", "'" + path() + ".role' is missing", path() + ".role");
    }
    leave();
    return true;
  }
  bool end_array() override {
    if (depth_ == 2 && field_ != nullptr && field_->not_empty) empty_field_ = levels_[1].count == 0 ? field_ : nullptr;
    leave();
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return fail("invalid_json", "the request's body is not valid JSON (at byte " + std::to_string(position) + ")", "");
  }

  // After the end of a whole document.
  void read_prompt() {
    request.prefixes = prompt_.take_prefixes();
    request.prompt_tokens = prompt_.tokens();
  }

  // After the end: what a whole document can still lack.
  void check_required() {
    if (!problem.code.empty()) return;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (!fields_[i].required || seen_[i]) continue;
      const std::string name(fields_[i].name);
      fail("missing_field", "'" + name + "' is missing", name);
      return;
    }
    if (empty_field_ != nullptr) {
      fail("invalid_value", "'" + std::string(empty_field_->name) + "' must not be empty",
           std::string(empty_field_->name));
    } else if (request.model.empty() || request.model.size() > max_model_name_bytes) {
      fail("invalid_value", "'model' must be a name of 1 to " + std::to_string(max_model_name_bytes) + " bytes",
           "model");
    }
  }

  InferenceRequest request;
  RequestProblem problem;

 private:
  struct Level {
    bool array = false;
    std::size_t count = 0;
  };
  // Levels below are not told apart.
  static constexpr std::size_t known_levels = 4;

  bool in_messages() const { return field_ != nullptr && field_->name == "messages"; }
  // Inside messages[i] itself.
  bool in_message() const { return depth_ == 3 && in_messages() && !levels_[2].array; }

  // A value of this type stands here.
  bool take(Types type) {
    if (depth_ == 0) {
      return type == is_object || fail("invalid_json", "the request's body must be a JSON object", "");
    }
    if (depth_ <= known_levels && levels_[depth_ - 1].array) ++levels_[depth_ - 1].count;
    if (depth_ == 1) prompt_.begin(field_ != nullptr ? field_->prompt : PromptPart::none);
    if (depth_ == 1 && field_ != nullptr) {
      return (field_->types & type) != 0 || wrong_type(std::string(field_->name), field_->types);
    }
    if (depth_ == 2 && field_ != nullptr && levels_[1].array && field_->elements != 0) {
      return (field_->elements & type) != 0 || wrong_type(path(), field_->elements);
    }
    if (in_message() && message_field_ != nullptr) {
      return (message_field_->types & type) != 0 ||
             wrong_type(path() + "." + std::string(message_field_->name), message_field_->types);
    }
    return true;
  }

  bool enter(Level level) {
    if (depth_ >= max_json_depth) {
      return fail("invalid_json",
                  "the request's body is nested deeper than " + std::to_string(max_json_depth) + " levels", "");
    }
    if (depth_ < known_levels) levels_[depth_] = level;
    if (depth_ > 0) prompt_.open(level.array);
    ++depth_;
    if (in_message()) {
      role_seen_ = false;
      message_field_ = nullptr;
    }
    return true;
  }

  void leave() {
    prompt_.close();
    --depth_;
  }

  void note_max_tokens(std::uint64_t value) {
    if (depth_ != 1 || field_ == nullptr) return;
    if (std::find(max_tokens_names.begin(), max_tokens_names.end(), field_->name) == max_tokens_names.end()) return;
    const std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    request.max_tokens = static_cast<std::uint32_t>(std::min(value, most));
  }

  // "messages[2]": the element of the top field's array that is being read.
  std::string path() const { return std::string(field_->name) + "[" + std::to_string(levels_[1].count - 1) + "]"; }

  bool wrong_type(const std::string& where, Types wanted) {
    return fail("invalid_type", "'" + where + "' must be " + describe(wanted), where);
  }

  bool fail(std::string code, std::string message, std::string param) {
    if (problem.code.empty()) problem = RequestProblem{std::move(message), std::move(code), std::move(param)};
    return false;
  }

  std::span<const Field> fields_;
  std::vector<bool> seen_;
  const Field* field_ = nullptr;
  const Field* message_field_ = nullptr;
  const Field* empty_field_ = nullptr;
  PromptReader prompt_;
  std::array<Level, known_levels> levels_{};
  std::size_t depth_ = 0;
  bool role_seen_ = false;
};

}  // namespace

domain::ModelKind kind_of(InferenceEndpoint endpoint) {
  switch (endpoint) {
    case InferenceEndpoint::embeddings:
      return domain::ModelKind::embedding;
    case InferenceEndpoint::rerank:
      return domain::ModelKind::rerank;
    default:
      return domain::ModelKind::chat;
  }
}

std::string_view path_of(InferenceEndpoint endpoint) {
  switch (endpoint) {
    case InferenceEndpoint::chat_completions:
      return "/v1/chat/completions";
    case InferenceEndpoint::completions:
      return "/v1/completions";
    case InferenceEndpoint::embeddings:
      return "/v1/embeddings";
    case InferenceEndpoint::rerank:
      return "/v1/rerank";
    case InferenceEndpoint::responses:
      return "/v1/responses";
    case InferenceEndpoint::messages:
      return "/v1/messages";
    case InferenceEndpoint::count_tokens:
      return "/v1/messages/count_tokens";
  }
  return "/v1/chat/completions";
}

std::optional<InferenceEndpoint> inference_endpoint_of(std::string_view path) {
  for (const auto endpoint : {InferenceEndpoint::chat_completions, InferenceEndpoint::completions,
                              InferenceEndpoint::embeddings, InferenceEndpoint::rerank, InferenceEndpoint::responses,
                              InferenceEndpoint::messages, InferenceEndpoint::count_tokens}) {
    if (path == path_of(endpoint)) return endpoint;
  }
  return std::nullopt;
}

std::variant<InferenceRequest, RequestProblem> read_inference_request(InferenceEndpoint endpoint,
                                                                      std::string_view body) {
  Reader reader(fields_of(endpoint));
  const bool whole = nlohmann::json::sax_parse(body.begin(), body.end(), &reader);
  reader.check_required();
  if (!reader.problem.code.empty()) return std::move(reader.problem);
  if (!whole) return RequestProblem{"the request's body is not valid JSON", "invalid_json", ""};
  // Counting tokens runs no model.
  if (endpoint != InferenceEndpoint::count_tokens) reader.read_prompt();
  return std::move(reader.request);
}

}  // namespace gogrid::wire
