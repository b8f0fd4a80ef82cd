#include "wire/json_rpc.hpp"

#include <limits>
#include <optional>
#include <stdexcept>

#include "base/utf8.hpp"
#include "wire/bounded_json.hpp"

namespace gogrid::wire {
namespace {

using nlohmann::json;

constexpr int max_depth = 32;
constexpr std::size_t max_message_bytes = 8 * 1024;

const json& member(const json& object, const char* key) {
  static const json null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

bool is_name(const json& value) {
  if (!value.is_string()) return false;
  const std::size_t bytes = value.get_ref<const std::string&>().size();
  return bytes > 0 && bytes <= max_rpc_name_bytes;
}

RpcFault invalid(json id, std::string message) {
  return RpcFault{std::move(id), RpcError(RpcError::invalid_request, ErrorCode::invalid_argument, std::move(message))};
}

RpcMessage read_request(const json& object, json id) {
  RpcRequest request;
  request.method = object["method"].get<std::string>();
  request.params = object.value("params", json::object());
  if (request.params.is_array()) {
    return RpcFault{std::move(id), RpcError(RpcError::invalid_params, ErrorCode::invalid_argument,
                                            "\"params\" must be an object: parameters have names")};
  }
  if (!request.params.is_object()) return invalid(std::move(id), "\"params\" must be an object");
  request.id = std::move(id);
  return request;
}

std::optional<RpcError> read_error(const json& value) {
  const json& code = member(value, "code");
  const json& message = member(value, "message");
  if (!code.is_number_integer() || !message.is_string()) return std::nullopt;
  const auto number = code.get<std::int64_t>();
  if (number < std::numeric_limits<int>::min() || number > std::numeric_limits<int>::max()) return std::nullopt;
  RpcError error;
  error.code = static_cast<int>(number);
  error.message = valid_utf8(message.get_ref<const std::string&>(), max_message_bytes);
  error.data = member(value, "data");
  return error;
}

RpcMessage read_response(const json& object, json id) {
  const bool has_result = object.contains("result");
  if (has_result == object.contains("error"))
    return invalid(std::move(id), "neither a method, nor one of a result and an error");
  RpcResponse response;
  if (has_result) {
    if (id.is_null()) return invalid(std::move(id), "a result needs the id of its request");
    response.result = object["result"];
  } else {
    auto error = read_error(member(object, "error"));
    if (!error) return invalid(std::move(id), "\"error\" must be an object with a code and a message");
    response.result = *std::move(error);
  }
  response.id = std::move(id);
  return response;
}

}  // namespace

RpcError::RpcError(int code_value, ErrorCode error_code, std::string message_value)
    : code(code_value), message(std::move(message_value)), data({{"code", to_string(error_code)}}) {}

RpcError::RpcError(const Error& error)
    : RpcError(error.code == ErrorCode::invalid_argument ? invalid_params : failed, error.code, error.detail) {}

RpcMessage read_rpc(std::string_view line, std::size_t max_bytes) {
  if (line.size() > max_bytes) {
    return RpcFault{json(), RpcError(RpcError::not_json, ErrorCode::too_large,
                                     "a line has at most " + std::to_string(max_bytes) + " bytes")};
  }
  const auto read = read_bounded_json(line, max_depth);
  if (!read) {
    return RpcFault{json(), RpcError(RpcError::not_json, ErrorCode::invalid_argument,
                                     "a line must be JSON, nested at most " + std::to_string(max_depth) + " deep")};
  }
  if (read->is_array()) return invalid(json(), "there are no batches here: send one message a line");
  if (!read->is_object()) return invalid(json(), "a message is a JSON object");
  json id = member(*read, "id");
  const bool notifies = !read->contains("id");
  if (!id.is_number_integer() && !is_name(id) && !id.is_null()) {
    return invalid(json(),
                   "\"id\" must be an integer or a text of 1 to " + std::to_string(max_rpc_name_bytes) + " bytes");
  }
  const json& version = member(*read, "jsonrpc");
  if (!version.is_string() || version != "2.0") return invalid(std::move(id), "\"jsonrpc\" must be \"2.0\"");
  if (!read->contains("method")) return read_response(*read, std::move(id));
  if (id.is_null() && !notifies) return invalid(json(), "\"id\" must not be null: leave it out of a notification");
  if (!is_name(member(*read, "method"))) {
    return invalid(std::move(id), "\"method\" must be a text of 1 to " + std::to_string(max_rpc_name_bytes) + " bytes");
  }
  return read_request(*read, std::move(id));
}

std::string rpc_text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string rpc_request(const json& id, std::string_view method, const json& params) {
  return rpc_text({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}) + "\n";
}

std::string rpc_notification(std::string_view method, std::string_view params) {
  return "{\"jsonrpc\":\"2.0\",\"method\":" + rpc_text(method) + ",\"params\":" + std::string(params) + "}\n";
}

std::string rpc_result(const json& id, std::string_view result) {
  return "{\"jsonrpc\":\"2.0\",\"id\":" + rpc_text(id) + ",\"result\":" + std::string(result) + "}\n";
}

std::string rpc_error(const json& id, const RpcError& error) {
  json out = {{"code", error.code}, {"message", error.message}};
  if (!error.data.is_null()) out["data"] = error.data;
  return rpc_text({{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(out)}}) + "\n";
}

Error to_error(const RpcError& error) {
  ErrorCode code = error.code == RpcError::unknown_method ? ErrorCode::unsupported : ErrorCode::protocol;
  if (error.data.is_object() && member(error.data, "code").is_string())
    code = error_code_from_string(error.data["code"].get_ref<const std::string&>());
  return Error(code, error.message);
}

void throw_exception_from_error(const RpcError& error, const boost::source_location&) {
  throw std::runtime_error(error.message);
}

}  // namespace gogrid::wire
