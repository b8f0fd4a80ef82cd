// How an interrupted answer is asked for, and how what comes is joined to what the client has.
#include "wire/continuation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/answer_splice.hpp"

namespace gogrid::wire {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;

std::string event(const Json& data) { return "data: " + data.dump() + "\n\n"; }

std::string named(const Json& data) { return "event: " + data["type"].get<std::string>() + "\n" + event(data); }

Json chunk(Json delta, Json finish = nullptr, const std::string& id = "one") {
  return {{"choices", {{{"finish_reason", std::move(finish)}, {"index", 0}, {"delta", std::move(delta)}}}},
          {"created", id == "one" ? 1 : 2},
          {"id", "chatcmpl-" + id},
          {"object", "chat.completion.chunk"}};
}

Json tool(Json function, bool begins = false) {
  Json call{{"index", 0}, {"function", std::move(function)}};
  if (begins) call["id"] = "call-x";
  return {{"tool_calls", {std::move(call)}}};
}

StreamedAnswer sent_of(InferenceEndpoint endpoint, const std::string& events) {
  AnswerRecord record(endpoint);
  record.feed(events);
  EXPECT_FALSE(record.lost());
  return record.answer();
}

// ---- what was sent ----

TEST(StreamedAnswerTest, ReadsChatWithReasoningAndTools) {
  const StreamedAnswer answer = sent_of(
      InferenceEndpoint::chat_completions,
      event(chunk({{"role", "assistant"}, {"content", nullptr}})) + event(chunk({{"reasoning_content", "hm"}})) +
          event(chunk({{"content", "Gr\xc3\xbc"}})) + event(chunk({{"content", "n"}})) + "data: null\n\n" +
          event(chunk(tool({{"name", "look"}, {"arguments", "{"}}, true))) +
          event(chunk(tool({{"arguments", "\"a\""}}))));
  const auto& choice = answer.choices.at(0);
  EXPECT_EQ(choice.content, "Gr\xc3\xbcn");
  EXPECT_EQ(choice.ends, (std::vector<std::uint32_t>{4, 5}));
  EXPECT_EQ(choice.reasoning, "hm");
  ASSERT_EQ(choice.tools.size(), 1u);
  EXPECT_EQ(choice.tools[0].name, "look");
  EXPECT_EQ(choice.tools[0].arguments, "{\"a\"");
  EXPECT_FALSE(choice.finished);
  EXPECT_FALSE(answer.ended);
}

TEST(StreamedAnswerTest, NonsenseIsLostAndNothingIsKept) {
  const std::string hostile[] = {
      "data: {\"choices\":[{\"index\":4000000000,\"delta\":{\"content\":\"x\"}}]}\n\n",
      "data: {\"choices\":[7]}\n\n",
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":9}]}}]}\n\n",
      "data: [1]\n\n",
      "data: {half\n\n",
  };
  for (const std::string& bytes : hostile) {
    AnswerRecord record(InferenceEndpoint::chat_completions);
    record.feed(bytes);
    EXPECT_TRUE(record.answer().choices.empty()) << bytes;
    EXPECT_TRUE(record.lost()) << bytes;
  }
}

// ---- the request ----

TEST(ContinuationTest, ChatGoesOnWithItsLastMessage) {
  const Continuation continuation(
      InferenceEndpoint::chat_completions,
      R"({"model":"m","messages":[{"role":"user","content":"?"}],"max_tokens":10,"seed":5,"n":2,"stream":true})");
  EXPECT_EQ(continuation.choices(), 2u);
  StreamedAnswer::Choice sent;
  sent.content = "Go";
  const std::string written = continuation.written(sent, "").value();
  const Json body = Json::parse(continuation.go_on(1, sent, written, 4, 1));
  EXPECT_EQ(body["messages"].back(), Json({{"role", "assistant"}, {"content", "Go"}}));
  EXPECT_EQ(body["continue_final_message"], true);
  EXPECT_EQ(body["add_generation_prompt"], false);
  EXPECT_EQ(body["max_tokens"], 6);
  EXPECT_NE(body["seed"], 5);
  EXPECT_FALSE(body.contains("n"));
  EXPECT_TRUE(continuation.is_complete(10));
  EXPECT_FALSE(continuation.is_complete(9));
}

TEST(ContinuationTest, OtherApisGoOnInTheirOwnForm) {
  StreamedAnswer::Choice sent;
  sent.content = "Go";
  const Continuation messages(InferenceEndpoint::messages,
                              R"({"model":"m","messages":[{"role":"user","content":"?"}],"max_tokens":10})");
  EXPECT_EQ(Json::parse(messages.go_on(0, sent, "Go", 1, 1))["messages"].back()["content"], "Go");
  const Continuation responses(InferenceEndpoint::responses, R"({"model":"m","input":"?","max_output_tokens":10})");
  const Json body = Json::parse(responses.go_on(0, sent, "Go", 1, 1));
  EXPECT_EQ(body["input"][0]["content"], "?");
  EXPECT_EQ(body["input"][1]["content"][0]["text"], "Go");
  EXPECT_EQ(body["max_output_tokens"], 9);
  const Continuation text(InferenceEndpoint::completions, R"({"model":"m","prompt":"A ","max_tokens":10})");
  EXPECT_EQ(Json::parse(text.go_on(0, sent, "Go", 1, 1))["prompt"], "A Go");
  const Continuation tokens(InferenceEndpoint::completions, R"({"model":"m","prompt":[1,2]})");
  EXPECT_EQ(Json::parse(tokens.go_on(0, sent, "Go", 1, 1))["prompt"], Json({1, 2, "Go"}));
  const Continuation several(InferenceEndpoint::completions, R"({"model":"m","prompt":["A ","B "],"n":2})");
  EXPECT_EQ(several.choices(), 4u);
  EXPECT_EQ(Json::parse(several.go_on(3, sent, "Go", 1, 1))["prompt"], "B Go");
}

TEST(ContinuationTest, GreedyAndGrammarAreReadFromTheRequest) {
  struct Row {
    const char* fields;
    bool greedy;
    bool grammar;
  };
  const Row rows[] = {
      {R"("temperature":0)", true, false}, {R"("temperature":0.0,"response_format":{"type":"text"})", true, false},
      {R"("top_k":1)", true, false},       {R"("temperature":0.1)", false, false},
      {R"("seed":1)", false, false},       {R"("temperature":0,"response_format":{"type":"json_object"})", true, true},
      {R"("tools":[{}])", false, true},    {R"("grammar":"root ::= \"a\"")", false, true},
  };
  for (const Row& row : rows) {
    const Continuation continuation(InferenceEndpoint::chat_completions, "{" + std::string(row.fields) + "}");
    EXPECT_EQ(continuation.greedy(), row.greedy) << row.fields;
    EXPECT_EQ(continuation.has_grammar(), row.grammar) << row.fields;
  }
}

TEST(ContinuationTest, WritesCallsOfToolsAsTheModelDoes) {
  const Continuation continuation(InferenceEndpoint::chat_completions, R"({"tools":[{}]})");
  StreamedAnswer::Choice sent;
  sent.content = "Hm.";
  sent.tools = {{"a", "look", R"({"at":"x"})"}, {"b", "go", R"({"to":)"}};
  const Json question = Json::parse(Continuation::tool_format_question(sent));
  const Json& calls = question["messages"][1]["tool_calls"];
  const auto mark = [&](std::size_t call) {
    const std::string arguments = calls[call]["function"]["arguments"];
    return Json::parse(arguments).begin().key();
  };
  const std::string prompt = "<user>?<assistant>" + question["messages"][1]["content"].get<std::string>() +
                             "\n<call>look {\"" + mark(0) + "\": 1}</call><call>go {\"" + mark(1) +
                             "\": 1}</call><user>!";
  EXPECT_EQ(continuation.written(sent, Json{{"prompt", prompt}}.dump()),
            "Hm.\n<call>look {\"at\":\"x\"}</call><call>go {\"to\":");
  // A form that is not JSON, or no answer: to be generated anew.
  EXPECT_EQ(continuation.written(sent, R"({"prompt":"<parameter=x>1</parameter>"})"), std::nullopt);
  EXPECT_EQ(continuation.written(sent, ""), std::nullopt);
  // Its grammar does not go on with a plain prompt.
  const Continuation text(InferenceEndpoint::completions, R"({"prompt":"A","grammar":"root ::= \"a\""})");
  EXPECT_EQ(text.written(sent, ""), std::nullopt);
}

