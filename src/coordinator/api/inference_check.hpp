// What a request for inference must be before it is given to a worker or put into the queue: readable, for a model that
// there is and that its key may use, of the kind that its endpoint needs. Pure but for the library, io thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "coordinator/api/error_response.hpp"
#include "coordinator/registry.hpp"
#include "wire/openai_request.hpp"

namespace gogrid::coordinator {

struct CheckedRequest {
  wire::InferenceRequest request;
  ModelLibrary::Entry model;
};

// `allowed_models`: names of models or aliases; empty: all.
ApiResult<CheckedRequest> check_inference(wire::InferenceEndpoint endpoint, std::string_view body,
                                          const ModelLibrary& models, const std::vector<std::string>& allowed_models);

// 404: also for one that is not allowed, so that nobody learns of what is not theirs.
ErrorResponse model_not_found(std::string_view name);

}  // namespace gogrid::coordinator
