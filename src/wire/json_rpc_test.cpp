// Proves what counts as a JSON-RPC message, and that ours are read as they were meant.
#include "wire/json_rpc.hpp"

#include <gtest/gtest.h>

#include "wire/bounded_json.hpp"

namespace gogrid::wire {
namespace {

using nlohmann::json;

RpcMessage read(std::string_view line) { return read_rpc(line, max_rpc_request_bytes); }

RpcRequest request(std::string_view line) {
  const RpcMessage message = read(line);
  const auto* found = std::get_if<RpcRequest>(&message);
  EXPECT_TRUE(found) << line;
  return found ? *found : RpcRequest();
}

TEST(JsonRpc, ReadsRequests) {
  const RpcRequest full = request(R"({"jsonrpc":"2.0","id":7,"method":"pause","params":{"reason":"a \"film\""}})");
  EXPECT_EQ(full.id, 7);
  EXPECT_EQ(full.method, "pause");
  EXPECT_EQ(full.params, json({{"reason", "a \"film\""}}));
  const RpcRequest bare = request(" {\"id\":\"x\", \"method\":\"resume\",\t\"jsonrpc\":\"2.0\",\"more\":[1]} \r");
  EXPECT_EQ(bare.id, "x");
  EXPECT_EQ(bare.params, json::object());
  EXPECT_EQ(request(R"({"jsonrpc":"2.0","id":-9223372036854775808,"method":"m"})").id,
            std::numeric_limits<std::int64_t>::min());
}

TEST(JsonRpc, WithoutAnIdItIsANotification) {
  EXPECT_TRUE(request(R"({"jsonrpc":"2.0","method":"resume"})").id.is_null());
}

struct FaultCase {
  std::string line;
  int code;
  json id;
};

TEST(JsonRpc, SaysWhatIsWrongAndToWhomWhereThatIsKnown) {
  const std::string long_name(max_rpc_name_bytes + 1, 'x');
  const FaultCase cases[] = {
      {"", RpcError::not_json, {}},
      {"GET /v1/status HTTP/1.1", RpcError::not_json, {}},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a", RpcError::not_json, {}},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", RpcError::not_json, {}},
      {R"({"jsonrpc":"2.0","id":1e999,"method":"a"})", RpcError::not_json, {}},
      {R"({"jsonrpc":"2.0","id":1,"method":"a"} {})", RpcError::not_json, {}},
      {"[]", RpcError::invalid_request, {}},
      {R"([{"jsonrpc":"2.0","id":1,"method":"a"}])", RpcError::invalid_request, {}},
      {"1", RpcError::invalid_request, {}},
      {"{}", RpcError::invalid_request, {}},
      {R"({"id":1,"method":"a"})", RpcError::invalid_request, 1},
      {R"({"jsonrpc":"1.0","id":1,"method":"a"})", RpcError::invalid_request, 1},
      {R"({"jsonrpc":2.0,"id":1,"method":"a"})", RpcError::invalid_request, 1},
      {R"({"jsonrpc":"2.0","id":1.5,"method":"a"})", RpcError::invalid_request, {}},
      {R"({"jsonrpc":"2.0","id":null,"method":"a"})", RpcError::invalid_request, {}},
      {R"({"jsonrpc":"2.0","id":"","method":"a"})", RpcError::invalid_request, {}},
      {R"({"jsonrpc":"2.0","id":[1],"method":"a"})", RpcError::invalid_request, {}},
      {R"({"jsonrpc":"2.0","id":")" + long_name + R"(","method":"a"})", RpcError::invalid_request, {}},
      {R"({"jsonrpc":"2.0","id":1,"method":7})", RpcError::invalid_request, 1},
      {R"({"jsonrpc":"2.0","id":1,"method":""})", RpcError::invalid_request, 1},
      {R"({"jsonrpc":"2.0","id":1,"method":")" + long_name + R"("})", RpcError::invalid_request, 1},
      {R"({"jsonrpc":"2.0","id":1,"method":"a","params":["x"]})", RpcError::invalid_params, 1},
      {R"({"jsonrpc":"2.0","id":1,"method":"a","params":null})", RpcError::invalid_request, 1},
      {R"({"jsonrpc":"2.0","id":1})", RpcError::invalid_request, 1},
      {R"({"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}})", RpcError::invalid_request, 1},
      {R"({"jsonrpc":"2.0","result":1})", RpcError::invalid_request, {}},
      {R"({"jsonrpc":"2.0","id":1,"error":{"code":1}})", RpcError::invalid_request, 1},
      {R"({"jsonrpc":"2.0","id":1,"error":{"code":4294967296,"message":""}})", RpcError::invalid_request, 1},
      {R"({"jsonrpc":"2.0","id":1,"error":"bad"})", RpcError::invalid_request, 1},
  };
  for (const FaultCase& one : cases) {
    const RpcMessage message = read(one.line);
    const auto* fault = std::get_if<RpcFault>(&message);
    ASSERT_TRUE(fault) << one.line;
    EXPECT_EQ(fault->error.code, one.code) << one.line;
    EXPECT_EQ(fault->id, one.id) << one.line;
    EXPECT_FALSE(fault->error.message.empty()) << one.line;
    EXPECT_EQ(fault->error.data, json({{"code", "invalid_argument"}})) << one.line;
  }
}