// ---- tokens ----

TEST(TokensTest, AreTheSameWhenEachEventEndedWithOne) {
  const auto tokens_of = [](const std::vector<Json>& pieces) {
    Json answer{{"tokens", Json::array()}};
    for (const Json& piece : pieces)
      answer["tokens"].push_back({{"id", 1}, {"piece", piece}});
    return answer.dump();
  };
  struct Row {
    const char* what;
    std::vector<Json> pieces;
    std::size_t written;
    std::vector<std::uint32_t> ends;
    std::uint64_t count;
    bool same;
  };
  const Row rows[] = {
      {"one each", {"<a>", "Go", "Grid"}, 6, {2, 6}, 2, true},
      {"another division", {"<a>", "GoG", "rid"}, 6, {2, 6}, 2, false},
      {"one token for two events", {"<a>", "GoGrid"}, 6, {2, 6}, 1, false},
      {"two tokens for one event", {"<a>", "Go", "Grid"}, 6, {6}, 2, false},
      {"bytes of one character", {"<a>", {195}, {182}}, 2, {2}, 2, true},
      {"a token across the beginning", {"<a>G", "o"}, 2, {2}, 2, false},
  };
  for (const Row& row : rows) {
    const auto tokens = compare_tokens(tokens_of(row.pieces), row.written, row.ends);
    ASSERT_TRUE(tokens) << row.what;
    EXPECT_EQ(tokens->count, row.count) << row.what;
    EXPECT_EQ(tokens->same, row.same) << row.what;
  }
  EXPECT_FALSE(compare_tokens(tokens_of({"a"}), 2, {2}));
  EXPECT_FALSE(compare_tokens("no", 2, {2}));
}

