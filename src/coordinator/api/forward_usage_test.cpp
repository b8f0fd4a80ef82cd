// What requests take, and what their keys may: counted, limited, and said in headers and errors.
#include "coordinator/api/forward_test_support.hpp"

namespace gogrid::coordinator {
namespace {

using namespace test;
using nlohmann::json;
using testing::HasSubstr;

class ForwardUsage : public ForwardTest {
 protected:
  ForwardUsage() {
    key_.emplace();
    key_->id = "k1";
  }
  void limit(domain::KeyPolicy policy) { dispatcher_->set_key(domain::KeyId("k1"), policy); }
  std::vector<store::UsageRecord> used() {
    const std::int64_t today = day_of(clock_.system_now());
    return net::test::run(io_, meter_.list(today - 1, today, "k1")).value();
  }
  void expect_used(std::int64_t requests, std::int64_t prompt, std::int64_t completion) {
    const auto records = used();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].model, "tiny");
    EXPECT_EQ(records[0].requests, requests);
    EXPECT_EQ(records[0].prompt_tokens, prompt);
    EXPECT_EQ(records[0].completion_tokens, completion);
  }
  static FakeWorker::Script events_of(std::vector<std::string> events, bool complete = true) {
    return [events, complete](FakeWork& work) -> asio::awaitable<void> {
      co_await work.respond(200, "text/event-stream");
      for (const std::string& event : events)
        co_await work.data("data: " + event + "\n\n");
      if (complete) {
        co_await work.end();
      } else {
        co_await work.end("unavailable", "the engine ended");
      }
    };
  }
};

constexpr const char* token_event =
    R"({"choices":[{"index":0,"delta":{"content":"a"}}],"object":"chat.completion.chunk"})";

TEST_F(ForwardUsage, WhatWholeAnswersSayIsCounted) {
  start();
  FakeWorker& worker =
      add_worker("wk_1", json_of(R"({"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":4}})"));
  EXPECT_EQ(ask(chat()).status, 200);
  expect_used(1, 8, 4);
  worker.script = [](FakeWork& work) -> asio::awaitable<void> {
    co_await work.respond(200, "application/json");
    co_await work.data(R"({"choices":[],"x":")");
    for (int i = 0; i < 10; ++i)
      co_await work.data(std::string(30'000, 'x'));
    co_await work.data(R"(","usage":{"prompt_tokens":80,"completion_tokens":40}})");
    co_await work.end();
  };
  EXPECT_EQ(ask(chat()).status, 200);
  expect_used(2, 88, 44);
  worker.script = json_of(R"({"error":{"message":"no"}})", 400);
  EXPECT_EQ(ask(chat()).status, 400);
  expect_used(2, 88, 44);
  EXPECT_EQ(dispatcher_->scheduler().totals().requests_running, 0u);
}

TEST_F(ForwardUsage, WhatStreamsSayIsCountedAlsoWhenTheyBreakOff) {
  start();
  FakeWorker& worker = add_worker(
      "wk_1",
      events_of({token_event, R"({"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":4}})", "[DONE]"}));
  EXPECT_EQ(ask(chat(R"(,"stream":true)")).status, 200);
  expect_used(1, 8, 4);
  // The texts of the prompt have 6 bytes.
  worker.script = events_of({token_event, token_event, token_event}, false);
  EXPECT_EQ(ask(chat(R"(,"stream":true)")).status, 200);
  expect_used(2, 10, 7);
}

TEST_F(ForwardUsage, WhoHangsUpHasUsedWhatCame) {
  start();
  add_worker("wk_1", [](FakeWork& work) -> asio::awaitable<void> {
    co_await work.respond(200, "text/event-stream");
    co_await work.data("data: " + std::string(token_event) + "\n\n");
    co_await work.wait_cancelled();
  });
  run([&]() -> asio::awaitable<void> {
    Reading reading = co_await begin_request(chat(R"(,"stream":true)"));
    const bool begun = co_await read_until(reading, "\n\n");
    EXPECT_TRUE(begun);
    reading.response.reset();
    co_await wait_idle();
    co_await until([&] { return running_.empty(); });
  });
  expect_used(1, 2, 1);
}

TEST_F(ForwardUsage, TokensThatWereUsedCountAgainstTheKeysLimit) {
  start();
  domain::KeyPolicy policy;
  policy.tokens_per_minute = 100;
  limit(policy);
  add_worker("wk_1", json_of(R"({"choices":[],"usage":{"prompt_tokens":80,"completion_tokens":40}})"));
  EXPECT_EQ(ask(chat()).status, 200);
  const auto rate = dispatcher_->scheduler().token_rate(domain::KeyId("k1"), clock_.steady_now());
  EXPECT_LE(rate.remaining, 0);
  const Answer refused = ask(chat());
  EXPECT_EQ(refused.status, 429);
  const json error = json::parse(refused.body)["error"];
  EXPECT_EQ(error["code"], "rate_limit_exceeded");
  EXPECT_EQ(error["type"], "rate_limit_error");
  EXPECT_EQ(error["reason"], "key_rate");
  EXPECT_THAT(std::string(error["message"]), HasSubstr("100 tokens"));
  EXPECT_TRUE(refused.headers.get("Retry-After"));
  // Another key has its own.
  key_->id = "k2";
  EXPECT_EQ(ask(chat()).status, 200);
}

TEST_F(ForwardUsage, RequestsOverTheKeysLimitAreRefusedInTheFormOfTheEndpoint) {
  start();
  domain::KeyPolicy policy;
  policy.requests_per_minute = 1;
  limit(policy);
  add_worker("wk_1", json_of("{}"));
  EXPECT_EQ(ask(chat()).status, 200);
  const json error = json::parse(ask(chat(), "/v1/messages").body);
  EXPECT_EQ(error["type"], "error");
  EXPECT_EQ(error["error"]["type"], "rate_limit_error");
  EXPECT_EQ(error["error"]["reason"], "key_rate");
}

TEST_F(ForwardUsage, ModelsThatAKeyMayNotUseAreNotThereForIt) {
  start();
  add_worker("wk_1", json_of("{}"));
  key_->models = {"vectors"};
  const Answer refused = ask(chat());
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(json::parse(refused.body)["error"]["code"], "model_not_found");
  EXPECT_EQ(net::test::run<Answer>(io_, fetch(*client_, net::test::get("/v1/models/tiny"))).status, 404);
  EXPECT_EQ(net::test::run<Answer>(io_, fetch(*client_, net::test::get("/v1/models/vectors"))).status, 200);
  const json list = json::parse(net::test::run<Answer>(io_, fetch(*client_, net::test::get("/v1/models"))).body);
  ASSERT_EQ(list["data"].size(), 1u);
  EXPECT_EQ(list["data"][0]["id"], "vectors");
  key_->models.emplace_back("tiny");
  EXPECT_EQ(ask(chat()).status, 200);
}

TEST_F(ForwardUsage, RefusalsSayHowThingsStandInFields) {
  start();
  const json nobody = json::parse(ask(chat()).body)["error"];
  EXPECT_EQ(nobody["reason"], "no_worker");
  EXPECT_EQ(nobody["position"], 0);
  EXPECT_TRUE(nobody.contains("estimate_seconds"));
}

}  // namespace
}  // namespace gogrid::coordinator
