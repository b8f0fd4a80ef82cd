// The one place that writes errors and JSON to HTTP clients: errors in the form that the route's clients understand,
// with Retry-After where waiting helps.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "domain/request.hpp"
#include "net/http_server.hpp"

namespace gogrid::coordinator {

enum class ErrorStyle {
  openai,     // {"error": {"message", "type", "param", "code"}}
  anthropic,  // {"type": "error", "error": {"type", "message"}}
};

struct ErrorResponse {
  int status = 500;
  // For a person: what is wrong and what to do.
  std::string message;
  // For programs: "model_not_found"; empty is null.
  std::string code = {};
  // The field that is wrong; empty is null.
  std::string param = {};
  // Never empty with 429 and 503.
  std::optional<std::chrono::seconds> retry_after = {};
  // Why there is no place for it now: "reason", "position" and "estimate_seconds".
  std::optional<domain::Explanation> explanation = {};

  // Boost 1.81's result<T, E>::error() needs it.
  ErrorResponse() = default;
  ErrorResponse(int status_value, std::string message_value, std::string code_value = {}, std::string param_value = {});
  // Status and code from the one table; an internal fault's detail goes to the log, not to the client.
  ErrorResponse(const Error& error);

  // The class of the status: "invalid_request_error", "authentication_error", …
  std::string_view type(ErrorStyle style = ErrorStyle::openai) const;
  std::string body(ErrorStyle style = ErrorStyle::openai) const;
};

// What an API handler's steps give: a value, or the answer that says why there is none.
template <class T>
using ApiResult = boost::system::result<T, ErrorResponse>;
[[noreturn]] void throw_exception_from_error(const ErrorResponse& error, const boost::source_location& where);

// Answers, unless the response has begun already. What happens to the client after that does not concern the caller.
boost::asio::awaitable<void> respond_error(net::HttpExchange& exchange, ErrorResponse error,
                                           ErrorStyle style = ErrorStyle::openai);

// `json` is the text of a JSON value.
boost::asio::awaitable<void> respond_json(net::HttpExchange& exchange, int status, std::string json);
boost::asio::awaitable<void> respond_text(net::HttpExchange& exchange, int status, std::string text);
// 204
boost::asio::awaitable<void> respond_nothing(net::HttpExchange& exchange);

}  // namespace gogrid::coordinator
