// Lines of the control socket. What is taken keeps its bounds and is read the same when it is written again; what is
// refused says why, in a line that can be read.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/json_rpc.hpp"

using namespace gogrid::wire;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_request(const RpcRequest& request) {
  check(!request.method.empty() && request.method.size() <= max_rpc_name_bytes && request.params.is_object());
  const std::string line = request.id.is_null() ? rpc_notification(request.method, rpc_text(request.params))
                                                : rpc_request(request.id, request.method, request.params);
  const auto again = std::get<RpcRequest>(read_rpc(line, line.size()));
  check(again.id == request.id && again.method == request.method && again.params == request.params);
}

void check_response(const RpcResponse& response) {
  if (response.result) {
    const std::string line = rpc_result(response.id, rpc_text(*response.result));
    check(std::get<RpcResponse>(read_rpc(line, line.size())).result.value() == *response.result);
    return;
  }
  const std::string line = rpc_error(response.id, response.result.error());
  check(std::get<RpcResponse>(read_rpc(line, line.size())).result.error().code == response.result.error().code);
  (void)to_error(response.result.error());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const RpcMessage message = read_rpc(line, max_rpc_request_bytes);
  if (const auto* request = std::get_if<RpcRequest>(&message)) {
    check_request(*request);
  } else if (const auto* response = std::get_if<RpcResponse>(&message)) {
    check_response(*response);
  } else {
    const auto& fault = std::get<RpcFault>(message);
    check(!fault.error.message.empty());
    const std::string answer = rpc_error(fault.id, fault.error);
    check(std::holds_alternative<RpcResponse>(read_rpc(answer, answer.size())));
  }
  return 0;
}