TEST(JsonRpc, ALineHasABoundInSizeAndDepth) {
  const std::string begin = R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"x":)";
  const auto nested = [&](std::size_t depth) {
    return begin + std::string(depth, '[') + std::string(depth, ']') + "}}";
  };
  EXPECT_TRUE(std::holds_alternative<RpcRequest>(read(nested(30))));
  for (const std::size_t depth : {31u, 20'000u}) {
    const RpcMessage deep = read(nested(depth));
    ASSERT_TRUE(std::holds_alternative<RpcFault>(deep)) << depth;
    EXPECT_EQ(std::get<RpcFault>(deep).error.code, RpcError::not_json);
  }
  std::string line = begin + "\"\"}}";
  line.insert(line.size() - 3, max_rpc_request_bytes - line.size(), 'y');
  EXPECT_TRUE(std::holds_alternative<RpcRequest>(read(line)));
  const RpcMessage longer = read(line + " ");
  ASSERT_TRUE(std::holds_alternative<RpcFault>(longer));
  EXPECT_EQ(std::get<RpcFault>(longer).error.data["code"], "too_large");
}

TEST(JsonRpc, WhatIsWrittenIsReadAgain) {
  const RpcRequest sent = request(rpc_request(3, "pause", {{"reason", "line\nbreak \xff"}}));
  EXPECT_EQ(sent.id, 3);
  EXPECT_EQ(sent.params["reason"], "line\nbreak \xef\xbf\xbd");
  const RpcRequest told = request(rpc_notification("status.changed", R"({"a":1})"));
  EXPECT_TRUE(told.id.is_null());
  EXPECT_EQ(told.params, json({{"a", 1}}));
  const auto result = std::get<RpcResponse>(read(rpc_result("id", "[1,2]")));
  EXPECT_EQ(result.id, "id");
  EXPECT_EQ(result.result.value(), json({1, 2}));
  RpcError refusal = Error(ErrorCode::invalid_argument, "too much");
  refusal.data["key"] = "worker.max_vram_gb";
  const auto error = std::get<RpcResponse>(read(rpc_error(json(), refusal)));
  EXPECT_TRUE(error.id.is_null());
  ASSERT_FALSE(error.result);
  EXPECT_EQ(error.result.error().code, RpcError::invalid_params);
  EXPECT_EQ(error.result.error().data, json({{"code", "invalid_argument"}, {"key", "worker.max_vram_gb"}}));
}

TEST(JsonRpc, EveryLineIsOneLine) {
  const std::string lines[] = {rpc_request(1, "a\nb", {{"c", "d\r\n\xe2\x80\xa8"}}), rpc_notification("a\n", "1"),
                               rpc_result("\n", "1"), rpc_error("\n", Error(ErrorCode::io, "a\nb"))};
  for (const std::string& line : lines) {
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
    EXPECT_EQ(line.find('\r'), std::string::npos) << line;
  }
}

TEST(JsonRpc, ErrorsKeepTheirCodeOnTheWay) {
  const auto over_the_wire = [](const RpcError& error) {
    return to_error(std::get<RpcResponse>(read(rpc_error(1, error))).result.error());
  };
  const Error busy = over_the_wire(Error(ErrorCode::unavailable, "it is stopping"));
  EXPECT_EQ(busy.code, ErrorCode::unavailable);
  EXPECT_EQ(busy.detail, "it is stopping");
  EXPECT_EQ(RpcError(Error(ErrorCode::unavailable, "")).code, RpcError::failed);
  RpcError bare;
  bare.message = "no";
  bare.code = RpcError::unknown_method;
  EXPECT_EQ(over_the_wire(bare).code, ErrorCode::unsupported);
  bare.code = RpcError::failed;
  EXPECT_EQ(over_the_wire(bare).code, ErrorCode::protocol);
}

TEST(BoundedJson, CountsArraysAndObjects) {
  EXPECT_EQ(read_bounded_json("1", 0), json(1));
  EXPECT_FALSE(read_bounded_json("[]", 0));
  EXPECT_EQ(read_bounded_json(R"([{"a":1}])", 2), json::array({{{"a", 1}}}));
  EXPECT_FALSE(read_bounded_json(R"([{"a":[]}])", 2));
  EXPECT_FALSE(read_bounded_json("", 9));
  EXPECT_FALSE(read_bounded_json("[", 9));
}

}  // namespace
}  // namespace gogrid::wire