TEST(TokensTest, OnlyTheEndOfALongPromptIsLookedAt) {
  const std::string prompt = std::string(1000, 'x') + "answer";
  const std::string near = near_the_end(prompt, 6);
  EXPECT_TRUE(prompt.ends_with(near));
  EXPECT_LT(near.size(), 300u);
  // Not from the middle of a character.
  std::string umlauts;
  for (int i = 0; i < 500; ++i)
    umlauts += "\xc3\xbc";
  EXPECT_EQ(near_the_end("a" + umlauts + "b", 1).front(), '\xc3');
}

// ---- the seam ----

TEST(AnswerSpliceTest, ChatHasOneBeginningOneIdAndTheCountsOfTheWhole) {
  const StreamedAnswer sent =
      sent_of(InferenceEndpoint::chat_completions,
              event(chunk({{"role", "assistant"}, {"content", nullptr}})) + event(chunk({{"content", "Go"}})));
  AnswerSplice::Options options;
  options.sent_tokens = 1;
  AnswerSplice splice(sent, options);
  std::string out;
  const Json usage{{"choices", Json::array()},
                   {"id", "chatcmpl-two"},
                   {"usage", {{"prompt_tokens", 9}, {"completion_tokens", 2}, {"total_tokens", 11}}}};
  const std::string bytes = event(chunk({{"role", "assistant"}, {"content", nullptr}}, nullptr, "two")) +
                            event(chunk({{"content", "Grid"}}, nullptr, "two")) +
                            event(chunk(Json::object(), "stop", "two")) + event(usage) + "data: [DONE]\n\n";
  for (const char byte : bytes)
    ASSERT_TRUE(splice.feed(std::string_view(&byte, 1), out));
  EXPECT_TRUE(splice.ended());
  EXPECT_THAT(out, Not(HasSubstr("chatcmpl-two")));
  EXPECT_THAT(out, Not(HasSubstr("role")));
  EXPECT_THAT(out, HasSubstr(R"("usage":{"prompt_tokens":8,"completion_tokens":3,"total_tokens":11})"));
  EXPECT_THAT(out, HasSubstr(R"("gogrid":{"migrations":1})"));
  EXPECT_THAT(out, testing::EndsWith("data: [DONE]\n\n"));
  const StreamedAnswer all = sent_of(InferenceEndpoint::chat_completions, out);
  EXPECT_EQ(all.choices.at(0).content, "Grid");
}

