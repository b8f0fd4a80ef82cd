#include "wire/openai_request.hpp"

#include <gtest/gtest.h>

namespace gogrid::wire {
namespace {

using enum InferenceEndpoint;

struct Case {
  const char* name;
  InferenceEndpoint endpoint;
  std::string body;
  // Empty: the request is fine.
  const char* code;
  const char* param;
};

std::string nested(std::size_t depth, char open, char close) {
  return R"({"model":"m","messages":[{"role":"user","content":"x"}],"x":)" + std::string(depth, open) +
         std::string(depth, close) + "}";
}

std::vector<Case> cases() {
  const std::string message = R"("messages":[{"role":"user","content":"hi"}])";
  const auto chat = [&](const std::string& rest) { return R"({"model":"m",)" + message + rest + "}"; };
  return {
      {"minimal", chat_completions, chat(""), "", ""},
      {"unknown fields are the engine's business", chat_completions, chat(R"(,"mirostat":2,"x":{"role":1})"), "", ""},
      {"null is not set", chat_completions, chat(R"(,"stream":null,"tools":null,"stop":null,"temperature":null)"), "",
       ""},
      {"content may be parts", chat_completions,
       R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]})", "", ""},
      {"content may be null", chat_completions,
       R"({"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}]})", "", ""},
      {"whole numbers with a point are integers", chat_completions, chat(R"(,"max_tokens":16.0)"), "", ""},
      {"stop may be a string", chat_completions, chat(R"(,"stop":"x")"), "", ""},
      {"a temperature may be whole", chat_completions, chat(R"(,"temperature":1)"), "", ""},
      {"nested deeply enough", chat_completions, nested(250, '[', ']'), "", ""},

      {"empty", chat_completions, "", "invalid_json", ""},
      {"not JSON", chat_completions, "model=m", "invalid_json", ""},
      {"not an object", chat_completions, "[1]", "invalid_json", ""},
      {"cut short", chat_completions, R"({"model":"m","messages":[{"role":)", "invalid_json", ""},
      {"more than one document", chat_completions, chat("") + "{}", "invalid_json", ""},
      {"not UTF-8", chat_completions, "{\"model\":\"\xff\"}", "invalid_json", ""},
      {"a NUL", chat_completions, std::string("{\"model\":\"m\0\"}", 13), "invalid_json", ""},
      {"a number without end", chat_completions, chat(R"(,"seed":1e999)"), "invalid_json", ""},
      {"nested too deeply", chat_completions, nested(100'000, '[', ']'), "invalid_json", ""},

      {"no model", chat_completions, "{" + message + "}", "missing_field", "model"},
      {"model of a wrong type", chat_completions, R"({"model":7,)" + message + "}", "invalid_type", "model"},
      {"model null", chat_completions, R"({"model":null,)" + message + "}", "invalid_type", "model"},
      {"model empty", chat_completions, R"({"model":"",)" + message + "}", "invalid_value", "model"},
      {"model too long", chat_completions, R"({"model":")" + std::string(300, 'm') + "\"," + message + "}",
       "invalid_value", "model"},
      {"no messages", chat_completions, R"({"model":"m"})", "missing_field", "messages"},
      {"messages a string", chat_completions, R"({"model":"m","messages":"hi"})", "invalid_type", "messages"},
      {"messages empty", chat_completions, R"({"model":"m","messages":[]})", "invalid_value", "messages"},
      {"a message a string", chat_completions, R"({"model":"m","messages":[{"role":"user"},"hi"]})", "invalid_type",
       "messages[1]"},
      {"a message without role", chat_completions, R"({"model":"m","messages":[{"role":"user"},{"content":"x"}]})",
       "missing_field", "messages[1].role"},
      {"a role that is a number", chat_completions, R"({"model":"m","messages":[{"role":1}]})", "invalid_type",
       "messages[0].role"},
      {"content an object", chat_completions, R"({"model":"m","messages":[{"role":"user","content":{}}]})",
       "invalid_type", "messages[0].content"},
      {"stream a string", chat_completions, chat(R"(,"stream":"true")"), "invalid_type", "stream"},
      {"temperature a string", chat_completions, chat(R"(,"temperature":"hot")"), "invalid_type", "temperature"},
      {"max_tokens a fraction", chat_completions, chat(R"(,"max_tokens":1.5)"), "invalid_type", "max_tokens"},
      {"tools an object", chat_completions, chat(R"(,"tools":{})"), "invalid_type", "tools"},
      {"a tool a string", chat_completions, chat(R"(,"tools":["x"])"), "invalid_type", "tools[0]"},
      {"a stop that is a number", chat_completions, chat(R"(,"stop":["a",1])"), "invalid_type", "stop[1]"},
      {"response_format a string", chat_completions, chat(R"(,"response_format":"json")"), "invalid_type",
       "response_format"},

      {"completion", completions, R"({"model":"m","prompt":"x"})", "", ""},
      {"completion of tokens", completions, R"({"model":"m","prompt":[1,2,3],"logprobs":5})", "", ""},
      {"completion without prompt", completions, R"({"model":"m"})", "missing_field", "prompt"},
      {"completion of a number", completions, R"({"model":"m","prompt":3})", "invalid_type", "prompt"},
      {"embedding", embeddings, R"({"model":"m","input":["a","b"],"encoding_format":"float"})", "", ""},
      {"embedding of nothing", embeddings, R"({"model":"m","input":""})", "invalid_value", "input"},
      {"embedding of null", embeddings, R"({"model":"m","input":null})", "invalid_type", "input"},
      {"rerank", rerank, R"({"model":"m","query":"q","documents":["a"],"top_n":1})", "", ""},
      {"rerank without documents", rerank, R"({"model":"m","query":"q","documents":[]})", "invalid_value", "documents"},
      {"rerank of numbers", rerank, R"({"model":"m","query":"q","documents":[1]})", "invalid_type", "documents[0]"},
      {"response", responses, R"({"model":"m","input":"x","stream":true})", "", ""},
      {"response without input", responses, R"({"model":"m"})", "missing_field", "input"},
      {"message", messages, R"({"model":"m","max_tokens":5,"system":"s",)" + message + "}", "", ""},
      {"message with a system that is a number", messages, R"({"model":"m","system":5,)" + message + "}",
       "invalid_type", "system"},
      {"count of tokens", count_tokens, R"({"model":"m",)" + message + "}", "", ""},
  };
}

