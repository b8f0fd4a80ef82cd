// Streams whose worker is lost in the middle of the answer: what the next worker is asked, and what the client gets.
#include "coordinator/api/forward_test_support.hpp"

namespace gogrid::coordinator {
namespace {

using namespace test;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

std::string chunk(const std::string& text, const std::string& id) {
  const json event{{"id", id},
                   {"choices", {{{"index", 0}, {"delta", {{"content", text}}}, {"finish_reason", nullptr}}}}};
  return "data: " + event.dump() + "\n\n";
}

class TakeoverTest : public ForwardTest {
 protected:
  // Says so much of the answer, then its engine dies.
  FakeWorker& add_losing_worker(const std::string& id) {
    return add_worker(id, [](FakeWork& work) -> asio::awaitable<void> {
      co_await work.respond(200, "text/event-stream");
      co_await work.data(chunk("Go", "one") + chunk("Grid", "one") + "data: {\"half");
      co_await work.end("io", "the engine died");
    });
  }
  // Answers as an engine does that goes on; keeps what it was asked.
  FakeWorker& add_next_worker(const std::string& id) {
    return add_worker(id, [this](FakeWork& work) -> asio::awaitable<void> {
      asked_.emplace_back(work.request.path(), work.body);
      const bool is_chat = work.request.path() == "/v1/chat/completions";
      if (is_chat) co_await work.respond(status_, "text/event-stream");
      if (!is_chat) co_await work.respond(200, "application/json");
      if (work.request.path() == "/apply-template") co_await work.data(R"({"prompt":"<user>?<assistant>GoGrid"})");
      if (work.request.path() == "/tokenize") co_await work.data(tokens_);
      if (is_chat) co_await work.data(answer_);
      co_await work.end();
    });
  }

