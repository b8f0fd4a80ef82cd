// Reading of request bodies of the OpenAI and Anthropic APIs: is it JSON, has it a model, do the well-known fields have
// the types they must have. The body itself goes on to the engine unchanged; fields that are not known are the engine's
// business.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "domain/model.hpp"

namespace gogrid::wire {

enum class InferenceEndpoint { chat_completions, completions, embeddings, rerank, responses, messages, count_tokens };

// What kind of model answers it.
domain::ModelKind kind_of(InferenceEndpoint endpoint);
// The path at the engine, "/v1/chat/completions".
std::string_view path_of(InferenceEndpoint endpoint);

struct InferenceRequest {
  std::string model;
  bool stream = false;
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
