#include "coordinator/api/inference_errors.hpp"

#include <nlohmann/json.hpp>

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
using wire::InferenceEndpoint;

namespace {

bool is_anthropic(InferenceEndpoint endpoint) {
  return endpoint == InferenceEndpoint::messages || endpoint == InferenceEndpoint::count_tokens;
}

// Bytes from elsewhere may not be UTF-8.
std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// https://docs.anthropic.com/en/api/errors
const char* anthropic_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 503: return "overloaded_error";
    default: return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

json anthropic_error(int status, const std::string& message) {
  return {{"type", "error"}, {"error", {{"type", anthropic_type(status)}, {"message", message}}}};
}

// llama-server's error types that have a code of their own at OpenAI's.
json code_of(const json& error) {
  const auto code = error.find("code");
  if (code != error.end() && code->is_string()) return *code;
  const auto type = error.find("type");
  if (type != error.end() && type->is_string() && *type == "exceed_context_size_error") return "context_length_exceeded";
  return nullptr;
}

}  // namespace

std::string error_body_for(InferenceEndpoint endpoint, const ErrorResponse& error) {
  return is_anthropic(endpoint) ? dump(anthropic_error(error.status, error.message)) : error.body();
}

asio::awaitable<void> respond_error_for(net::HttpExchange& exchange, InferenceEndpoint endpoint, ErrorResponse error) {
  if (!is_anthropic(endpoint)) {
    co_await respond_error(exchange, std::move(error));
    co_return;
  }
  if (exchange.started()) co_return;
  net::ResponseHead head;
  head.status = error.status;
  head.headers.add("Content-Type", "application/json");
  if (error.retry_after) head.headers.add("Retry-After", std::to_string(error.retry_after->count()));
  std::string body = error_body_for(endpoint, error);
  (void)co_await exchange.respond(std::move(head), std::move(body));
}

std::string error_event_for(InferenceEndpoint endpoint, const ErrorResponse& error) {
  if (is_anthropic(endpoint)) return "event: error\ndata: " + error_body_for(endpoint, error) + "\n\n";
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
  if (!stopping && rejection.code == domain::RejectCode::model_not_found) {
    status = 404;
    message = "the model '" + model_name + "' does not exist any more";
  } else if (!stopping && rejection.code == domain::RejectCode::queue_full) {
    status = 429;
  }
  ErrorResponse error(status, std::move(message), std::move(code), status == 404 ? "model" : "");
  if (rejection.retry_after.count() > 0) error.retry_after = rejection.retry_after;
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
  if (is_anthropic(endpoint)) return dump(anthropic_error(status, text));
  json error = given;
  error["code"] = code_of(given);
  error["message"] = std::move(text);
  const auto type = given.find("type");
  if (type == given.end() || !type->is_string()) error["type"] = std::string(ErrorResponse(status, "").type());
  if (!error.contains("param")) error["param"] = nullptr;
  return dump(json{{"error", std::move(error)}});
}

}  // namespace gogrid::coordinator
