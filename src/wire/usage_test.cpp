// Answers are those of llama-server (b11669), with their ids shortened.
#include "wire/usage.hpp"

#include <gtest/gtest.h>

namespace gogrid::wire {
namespace {

using domain::Usage;

constexpr const char* timings =
    R"("timings":{"cache_n":7,"prompt_n":1,"prompt_ms":76.32,"prompt_per_token_ms":76.32,"predicted_n":4,"predicted_ms":11.566,"predicted_per_second":345.8})";

struct Whole {
  const char* name;
  std::string body;
  std::optional<Usage> usage;
};

std::vector<Whole> wholes() {
  const std::string head =
      R"({"choices":[{"finish_reason":"length","index":0,"message":{"role":"assistant","content":)";
  const std::string tail = R"(}}],"created":1795836208,"model":"m","object":"chat.completion")";
  const std::string usage =
      R"(,"usage":{"completion_tokens":4,"prompt_tokens":8,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":7}},"id":"x")";
  return {
      {"chat", head + R"("GoGrid is a private")" + tail + usage + "," + timings + "}", Usage{8, 4}},
      {"only timings", head + R"("GoGrid")" + tail + "," + timings + "}", Usage{8, 4}},
      {"neither", head + R"("GoGrid")" + tail + "}", std::nullopt},
      {"completion",
       R"({"choices":[{"text":" open sour","index":0,"logprobs":null,"finish_reason":"length"}],"object":"text_completion","usage":{"completion_tokens":3,"prompt_tokens":3,"total_tokens":6,"prompt_tokens_details":{"cached_tokens":1}}})",
       Usage{3, 3}},
      {"response",
       R"({"id":"resp_1","object":"response","output":[{"content":[{"type":"output_text","annotations":[],"text":"GoGrid is a"}],"role":"assistant"}],"status":"completed","usage":{"input_tokens":8,"output_tokens":3,"total_tokens":11,"input_tokens_details":{"cached_tokens":7}}})",
       Usage{8, 3}},
      {"message, whose count leaves out what was cached",
       R"({"id":"x","type":"message","content":[{"type":"text","text":"GoGrid is a"}],"stop_reason":"max_tokens","usage":{"cache_read_input_tokens":7,"input_tokens":1,"output_tokens":3}})",
       Usage{8, 3}},
      {"embeddings",
       R"({"model":"m","object":"list","usage":{"prompt_tokens":12,"total_tokens":12},"data":[{"embedding":[0.07,-0.09],"index":0,"object":"embedding"}]})",
       Usage{12, 0}},
      {"rerank",
       R"({"model":"m","object":"list","usage":{"prompt_tokens":16,"total_tokens":16},"results":[{"index":1,"relevance_score":0.1}]})",
       Usage{16, 0}},
      {"printed prettily", "{\n  \"usage\" : {\n    \"prompt_tokens\" : 5,\n    \"completion_tokens\" : 6\n  }\n}",
       Usage{5, 6}},
      {"what the model says is no usage",
       head + R"("\"usage\":{\"prompt_tokens\":900,\"completion_tokens\":900}")" + tail + usage + "}", Usage{8, 4}},
      {"nor a name of a token", R"({"logprobs":[{"token":"usage"},{"token":"timings"}],"usage":{"prompt_tokens":1}})",
       Usage{1, 0}},
      {"null", R"({"usage":null})", std::nullopt},
      {"a text", R"({"usage":"much"})", std::nullopt},
      {"no numbers", R"({"usage":{"prompt_tokens":"8","completion_tokens":-1}})", std::nullopt},
      {"beyond all bounds", R"({"usage":{"prompt_tokens":18446744073709551615,"completion_tokens":1e300}})",
       Usage{1'000'000'000, 0}},
      {"cut", R"({"usage":{"prompt_tokens":8,"comp)", std::nullopt},
      {"nothing", "", std::nullopt},
      {"no JSON", "<html>", std::nullopt},
  };
}

TEST(ReadUsage, FindsWhatEachEndpointSays) {
  for (const Whole& one : wholes())
    EXPECT_EQ(read_usage(one.body), one.usage) << one.name;
}

TEST(ReadUsage, NestingCostsNeitherStackNorTime) {
  std::string body;
  for (int i = 0; i < 20'000; ++i)
    body += R"({"usage":)";
  EXPECT_EQ(read_usage(body), std::nullopt);
}

std::string chunk(const std::string& delta, const std::string& rest = "") {
  return R"(data: {"choices":[{"finish_reason":null,"index":0,"delta":)" + delta +
         R"(}],"created":1795836208,"id":"chatcmpl-1","model":"m","object":"chat.completion.chunk")" + rest + "}\n\n";
}

const std::string chat_begin = chunk(R"({"role":"assistant","content":null})") + chunk(R"({"content":"GoGrid"})") +
                               chunk(R"({"content":" is"})") + chunk(R"({"content":" a"})") +
                               chunk(R"({"content":" private"})");
const std::string done = "data: [DONE]\n\n";

const std::string response_begin =
    R"(event: response.created
data: {"type":"response.created","response":{"id":"resp_1","object":"response","status":"in_progress"}}

event: response.output_item.added
data: {"type":"response.output_item.added","item":{"content":[],"id":"msg_1","role":"assistant","type":"message"}}

event: response.content_part.added
data: {"type":"response.content_part.added","item_id":"msg_1","part":{"type":"output_text","text":""}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_1","delta":"GoGrid"}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_1","delta":" is"}

event: response.output_text.done
data: {"type":"response.output_text.done","item_id":"msg_1","text":"GoGrid is"}

)";
std::string response_end(const std::string& text) {
  return R"(event: response.completed
data: {"type":"response.completed","response":{"id":"resp_1","output":[{"type":"message","content":[{"type":"output_text","text":")" +
         text +
         R"("}],"role":"assistant"}],"usage":{"input_tokens":8,"output_tokens":3,"total_tokens":11,"input_tokens_details":{"cached_tokens":7}}},"timings":{"cache_n":7,"prompt_n":1,"predicted_n":4}}

)";
}

