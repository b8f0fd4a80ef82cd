// Reading of request bodies of the OpenAI and Anthropic APIs: is it JSON, has it a model, do the well-known fields have
// the types they must have; and what places and limits need to know of its prompt. The body itself goes on to the
// engine unchanged; fields that are not known are the engine's business.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/model.hpp"
#include "domain/request.hpp"

namespace gogrid::wire {

enum class InferenceEndpoint { chat_completions, completions, embeddings, rerank, responses, messages, count_tokens };

// What kind of model answers it.
domain::ModelKind kind_of(InferenceEndpoint endpoint);
// The path at the engine, "/v1/chat/completions".
std::string_view path_of(InferenceEndpoint endpoint);
std::optional<InferenceEndpoint> inference_endpoint_of(std::string_view path);

struct InferenceRequest {
  std::string model;
  bool stream = false;
  // Of ever longer beginnings of its prompt, the longest last, max_prefixes at most: after the instructions and tools
  // and after each message, or after each KiB of a text. A conversation that goes on has those that it had before.
  std::vector<domain::PrefixHash> prefixes = {};
  // A guess.
  std::uint32_t prompt_tokens = 0;
  // What the answer may take, if the request says so.
  std::optional<std::uint32_t> max_tokens = {};
};

struct RequestProblem {
  // For a person.
  std::string message;
  // "invalid_json", "missing_field", "invalid_type", "invalid_value"
  std::string code;
  // "messages[2].role"; empty when no field is to blame.
  std::string param;
};

// One pass, no copy of the document, nesting bounded (max_json_depth), so that no body can exhaust memory or stack. Of
// a repeated key the last value counts, as it does for the engine.
std::variant<InferenceRequest, RequestProblem> read_inference_request(InferenceEndpoint endpoint,
                                                                      std::string_view body);

inline constexpr std::size_t max_json_depth = 256;
inline constexpr std::size_t max_model_name_bytes = 256;

}  // namespace gogrid::wire