TEST(AnswerSpliceTest, GeneratedAnewWhatTheClientHasIsLeftOut) {
  const StreamedAnswer sent = sent_of(InferenceEndpoint::chat_completions, event(chunk({{"content", "GoGr"}})));
  AnswerSplice::Options options;
  options.anew = true;
  AnswerSplice same(sent, options);
  std::string out;
  ASSERT_TRUE(same.feed(event(chunk({{"content", "Go"}})) + event(chunk({{"content", "Grid"}})), out));
  EXPECT_EQ(sent_of(InferenceEndpoint::chat_completions, out).choices.at(0).content, "id");
  AnswerSplice other(sent, options);
  EXPECT_EQ(other.feed(event(chunk({{"content", "Goal"}})), out).error().code, ErrorCode::conflict);
}

TEST(AnswerSpliceTest, ACallThatGoesOnIsNotBegunAgain) {
  const StreamedAnswer sent =
      sent_of(InferenceEndpoint::chat_completions, event(chunk(tool({{"name", "look"}, {"arguments", "{\"a"}}, true))));
  AnswerSplice splice(sent, {});
  std::string out;
  ASSERT_TRUE(splice.feed(event(chunk(tool({{"name", "look"}, {"arguments", "t\""}}, true))), out));
  EXPECT_THAT(out, HasSubstr(R"({"index":0,"function":{"arguments":"t\""}})"));
  EXPECT_THAT(out, Not(HasSubstr("call-x")));
  EXPECT_EQ(splice.feed(event(chunk(tool({{"name", "other"}}, true))), out).error().code, ErrorCode::conflict);
}

TEST(AnswerSpliceTest, MessagesKeepTheirBlocks) {
  const StreamedAnswer sent = sent_of(
      InferenceEndpoint::messages,
      named({{"type", "message_start"}, {"message", {{"id", "one"}}}}) +
          named({{"type", "content_block_start"}, {"index", 0}, {"content_block", {{"type", "text"}, {"text", ""}}}}) +
          named({{"type", "content_block_delta"}, {"index", 0}, {"delta", {{"type", "text_delta"}, {"text", "Go"}}}}));
  AnswerSplice::Options options;
  options.endpoint = InferenceEndpoint::messages;
  options.sent_tokens = 1;
  AnswerSplice splice(sent, options);
  std::string out;
  const std::string bytes =
      named({{"type", "message_start"}, {"message", {{"id", "two"}}}}) +
      named({{"type", "content_block_start"}, {"index", 0}, {"content_block", {{"type", "text"}, {"text", ""}}}}) +
      named({{"type", "content_block_delta"}, {"index", 0}, {"delta", {{"type", "text_delta"}, {"text", "Grid"}}}}) +
      named({{"type", "content_block_start"},
             {"index", 1},
             {"content_block", {{"type", "tool_use"}, {"id", "t"}, {"name", "look"}}}}) +
      named({{"type", "content_block_delta"},
             {"index", 1},
             {"delta", {{"type", "input_json_delta"}, {"partial_json", "{}"}}}}) +
      named({{"type", "content_block_stop"}, {"index", 0}}) + named({{"type", "content_block_stop"}, {"index", 1}}) +
      named({{"type", "message_delta"}, {"delta", {{"stop_reason", "tool_use"}}}, {"usage", {{"output_tokens", 5}}}}) +
      named({{"type", "message_stop"}});
  ASSERT_TRUE(splice.feed(bytes, out));
  EXPECT_TRUE(splice.ended());
  EXPECT_THAT(out, Not(HasSubstr("message_start")));
  std::vector<std::string> shape;
  for_each_event(out, [&](std::string_view data) {
    const Json one = Json::parse(data);
    shape.push_back(one["type"].get<std::string>() + (one.contains("index") ? one["index"].dump() : ""));
  });
  EXPECT_THAT(shape,
              testing::ElementsAre("content_block_delta0", "content_block_start1", "content_block_delta1",
                                   "content_block_stop0", "content_block_stop1", "message_delta", "message_stop"));
  EXPECT_THAT(out, HasSubstr(R"("output_tokens":6)"));
}

