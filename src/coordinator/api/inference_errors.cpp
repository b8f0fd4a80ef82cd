#include "coordinator/api/inference_errors.hpp"

#include <nlohmann/json.hpp>

namespace gogrid::coordinator {
using nlohmann::json;
using wire::InferenceEndpoint;

namespace {

// Bytes from elsewhere may not be UTF-8.
std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// llama-server's error types that have a code of their own at OpenAI's.
json code_of(const json& error) {
  const auto code = error.find("code");
  if (code != error.end() && code->is_string()) return *code;
  const auto type = error.find("type");
  if (type != error.end() && type->is_string() && *type == "exceed_context_size_error")
    return "context_length_exceeded";
  return nullptr;
}

}  // namespace

ErrorStyle style_of(InferenceEndpoint endpoint) {
  const bool anthropic = endpoint == InferenceEndpoint::messages || endpoint == InferenceEndpoint::count_tokens;
  return anthropic ? ErrorStyle::anthropic : ErrorStyle::openai;
}

std::string error_event_for(InferenceEndpoint endpoint, const ErrorResponse& error) {
  const ErrorStyle style = style_of(endpoint);
  if (style == ErrorStyle::anthropic) return "event: error\ndata: " + error.body(style) + "\n\n";
  if (endpoint == InferenceEndpoint::responses) {
    const json event{{"type", "error"}, {"code", error.code}, {"message", error.message}, {"param", nullptr}};
    return "event: error\ndata: " + dump(event) + "\n\n";
  }
  return "data: " + error.body() + "\n\n";
}

ErrorResponse to_error_response(const wire::RequestProblem& problem) {
  return ErrorResponse(400, problem.message, problem.code, problem.param);
}

ErrorResponse to_error_response(const std::string& model_name, const Dispatcher::Rejection& rejection) {
  const bool stopping = rejection.kind == Dispatcher::Rejection::Kind::stopping;
  int status = 503;
  std::string message = "the model '" + model_name + "' cannot be served now: " + rejection.text;
  std::string code(stopping ? "shutting_down" : domain::to_string(rejection.code));
  if (!stopping) {
    switch (rejection.code) {
      case domain::RejectCode::model_not_found:
        return ErrorResponse(404, "the model '" + model_name + "' does not exist any more", std::move(code), "model");
      case domain::RejectCode::rate_limited:
        code = "rate_limit_exceeded";
        message = rejection.text;
        status = 429;
        break;
      case domain::RejectCode::key_busy:
        message = rejection.text;
        status = 429;
        break;
      case domain::RejectCode::queue_full:
        status = 429;
        break;
      default:
        break;
    }
  }
  ErrorResponse error(status, std::move(message), std::move(code));
  if (rejection.retry_after.count() > 0) error.retry_after = rejection.retry_after;
  if (!stopping) error.explanation = rejection.explanation;
  return error;
}

std::string normalise_engine_error(InferenceEndpoint endpoint, int status, std::string_view body) {
  // Nothing of an error is nested; what is (writing it out again recurses) is left out.
  constexpr int max_depth = 8;
  const auto shallow = [](int depth, json::parse_event_t, const json&) { return depth <= max_depth; };
  const json document = json::parse(body, shallow, false);
  const bool has_error = document.is_object() && document.contains("error") && document["error"].is_object();
  const json none = json::object();
  const json& given = has_error ? document["error"] : none;
  const auto message = given.find("message");
  std::string text = message != given.end() && message->is_string() ? message->get<std::string>() : "";
  if (text.empty()) {
    text = status == 413 ? "the engine refused the request: it is too large"
                         : "the engine answered with status " + std::to_string(status) + " and no reason";
  }
  const ErrorResponse plain(status, text);
  if (style_of(endpoint) == ErrorStyle::anthropic) return plain.body(ErrorStyle::anthropic);
  json error = given;
  error["code"] = code_of(given);
  error["message"] = std::move(text);
  error["type"] = std::string(plain.type());
  if (!error.contains("param")) error["param"] = nullptr;
  return dump(json{{"error", std::move(error)}});
}

}  // namespace gogrid::coordinator
