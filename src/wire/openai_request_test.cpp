#include "wire/openai_request.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "wire/prompt_reader.hpp"

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

// ---- prompts ----

InferenceRequest read_prompt(InferenceEndpoint endpoint, const std::string& body) {
  auto result = read_inference_request(endpoint, body);
  if (const auto* problem = std::get_if<RequestProblem>(&result)) ADD_FAILURE() << problem->message;
  return std::get<InferenceRequest>(std::move(result));
}

using Prefixes = std::vector<domain::PrefixHash>;

bool begins_with(const Prefixes& longer, const Prefixes& shorter) {
  return shorter.size() <= longer.size() && std::equal(shorter.begin(), shorter.end(), longer.begin());
}

// A conversation with all that messages can hold, each step with one message more.
const std::vector<std::string> conversation{
    R"({"role":"system","content":"You are \"GoGrid\"'s helper."})",
    R"({"role":"user","content":[{"type":"text","text":"What is on it?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}}]})",
    R"({"content":null,"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"look","arguments":"{\"deep\":[1,2.5,true,null]}"}}]})",
    R"({"role":"tool","tool_call_id":"call_1","content":"A gr\u00fcner Hund"})",
    R"({"role":"assistant","content":"A green dog.","annotations":[],"score":1.5,"final":true})",
    R"({"role":"user","content":"Thanks!","name":"Zoë"})",
};
const std::string tools =
    R"("tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{"deep":{"type":"array"}}}}}])";

std::string messages_of(std::size_t count, const std::string& rest = "", const std::string& model = "m") {
  std::string list;
  for (std::size_t i = 0; i < count; ++i)
    list += (i == 0 ? "" : ",") + conversation[i % conversation.size()];
  return R"({"model":")" + model + R"(","messages":[)" + list + "]" + rest + "}";
}

TEST(Prefixes, AConversationThatGoesOnKeepsTheOnesItHad) {
  Prefixes before;
  for (std::size_t count = 1; count <= conversation.size(); ++count) {
    const Prefixes now = read_prompt(chat_completions, messages_of(count)).prefixes;
    ASSERT_EQ(now.size(), count);
    EXPECT_TRUE(begins_with(now, before)) << count;
    EXPECT_EQ(std::set<domain::PrefixHash>(now.begin(), now.end()).size(), count);
    EXPECT_EQ(std::count(now.begin(), now.end(), 0u), 0);
    before = now;
  }
}

TEST(Prefixes, WhatIsNoPromptDoesNotMatterNorWhereToolsStand) {
  const Prefixes plain = read_prompt(chat_completions, messages_of(4)).prefixes;
  EXPECT_EQ(
      read_prompt(chat_completions, messages_of(4, R"(,"stream":true,"temperature":0.5,"x":[{"y":1}])", "n")).prefixes,
      plain);
  EXPECT_EQ(read_prompt(chat_completions, messages_of(4, R"(,"tools":null)")).prefixes, plain);
  const Prefixes with_tools = read_prompt(chat_completions, messages_of(4, "," + tools)).prefixes;
  ASSERT_EQ(with_tools.size(), 5u);
  EXPECT_FALSE(begins_with(with_tools, plain));
  const std::string tools_first = "{" + tools + "," + messages_of(4).substr(1);
  EXPECT_EQ(read_prompt(chat_completions, tools_first).prefixes, with_tools);
  // Others with the same tools share that much.
  const std::string other = R"({"model":"m","messages":[{"role":"user","content":"hi"}],)" + tools + "}";
  EXPECT_EQ(read_prompt(chat_completions, other).prefixes.front(), with_tools.front());
  // Of a repeated key the last value counts.
  EXPECT_EQ(read_prompt(chat_completions, R"({"messages":[{"role":"user"}],)" + messages_of(4).substr(1)).prefixes,
            plain);
}