const std::string message_begin =
    R"(event: message_start
data: {"type":"message_start","message":{"id":"x","type":"message","role":"assistant","content":[],"usage":{"cache_read_input_tokens":7,"input_tokens":1,"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"GoGrid"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" is"}}

)";
const std::string message_end =
    R"(event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"output_tokens":3}}

event: message_stop
data: {"type":"message_stop"}

)";

struct Stream {
  const char* name;
  std::string bytes;
  std::optional<Usage> usage;
};

std::vector<Stream> streams() {
  const std::string completion =
      "data: {\"choices\":[{\"text\":\" a\",\"index\":0,\"finish_reason\":null}],\"object\":\"text_completion\"}\n\n";
  return {
      {"chat with usage",
       chat_begin + chunk("{}") +
           R"(data: {"choices":[],"usage":{"completion_tokens":4,"prompt_tokens":8,"total_tokens":12},)" + timings +
           "}\n\n" + done,
       Usage{8, 4}},
      {"chat with timings", chat_begin + chunk("{}", std::string(",") + timings) + done, Usage{8, 4}},
      {"timings with each event",
       chunk(R"({"content":"a"})", R"(,"timings":{"cache_n":3,"prompt_n":2,"predicted_n":1})") +
           chunk(R"({"content":"b"})", R"(,"timings":{"cache_n":3,"prompt_n":2,"predicted_n":2})"),
       Usage{5, 2}},
      {"chat that was cut off", chat_begin, Usage{0, 4}},
      {"thoughts and calls count",
       chunk(R"({"reasoning_content":"Hm"})") + chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"{"}}]})") +
           chunk("{}"),
       Usage{0, 2}},
      {"chat that has not begun", chunk(R"({"role":"assistant","content":null})"), std::nullopt},
      {"completion that was cut off", completion + completion, Usage{0, 2}},
      {"completion",
       completion +
           R"(data: {"choices":[{"text":"","index":0}],"usage":{"completion_tokens":3,"prompt_tokens":3,"total_tokens":6}})" +
           "\n\n" + done,
       Usage{3, 3}},
      {"response", response_begin + response_end("GoGrid is"), Usage{8, 3}},
      {"response that was long", response_begin + response_end(std::string(100'000, 'x')), Usage{8, 3}},
      {"response that was cut off", response_begin, Usage{0, 2}},
      {"message", message_begin + message_end, Usage{8, 3}},
      {"message that was cut off", message_begin, Usage{8, 2}},
      {"lines that end as Windows' do", "data: {\"usage\":{\"prompt_tokens\":2}}\r\n\r\n", Usage{2, 0}},
      {"comments", ": \"usage\":{\"prompt_tokens\":2}\n\n", std::nullopt},
      {"nothing", "", std::nullopt},
  };
}

TEST(StreamUsage, FindsWhatEachKindOfStreamSaysHoweverItIsCut) {
  for (const Stream& one : streams()) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{300}, one.bytes.size() + 1}) {
      StreamUsage usage;
      for (std::size_t at = 0; at < one.bytes.size(); at += step)
        usage.feed(std::string_view(one.bytes).substr(at, step));
      EXPECT_EQ(usage.usage(), one.usage) << one.name << " in pieces of " << step;
    }
  }
}

TEST(StreamUsage, ReadsLongJsonWhoseUsageIsAtItsBeginningOrItsEnd) {
  const std::string numbers(500'000, '1');
  const std::string at_beginning =
      R"({"model":"m","object":"list","usage":{"prompt_tokens":12,"total_tokens":12},"data":[)" + numbers + "]}";
  const std::string at_end = R"({"choices":[)" + numbers + R"(],"usage":{"prompt_tokens":8,"completion_tokens":4}})";
  for (const std::size_t step : {std::size_t{1000}, std::size_t{65'536}}) {
    StreamUsage first;
    StreamUsage second;
    for (std::size_t at = 0; at < at_beginning.size(); at += step)
      first.feed(std::string_view(at_beginning).substr(at, step));
    for (std::size_t at = 0; at < at_end.size(); at += step)
      second.feed(std::string_view(at_end).substr(at, step));
    EXPECT_EQ(first.usage(), (Usage{12, 0})) << step;
    EXPECT_EQ(second.usage(), (Usage{8, 4})) << step;
  }
}

}  // namespace
}  // namespace gogrid::wire