  std::string tokens_ = R"({"tokens":[{"id":1,"piece":"<assistant>"},{"id":2,"piece":"Go"},{"id":3,"piece":"Grid"}]})";
  std::string answer_ = chunk("!", "two") + "data: [DONE]\n\n";
  int status_ = 200;
  std::vector<std::pair<std::string, std::string>> asked_;
};

constexpr const char* greedy = R"(,"stream":true,"temperature":0,"max_tokens":9)";

TEST_F(TakeoverTest, TheNextWorkerGoesOnWithTheAnswer) {
  start();
  add_losing_worker("wk_1");
  add_next_worker("wk_2");
  const Answer answer = ask(chat(greedy));
  EXPECT_EQ(answer.body, chunk("Go", "one") + chunk("Grid", "one") + chunk("!", "one") + "data: [DONE]\n\n");
  ASSERT_EQ(asked_.size(), 3u);
  EXPECT_EQ(asked_[0].first, "/apply-template");
  EXPECT_EQ(asked_[1].first, "/tokenize");
  const json body = json::parse(asked_[2].second);
  EXPECT_EQ(body["messages"].back()["content"], "GoGrid");
  EXPECT_EQ(body["max_tokens"], 7);
  EXPECT_THAT(metrics_.text(totals()), HasSubstr("gogrid_migrations_total{result=\"done\"} 1"));
}

TEST_F(TakeoverTest, WhatWouldBeOtherTokensIsGeneratedAnew) {
  tokens_ = R"({"tokens":[{"id":1,"piece":"<assistant>"},{"id":2,"piece":"GoGrid"}]})";
  answer_ = chunk("GoGr", "two") + chunk("id!", "two") + "data: [DONE]\n\n";
  start();
  add_losing_worker("wk_1");
  add_next_worker("wk_2");
  const Answer answer = ask(chat(greedy));
  EXPECT_EQ(answer.body, chunk("Go", "one") + chunk("Grid", "one") + chunk("!", "one") + "data: [DONE]\n\n");
  EXPECT_EQ(json::parse(asked_.back().second)["messages"].size(), 1u);
}

// The engine may have held back the rest of a token that could become the stop text.
TEST_F(TakeoverTest, WithAStopTextAGreedyAnswerIsGeneratedAnew) {
  answer_ = chunk("GoGrid", "two") + chunk("!", "two") + "data: [DONE]\n\n";
  start();
  add_losing_worker("wk_1");
  add_next_worker("wk_2");
  const Answer answer = ask(chat(R"(,"stream":true,"temperature":0,"max_tokens":9,"stop":"end")"));
  EXPECT_EQ(answer.body, chunk("Go", "one") + chunk("Grid", "one") + chunk("!", "one") + "data: [DONE]\n\n");
  EXPECT_EQ(json::parse(asked_.back().second)["messages"].size(), 1u);
}

TEST_F(TakeoverTest, AnAnswerThatComesOutDifferentlyGoesOnFromItsText) {
  tokens_ = R"({"tokens":[{"id":2,"piece":"GoGrid"}]})";
  start();
  add_losing_worker("wk_1");
  add_worker("wk_2", [this](FakeWork& work) -> asio::awaitable<void> {
    const bool is_chat = work.request.path() == "/v1/chat/completions";
    const bool is_anew = is_chat && json::parse(work.body)["messages"].size() == 1;
    const std::string type = is_chat ? "text/event-stream" : "application/json";
    co_await work.respond(200, type);
    if (work.request.path() == "/tokenize") co_await work.data(tokens_);
    if (is_anew) co_await work.data(chunk("Goal", "two"));
    if (is_chat && !is_anew) co_await work.data(answer_);
    co_await work.end();
  });
  const Answer answer = ask(chat(greedy));
  EXPECT_EQ(answer.body, chunk("Go", "one") + chunk("Grid", "one") + chunk("!", "one") + "data: [DONE]\n\n");
  EXPECT_THAT(metrics_.text(totals()), HasSubstr("gogrid_migrations_total{result=\"done\"} 1"));
}

// A call of a tool that the template does not write as JSON can only be generated anew.
TEST_F(TakeoverTest, WhatCannotGoOnFromItsTextAndComesOutDifferentlyIsAnError) {
  answer_ = chunk("Goal", "two") + "data: [DONE]\n\n";
  start();
  add_worker("wk_1", [](FakeWork& work) -> asio::awaitable<void> {
    co_await work.respond(200, "text/event-stream");
    co_await work.data(chunk("Go", "one"));
    const json call{{"index", 0}, {"id", "call_1"}, {"function", {{"name", "find"}, {"arguments", "{\"a"}}}};
    const json event{{"id", "one"}, {"choices", {{{"index", 0}, {"delta", {{"tool_calls", {call}}}}}}}};
    co_await work.data("data: " + event.dump() + "\n\n");
    co_await work.end("io", "the engine died");
  });
  add_next_worker("wk_2");
  const Answer answer = ask(chat(greedy));
  EXPECT_THAT(answer.body, HasSubstr("worker_lost"));
  EXPECT_THAT(answer.body, HasSubstr("came out differently"));
  EXPECT_THAT(answer.body, Not(HasSubstr("al\"")));
  EXPECT_THAT(metrics_.text(totals()), HasSubstr("gogrid_migrations_total{result=\"failed\"} 1"));
}

TEST_F(TakeoverTest, AnEngineThatCannotGoOnIsAnError) {
  status_ = 400;
  start();
  add_losing_worker("wk_1");
  add_next_worker("wk_2");
  const Answer answer = ask(chat(greedy));
  EXPECT_THAT(answer.body, HasSubstr("the engine cannot go on with the answer (400)"));
}

TEST_F(TakeoverTest, ASecondLossGoesOnFromWhatTheClientHasThen) {
  start();
  add_losing_worker("wk_1");
  add_worker("wk_2", [&](FakeWork& work) -> asio::awaitable<void> {
    co_await work.respond(200, "application/json");
    if (work.request.path() == "/apply-template") co_await work.data(R"({"prompt":"<assistant>GoGrid"})");
    if (work.request.path() == "/tokenize") co_await work.data(tokens_);
    if (work.request.path() == "/v1/chat/completions") {
      tokens_ = R"({"tokens":[{"piece":"Go"},{"piece":"Grid"},{"piece":", a"}]})";
      add_next_worker("wk_3");
      co_await work.data(chunk(", a", "two"));
      co_await work.end("io", "the engine died");
      co_return;
    }
    co_await work.end();
  });
  const Answer answer = ask(chat(greedy));
  EXPECT_EQ(answer.body,
            chunk("Go", "one") + chunk("Grid", "one") + chunk(", a", "one") + chunk("!", "one") + "data: [DONE]\n\n");
  const json body = json::parse(asked_.back().second);
  EXPECT_EQ(body["messages"].back()["content"], "GoGrid, a");
  EXPECT_EQ(body["max_tokens"], 6);
}

TEST_F(TakeoverTest, WhatNoWorkerAddsToIsGivenUp) {
  start();
  add_losing_worker("wk_1");
  add_worker("wk_2", [](FakeWork& work) -> asio::awaitable<void> { co_await work.end("io", "the engine died"); });
  const Answer answer = ask(chat(greedy));
  EXPECT_THAT(answer.body, HasSubstr("no other one could go on with it: the engine died"));
}

TEST_F(TakeoverTest, AWorkerThatIsLostOnceItHasSaidAllIsNotMissed) {
  start();
  const std::string all =
      "event: message_delta\ndata: {\"type\":\"message_delta\"}\n\nevent: message_stop\ndata: "
      "{\"type\":\"message_stop\"}\n\n";
  add_worker("wk_1", [all](FakeWork& work) -> asio::awaitable<void> {
    co_await work.respond(200, "text/event-stream");
    co_await work.data(all);
    co_await work.end("io", "the engine died");
  });
  add_next_worker("wk_2");
  const Answer answer = ask(chat(R"(,"stream":true,"max_tokens":9)"), "/v1/messages");
  EXPECT_EQ(answer.body, all);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(TakeoverTest, TurnedOffAStreamEndsWithItsWorker) {
  migration_.enabled = false;
  start();
  add_losing_worker("wk_1");
  add_next_worker("wk_2");
  const Answer answer = ask(chat(greedy));
  EXPECT_THAT(answer.body,
              HasSubstr("the worker that ran this request was lost before its answer was complete; send it"));
  EXPECT_TRUE(asked_.empty());
}

}  // namespace
}  // namespace gogrid::coordinator
