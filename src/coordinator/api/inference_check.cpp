#include "coordinator/api/inference_check.hpp"

#include <algorithm>
#include <utility>

#include "coordinator/api/inference_errors.hpp"

namespace gogrid::coordinator {
namespace {

std::string_view purpose_of(domain::ModelKind kind) {
  switch (kind) {
    case domain::ModelKind::chat:
      return "chat and completions";
    case domain::ModelKind::embedding:
      return "embeddings";
    case domain::ModelKind::rerank:
      return "reranking";
  }
  return "chat and completions";
}

ErrorResponse wrong_kind(const domain::Model& model, wire::InferenceEndpoint endpoint) {
  return ErrorResponse(400,
                       "the model '" + model.name + "' is for " + std::string(purpose_of(model.kind)) + "; " +
                           std::string(wire::path_of(endpoint)) + " needs one for " +
                           std::string(purpose_of(wire::kind_of(endpoint))),
                       "wrong_model_kind", "model");
}

bool is_allowed(const std::vector<std::string>& allowed, const std::string& name) {
  return allowed.empty() || std::find(allowed.begin(), allowed.end(), name) != allowed.end();
}

}  // namespace

ErrorResponse model_not_found(std::string_view name) {
  return ErrorResponse(404, "there is no model '" + std::string(name) + "'; GET /v1/models lists what there is",
                       "model_not_found", "model");
}

ApiResult<CheckedRequest> check_inference(wire::InferenceEndpoint endpoint, std::string_view body,
                                          const ModelLibrary& models, const std::vector<std::string>& allowed_models) {
  auto read = wire::read_inference_request(endpoint, body);
  if (const auto* problem = std::get_if<wire::RequestProblem>(&read)) return to_error_response(*problem);
  CheckedRequest checked;
  checked.request = std::move(std::get<wire::InferenceRequest>(read));
  checked.model = models.resolve(checked.request.model);
  // A key may be for the model, or for the alias that stands for it today.
  if (!checked.model ||
      (!is_allowed(allowed_models, checked.model->model.name) && !is_allowed(allowed_models, checked.request.model)))
    return model_not_found(checked.request.model);
  if (checked.model->model.kind != wire::kind_of(endpoint)) return wrong_kind(checked.model->model, endpoint);
  return checked;
}

}  // namespace gogrid::coordinator
