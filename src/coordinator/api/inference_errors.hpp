// Errors of the inference API in the form that the endpoint's clients understand: OpenAI's or Anthropic's; as an HTTP
// response, as an event in a stream that has begun, and made from an engine's own error. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "coordinator/api/error_response.hpp"
#include "coordinator/dispatch.hpp"
#include "wire/openai_request.hpp"

namespace gogrid::coordinator {

ErrorStyle style_of(wire::InferenceEndpoint endpoint);

// A server-sent event that tells of an error in the middle of a stream, with the blank line that ends it.
std::string error_event_for(wire::InferenceEndpoint endpoint, const ErrorResponse& error);

ErrorResponse to_error_response(const wire::RequestProblem& problem);
ErrorResponse to_error_response(const std::string& model_name, const Dispatcher::Rejection& rejection);

// An engine's error answer in the endpoint's form: its words stay, `type` is that of the status, `code` is text or null
// as OpenAI's clients expect, further fields are kept. What is no JSON error at all becomes one.
std::string normalise_engine_error(wire::InferenceEndpoint endpoint, int status, std::string_view body);

}  // namespace gogrid::coordinator