TEST(AnswerSpliceTest, ResponsesKeepTheirIds) {
  const auto begin = [](const std::string& id) {
    return named({{"type", "response.created"}, {"response", {{"id", "resp_" + id}}}}) +
           named({{"type", "response.output_item.added"}, {"item", {{"type", "message"}, {"id", "msg_" + id}}}}) +
           named({{"type", "response.content_part.added"}, {"item_id", "msg_" + id}});
  };
  const auto delta = [](const std::string& id, const std::string& text) {
    return named({{"type", "response.output_text.delta"}, {"item_id", "msg_" + id}, {"delta", text}});
  };
  const StreamedAnswer sent = sent_of(InferenceEndpoint::responses, begin("one") + delta("one", "Go"));
  AnswerSplice::Options options;
  options.endpoint = InferenceEndpoint::responses;
  options.sent_tokens = 1;
  AnswerSplice splice(sent, options);
  std::string out;
  const std::string bytes =
      begin("two") + delta("two", "Grid") +
      named({{"type", "response.output_text.done"}, {"item_id", "msg_two"}, {"text", "GoGrid"}}) +
      named({{"type", "response.output_item.done"}, {"item", {{"type", "message"}, {"id", "msg_two"}}}}) +
      named({{"type", "response.completed"},
             {"response",
              {{"id", "resp_two"},
               {"output", {{{"type", "message"}, {"id", "msg_two"}}}},
               {"usage", {{"input_tokens", 9}, {"output_tokens", 2}, {"total_tokens", 11}}}}}});
  ASSERT_TRUE(splice.feed(bytes, out));
  EXPECT_TRUE(splice.ended());
  EXPECT_THAT(out, Not(HasSubstr("two")));
  EXPECT_THAT(out, Not(HasSubstr("response.created")));
  EXPECT_THAT(out, HasSubstr(R"("input_tokens":8,"output_tokens":3)"));
}