TEST(Prefixes, EachDifferenceInAMessageMakesAnother) {
  const auto hash_of = [](const std::string& message) {
    return read_prompt(chat_completions, R"({"model":"m","messages":[)" + message + "]}").prefixes.at(0);
  };
  const std::vector<std::string> different{
      R"({"role":"user","content":"ab"})",
      R"({"role":"user","content":"ab "})",
      R"({"role":"assistant","content":"ab"})",
      R"({"content":"ab","role":"user"})",
      R"({"role":"user","content":["ab"]})",
      R"({"role":"user","content":["a","b"]})",
      R"({"role":"user","content":[{"type":"text","text":"ab"}]})",
      R"({"role":"user","content":[{"type":"text","text":"ab"},{}]})",
      R"({"role":"user","content":[{"type":"text","text":"ab","x":{}}]})",
      R"({"role":"user","content":"ab","x":[]})",
      R"({"role":"user","content":"ab","x":null})",
      R"({"role":"user","content":"ab","x":true})",
      R"({"role":"user","content":"ab","x":1})",
      R"({"role":"user","content":"ab","x":1.5})",
      R"({"role":"user","content":"ab","x":"1"})",
      R"({"role":"user","content":null})",
      R"({"role":"user"})",
  };
  std::map<domain::PrefixHash, std::string> seen;
  for (const std::string& message : different) {
    EXPECT_EQ(hash_of(message), hash_of(message));
    const auto [same, is_new] = seen.emplace(hash_of(message), message);
    EXPECT_TRUE(is_new) << message << " and " << same->second;
  }
  // Spaces and escapes between and in texts are the document's, not the prompt's.
  EXPECT_EQ(hash_of(R"( { "role" : "user" , "content" : "\u0061b" } )"), hash_of(different[0]));
}

TEST(Prefixes, MarksOfCachesMayMoveOn) {
  const auto with = [](const char* first, const char* second) {
    return read_prompt(messages, std::string(R"({"model":"m","max_tokens":5,"system":[{"type":"text","text":"s")") +
                                     first + R"(}],"messages":[{"role":"user","content":[{"type":"text","text":"a")" +
                                     second + R"(}]},{"role":"assistant","content":"b"}]})")
        .prefixes;
  };
  const char* mark = R"(,"cache_control":{"type":"ephemeral","ttl":["5m"]})";
  const Prefixes plain = with("", "");
  ASSERT_EQ(plain.size(), 3u);
  EXPECT_EQ(with(mark, ""), plain);
  EXPECT_EQ(with("", mark), plain);
  EXPECT_EQ(with("", R"(,"cache_control":null)"), plain);
}

TEST(Prefixes, OfLongConversationsTheFirstAndTheLastOnesAreKept) {
  const Prefixes before = read_prompt(chat_completions, messages_of(100)).prefixes;
  const Prefixes now = read_prompt(chat_completions, messages_of(102, "," + tools)).prefixes;
  EXPECT_EQ(before.size(), max_prefixes);
  EXPECT_EQ(now.size(), max_prefixes);
  const Prefixes later = read_prompt(chat_completions, messages_of(102)).prefixes;
  EXPECT_TRUE(std::equal(before.begin(), before.begin() + 8, later.begin()));
  EXPECT_TRUE(std::equal(before.begin() + 10, before.end(), later.begin() + 8));
}

TEST(Prefixes, TextsHaveOneForEachKiB) {
  const auto of = [](InferenceEndpoint endpoint, const char* field, const std::string& text) {
    return read_prompt(endpoint, R"({"model":"m",")" + std::string(field) + R"(":")" + text + "\"}").prefixes;
  };
  std::string text;
  for (int i = 0; text.size() < 80'000; ++i)
    text += "line " + std::to_string(i) + ". ";
  for (const auto& [endpoint, field] : {std::pair(completions, "prompt"), std::pair(responses, "input")}) {
    EXPECT_EQ(of(endpoint, field, text.substr(0, 1023)).size(), 0u);
    EXPECT_EQ(of(endpoint, field, text.substr(0, 1024)).size(), 1u);
    const Prefixes shorter = of(endpoint, field, text.substr(0, 5000));
    EXPECT_EQ(shorter.size(), 4u);
    const Prefixes longer = of(endpoint, field, text);
    EXPECT_EQ(longer.size(), max_prefixes);
    EXPECT_TRUE(begins_with(longer, shorter));
    EXPECT_FALSE(begins_with(of(endpoint, field, "X" + text.substr(1)), shorter));
  }
  std::string numbers = "1";
  for (int i = 0; i < 300; ++i)
    numbers += ",1";
  const auto list = read_prompt(completions, R"({"model":"m","prompt":[)" + numbers + "]}");
  EXPECT_EQ(list.prefixes.size(), 2u);
  EXPECT_EQ(list.prompt_tokens, 301u);
}

