// JSON-RPC 2.0, one message a line: how the worker's daemon and its owner's programs talk over the control socket
// (docs/control.md). Lines come from whoever can connect, so everything that is read has a bound. Any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"

namespace gogrid::wire {

// Of a line without its "\n": to the daemon, and from it.
inline constexpr std::size_t max_rpc_request_bytes = 64 * 1024;
inline constexpr std::size_t max_rpc_answer_bytes = 1024 * 1024;
// Of a method's name, and of an id that is a text.
inline constexpr std::size_t max_rpc_name_bytes = 128;

struct RpcError {
  static constexpr int not_json = -32700;
  static constexpr int invalid_request = -32600;
  static constexpr int unknown_method = -32601;
  static constexpr int invalid_params = -32602;
  static constexpr int internal = -32603;
  // The daemon cannot do it.
  static constexpr int failed = -32000;

  RpcError() = default;
  // `data.code` is the name of `error_code`.
  RpcError(int code_value, ErrorCode error_code, std::string message_value);
  // What was wrong with the parameters, or why it failed.
  RpcError(const Error& error);  // NOLINT(google-explicit-constructor)

  int code = failed;
  std::string message;
  // An object with "code" and perhaps more.
  nlohmann::json data;
};

using RpcResult = boost::system::result<nlohmann::json, RpcError>;

struct RpcRequest {
  // An integer or a text; null: a notification, which is not answered.
  nlohmann::json id;
  std::string method;
  // An object.
  nlohmann::json params;
};

struct RpcResponse {
  // Null: what it answers could not be read.
  nlohmann::json id;
  RpcResult result;
};

// A line that is no message, and what to answer.
struct RpcFault {
  // Null when the line did not say it: then nobody knows what this answers.
  nlohmann::json id;
  RpcError error;
};

using RpcMessage = std::variant<RpcRequest, RpcResponse, RpcFault>;

RpcMessage read_rpc(std::string_view line, std::size_t max_bytes);

// Lines with their "\n". Texts that are not UTF-8 are put right.
std::string rpc_request(const nlohmann::json& id, std::string_view method, const nlohmann::json& params);
// These take JSON that is text already: one text goes to everybody who subscribed.
std::string rpc_notification(std::string_view method, std::string_view params);
std::string rpc_result(const nlohmann::json& id, std::string_view result);
std::string rpc_error(const nlohmann::json& id, const RpcError& error);
// JSON in one line.
std::string rpc_text(const nlohmann::json& value);

// The peer's error as ours: by `data.code`, where there is one.
Error to_error(const RpcError& error);

// `Result<T>::value()` of an RpcResult.
[[noreturn]] void throw_exception_from_error(const RpcError& error, const boost::source_location& where);

}  // namespace gogrid::wire