// An engine that is to go on with what is whole already: it tells of no item, but ends one, perhaps with a token more.
TEST(AnswerSpliceTest, AResponseThatOnlyItsEndIsMissingOfGetsIt) {
  const auto ending = [](const std::string& id, const std::string& text) {
    const Json content{{{"type", "output_text"}, {"text", text}}};
    const Json item{{"type", "message"}, {"id", id}, {"content", content}};
    return std::vector<std::string>{
        named({{"type", "response.output_text.done"}, {"item_id", id}, {"text", text}}),
        named({{"type", "response.content_part.done"}, {"item_id", id}, {"part", content.front()}}),
        named({{"type", "response.output_item.done"}, {"item", item}}),
        named({{"type", "response.completed"}, {"response", {{"id", "resp_x"}, {"output", {item}}}}})};
  };
  const std::string begun =
      named({{"type", "response.created"}, {"response", {{"id", "resp_one"}}}}) +
      named({{"type", "response.output_item.added"}, {"item", {{"type", "message"}, {"id", "msg_one"}}}}) +
      named({{"type", "response.content_part.added"}, {"item_id", "msg_one"}}) +
      named({{"type", "response.output_text.delta"}, {"item_id", "msg_one"}, {"delta", "GoGrid"}});
  const std::vector<std::string> first = ending("msg_one", "GoGrid");
  for (std::size_t had = 0; had < first.size(); ++had) {
    for (const bool complete : {false, true}) {
      std::string whole = begun;
      for (std::size_t i = 0; i < had; ++i)
        whole += first[i];
      AnswerSplice::Options options;
      options.endpoint = InferenceEndpoint::responses;
      options.complete = complete;
      AnswerSplice splice(sent_of(InferenceEndpoint::responses, whole), options);
      std::string out;
      // Asked for nothing it gives a token all the same.
      for (const std::string& bytes : ending("msg_two", complete ? "GoGrid!" : "GoGrid"))
        ASSERT_TRUE(splice.feed(bytes, out)) << had;
      EXPECT_TRUE(splice.ended());
      std::vector<std::string> types;
      for_each_event(out, [&](std::string_view data) { types.push_back(Json::parse(data)["type"]); });
      std::vector<std::string> wanted{"response.output_text.done", "response.content_part.done",
                                      "response.output_item.done", "response.completed"};
      wanted.erase(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(had));
      EXPECT_EQ(types, wanted);
      EXPECT_THAT(out, Not(HasSubstr("two")));
      EXPECT_THAT(out, Not(HasSubstr("!")));
      EXPECT_THAT(out, HasSubstr("resp_one"));
    }
  }
}

TEST(AnswerSpliceTest, ABlockThatHasEndedDoesNotEndAgain) {
  const auto block = [](const char* type) { return named({{"type", type}, {"index", 0}}); };
  const std::string begun =
      named({{"type", "message_start"}, {"message", {{"id", "msg_one"}}}}) +
      named({{"type", "content_block_start"}, {"index", 0}, {"content_block", {{"type", "text"}}}}) +
      named({{"type", "content_block_delta"}, {"index", 0}, {"delta", {{"type", "text_delta"}, {"text", "Go"}}}});
  for (const bool has_ended : {false, true}) {
    AnswerSplice::Options options;
    options.endpoint = InferenceEndpoint::messages;
    AnswerSplice splice(
        sent_of(InferenceEndpoint::messages, begun + (has_ended ? block("content_block_stop") : std::string())),
        options);
    std::string out;
    ASSERT_TRUE(splice.feed(named({{"type", "message_start"}}) + block("content_block_stop") +
                                named({{"type", "message_delta"}}) + named({{"type", "message_stop"}}),
                            out));
    EXPECT_EQ(out.find("content_block_stop") == std::string::npos, has_ended);
    EXPECT_THAT(out, HasSubstr("message_stop"));
  }
}

TEST(AnswerSpliceTest, OfACompleteAnswerOnlyTheEndIsPassedOn) {
  const StreamedAnswer sent = sent_of(InferenceEndpoint::chat_completions, event(chunk({{"content", "GoGrid"}})));
  AnswerSplice::Options options;
  options.complete = true;
  options.sent_tokens = 4;
  AnswerSplice splice(sent, options);
  std::string out;
  Json last = chunk(Json::object(), "length", "two");
  last["usage"] = {{"prompt_tokens", 9}, {"completion_tokens", 1}, {"total_tokens", 10}};
  ASSERT_TRUE(splice.feed(event(chunk({{"content", "!"}}, nullptr, "two")) + event(last), out));
  EXPECT_THAT(out, Not(HasSubstr("!")));
  EXPECT_THAT(out, HasSubstr(R"("prompt_tokens":5,"completion_tokens":4,"total_tokens":9)"));
}

}  // namespace
}  // namespace gogrid::wire