TEST(Prefixes, ResponsesHaveOneForTheirInstructionsAndEachItem) {
  const std::string items =
      R"({"role":"user","content":[{"type":"input_text","text":"hi"}]},{"type":"function_call_output","call_id":"1","output":"{}"})";
  const auto all =
      read_prompt(responses, R"({"model":"m","input":[)" + items + R"(],"instructions":"Be brief."})").prefixes;
  EXPECT_EQ(all.size(), 3u);
  EXPECT_EQ(read_prompt(responses, R"({"model":"m","instructions":"Be brief.","input":"hi"})").prefixes,
            Prefixes{all[0]});
}

TEST(Prefixes, WhatNoEngineKeepsHasNone) {
  const std::string text(5000, 'x');
  EXPECT_TRUE(read_prompt(embeddings, R"({"model":"m","input":")" + text + "\"}").prefixes.empty());
  EXPECT_TRUE(read_prompt(rerank, R"({"model":"m","query":"q","documents":[")" + text + "\"]}").prefixes.empty());
  const auto counted = read_prompt(count_tokens, messages_of(2));
  EXPECT_TRUE(counted.prefixes.empty());
  EXPECT_EQ(counted.prompt_tokens, 0u);
}

TEST(ReadInferenceRequest, GuessesTheTokensOfTheTextsAndNotOfPictures) {
  const auto tokens = [](InferenceEndpoint endpoint, const std::string& body) {
    return read_prompt(endpoint, body).prompt_tokens;
  };
  const std::string text(4000, 'x');
  EXPECT_EQ(tokens(completions, R"({"model":"m","prompt":")" + text + "\"}"), 1000u);
  EXPECT_EQ(tokens(completions, R"({"model":"m","user":")" + text + R"(","prompt":"four"})"), 1u);
  EXPECT_EQ(tokens(embeddings, R"({"model":"m","input":[")" + text + R"(",")" + text + "\"]}"), 2000u);
  EXPECT_EQ(tokens(rerank, R"({"model":"m","query":"1234","documents":[")" + text + "\"]}"), 1001u);
  EXPECT_EQ(tokens(chat_completions, R"({"model":"m","messages":[{"role":"user","content":")" + text + "\"}]}"), 1001u);
  const std::string picture = R"({"type":"image_url","image_url":{"url":"data:image/png;base64,)" + text +
                              R"("}},{"type":"text","text":"1234"})";
  EXPECT_LT(tokens(chat_completions, R"({"model":"m","messages":[{"role":"user","content":[)" + picture + "]}]}"), 10u);
}

TEST(ReadInferenceRequest, ReadsWhatTheAnswerMayTake) {
  const auto most = [](InferenceEndpoint endpoint, const std::string& body) {
    return read_prompt(endpoint, body).max_tokens;
  };
  const std::string chat = R"({"model":"m","messages":[{"role":"user","x":{"max_tokens":3}}])";
  EXPECT_EQ(most(chat_completions, chat + "}"), std::nullopt);
  EXPECT_EQ(most(chat_completions, chat + R"(,"max_tokens":null})"), std::nullopt);
  EXPECT_EQ(most(chat_completions, chat + R"(,"max_tokens":-1})"), std::nullopt);
  EXPECT_EQ(most(chat_completions, chat + R"(,"max_tokens":16.0})"), 16u);
  EXPECT_EQ(most(chat_completions, chat + R"(,"max_completion_tokens":17})"), 17u);
  EXPECT_EQ(most(messages, chat + R"(,"max_tokens":99999999999})"), 4'294'967'295u);
  EXPECT_EQ(most(responses, R"({"model":"m","input":"x","max_output_tokens":18})"), 18u);
}

TEST(ReadInferenceRequest, SaysWhatAFieldMustBe) {
  const auto result = read_inference_request(chat_completions, R"({"model":"m","messages":5})");
  EXPECT_EQ(std::get<RequestProblem>(result).message, "'messages' must be an array");
  const auto stop = read_inference_request(chat_completions, R"({"model":"m","messages":[{"role":"u"}],"stop":5})");
  EXPECT_EQ(std::get<RequestProblem>(stop).message, "'stop' must be a string or an array");
}

}  // namespace
}  // namespace gogrid::wire
