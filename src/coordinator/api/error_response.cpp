#include "coordinator/api/error_response.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "base/log.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds later{5};

std::string default_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::unauthenticated:
      return "invalid_api_key";
    case ErrorCode::too_large:
      return "body_too_large";
    case ErrorCode::internal:
    case ErrorCode::io:
      return "internal_error";
    default:
      return std::string(to_string(code));
  }
}

net::ResponseHead head_of(int status, const char* content_type) {
  net::ResponseHead head;
  head.status = status;
  if (content_type) head.headers.add("Content-Type", content_type);
  return head;
}

}  // namespace

ErrorResponse::ErrorResponse(int status_value, std::string message_value, std::string code_value,
                             std::string param_value)
    : status(status_value),
      message(std::move(message_value)),
      code(std::move(code_value)),
      param(std::move(param_value)) {
  if (status == 429 || status == 503) retry_after = later;
}

ErrorResponse::ErrorResponse(const Error& error)
    : ErrorResponse(http_status(error.code), error.detail, default_code(error.code)) {
  if (status != 500) return;
  log().error("{}: {}", to_string(error.code), error.detail);
  message = "an internal error; see the coordinator's log";
}

// https://platform.openai.com/docs/guides/error-codes, https://docs.anthropic.com/en/api/errors
std::string_view ErrorResponse::type(ErrorStyle style) const {
  const bool anthropic = style == ErrorStyle::anthropic;
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return anthropic ? "not_found_error" : "invalid_request_error";
    case 413:
      return anthropic ? "request_too_large" : "invalid_request_error";
    case 429:
      return "rate_limit_error";
    case 503:
      return anthropic ? "overloaded_error" : "server_error";
    default:
      return status < 500 ? "invalid_request_error" : anthropic ? "api_error" : "server_error";
  }
}

std::string ErrorResponse::body(ErrorStyle style) const {
  const auto or_null = [](const std::string& text) { return text.empty() ? nlohmann::json() : nlohmann::json(text); };
  nlohmann::ordered_json json = {
      {"error", {{"message", message}, {"type", type()}, {"param", or_null(param)}, {"code", or_null(code)}}}};
  if (style == ErrorStyle::anthropic)
    json = {{"type", "error"}, {"error", {{"type", type(style)}, {"message", message}}}};
  if (explanation) {
    auto& error = json["error"];
    error["reason"] = domain::to_string(explanation->reason);
    error["position"] = explanation->position;
    error["estimate_seconds"] =
        explanation->estimate ? nlohmann::ordered_json(explanation->estimate->count()) : nlohmann::ordered_json();
  }
  // What a client sent may stand in a message, and need not be UTF-8.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void throw_exception_from_error(const ErrorResponse& error, const boost::source_location&) {
  throw std::runtime_error(error.message);
}

asio::awaitable<void> respond_error(net::HttpExchange& exchange, ErrorResponse error, ErrorStyle style) {
  if (exchange.started()) co_return;
  net::ResponseHead head = head_of(error.status, "application/json");
  if (error.status == 401) head.headers.add("WWW-Authenticate", "Bearer");
  if (error.status == 408) head.headers.add("Connection", "close");
  if (error.retry_after) head.headers.add("Retry-After", std::to_string(error.retry_after->count()));
  std::string body = error.body(style);
  (void)co_await exchange.respond(std::move(head), std::move(body));
}

asio::awaitable<void> respond_json(net::HttpExchange& exchange, int status, std::string json) {
  net::ResponseHead head = head_of(status, "application/json");
  (void)co_await exchange.respond(std::move(head), std::move(json));
}

asio::awaitable<void> respond_text(net::HttpExchange& exchange, int status, std::string text) {
  net::ResponseHead head = head_of(status, "text/plain; charset=utf-8");
  (void)co_await exchange.respond(std::move(head), std::move(text));
}

asio::awaitable<void> respond_nothing(net::HttpExchange& exchange) {
  net::ResponseHead head = head_of(204, nullptr);
  std::string body;
  (void)co_await exchange.respond(std::move(head), std::move(body));
}

}  // namespace gogrid::coordinator