TEST(ReadInferenceRequest, JudgesBodiesAndNamesTheField) {
  for (const auto& one : cases()) {
    const auto result = read_inference_request(one.endpoint, one.body);
    const auto* problem = std::get_if<RequestProblem>(&result);
    if (*one.code == '\0') {
      EXPECT_EQ(problem, nullptr) << one.name << ": " << (problem != nullptr ? problem->message : "");
      continue;
    }
    ASSERT_NE(problem, nullptr) << one.name;
    EXPECT_EQ(problem->code, one.code) << one.name;
    EXPECT_EQ(problem->param, one.param) << one.name;
    EXPECT_FALSE(problem->message.empty()) << one.name;
  }
}

TEST(ReadInferenceRequest, ReadsModelAndStream) {
  const auto read = [](const char* body) {
    return std::get<InferenceRequest>(read_inference_request(completions, body));
  };
  EXPECT_EQ(read(R"({"model":"a","prompt":"x"})").model, "a");
  EXPECT_FALSE(read(R"({"model":"a","prompt":"x"})").stream);
  EXPECT_TRUE(read(R"({"model":"a","stream":true,"prompt":"x"})").stream);
  // Only at the top, and of a repeated key the last.
  EXPECT_EQ(read(R"({"model":"a","x":{"model":"b","stream":true},"prompt":"x"})").model, "a");
  EXPECT_FALSE(read(R"({"model":"a","x":{"model":"b","stream":true},"prompt":"x"})").stream);
  EXPECT_EQ(read(R"({"model":"a","prompt":"x","model":"c"})").model, "c");
}

TEST(ReadInferenceRequest, SaysWhatAFieldMustBe) {
  const auto result = read_inference_request(chat_completions, R"({"model":"m","messages":5})");
  EXPECT_EQ(std::get<RequestProblem>(result).message, "'messages' must be an array");
  const auto stop = read_inference_request(chat_completions, R"({"model":"m","messages":[{"role":"u"}],"stop":5})");
  EXPECT_EQ(std::get<RequestProblem>(stop).message, "'stop' must be a string or an array");
}

}  // namespace
}  // namespace gogrid::wire
