// Requests that lose somebody on the way: the client hangs up, its key is revoked, the worker goes.
#include "coordinator/api/forward_test_support.hpp"

namespace gogrid::coordinator {
namespace {

using namespace test;
using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

// ---- cancelling ----

TEST_F(ForwardTest, AClientThatHangsUpFreesItsSlotAndTellsTheWorker) {
  start();
  bool cancelled = false;
  add_worker("wk_1", [&](FakeWork& work) -> asio::awaitable<void> {
    co_await work.respond(200, "text/event-stream");
    co_await work.data("data: one\n\n");
    cancelled = co_await work.wait_cancelled();
  });
  run([&]() -> asio::awaitable<void> {
    Reading reading = co_await begin_request(chat(R"(,"stream":true)"));
    const bool first = co_await read_until(reading, "one");
    EXPECT_TRUE(first);
    reading.response.reset();
    co_await wait_idle();
    co_await until([&] { return cancelled; });
  });
}

TEST_F(ForwardTest, AClientThatHangsUpBeforeTheAnswerBeganFreesItsSlotToo) {
  start();
  bool cancelled = false;
  add_worker("wk_1", [&](FakeWork& work) -> asio::awaitable<void> { cancelled = co_await work.wait_cancelled(); });
  net::test::RawClient raw(io_, server_->socket());
  const std::string body = chat();
  run([&]() -> asio::awaitable<void> {
    co_await raw.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                      std::to_string(body.size()) + "\r\n\r\n" + body);
    co_await until([&] { return totals().slots_busy == 1; });
    raw.socket.close();
    co_await wait_idle();
    co_await until([&] { return cancelled; });
  });
}

TEST_F(ForwardTest, AClientThatHangsUpWhileItWaitsLeavesTheQueue) {
  start();
  FakeWorker& worker = add_worker("wk_1");
  net::test::RawClient raw(io_, server_->socket());
  const std::string body = chat();
  run([&]() -> asio::awaitable<void> {
    co_await worker.report(wire::PHASE_LOADING, 0);
    co_await until([&] { return totals().slots_free == 0; });
    co_await raw.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                      std::to_string(body.size()) + "\r\n\r\n" + body);
    co_await until([&] { return totals().requests_waiting == 1; });
    raw.socket.close();
    co_await wait_idle();
  });
  EXPECT_EQ(worker.started, 0u);
}

// ---- losing workers ----

TEST_F(ForwardTest, ARevokedKeyEndsWhatStreamsAndWhatWaits) {
  start();
  bool cancelled = false;
  FakeWorker& worker = add_worker(
      "wk_1",
      [&](FakeWork& work) -> asio::awaitable<void> {
        co_await work.respond(200, "text/event-stream");
        co_await work.data("data: one\n\n");
        cancelled = co_await work.wait_cancelled();
      },
      1);
  const auto waiting = std::make_shared<std::optional<Answer>>();
  run([&]() -> asio::awaitable<void> {
    Reading reading = co_await begin_request(chat(R"(,"stream":true)"));
    const bool first = co_await read_until(reading, "data: one\n\n");
    EXPECT_TRUE(first);
    spawn_request(chat(), waiting, "/v1/messages");
    co_await until([&] { return totals().requests_waiting == 1; });
    for (ApiRequest* request : std::set<ApiRequest*>(running_))
      request->revoke();
    const bool told = co_await read_until(reading, "was revoked");
    EXPECT_TRUE(told) << reading.text;
    const bool more = co_await read_until(reading, "data: two");
    EXPECT_FALSE(more);
    co_await until([&] { return cancelled && waiting->has_value(); });
    co_await wait_idle();
  });
  EXPECT_EQ((*waiting)->status, 401);
  EXPECT_EQ(json::parse((*waiting)->body)["error"]["type"], "authentication_error");
  EXPECT_EQ(worker.started, 1u);
}

TEST_F(ForwardTest, AWorkerLostBeforeTheFirstByteIsReplacedUnseen) {
  start();
  FakeWorker& first = add_worker("wk_1");
  first.script = [&](FakeWork& work) -> asio::awaitable<void> {
    // The response's head alone has not reached the client.
    co_await work.respond(200, "text/event-stream");
    first.disconnect();
  };
  add_worker("wk_2", stream_of(3));
  const Answer answer = ask(chat(R"(,"stream":true)"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.get("x-gogrid-worker"), "wk_2");
  EXPECT_THAT(answer.body, StartsWith("data: {\"n\":0}\n\n"));
  EXPECT_THAT(metrics_.text(totals()), HasSubstr("gogrid_request_retries_total 1"));
}

TEST_F(ForwardTest, AWorkerThatRefusesOrResetsIsReplacedUnseen) {
  start();
  std::vector<FakeWorker::Script> refusals{
      [](FakeWork& work) -> asio::awaitable<void> { co_await work.end("unavailable", "paused by its owner"); },
      [](FakeWork& work) -> asio::awaitable<void> {
        work.reset();
        co_return;
      },
      json_of(R"({"error":{"message":"Loading model","type":"unavailable_error","code":503}})", 503),
      [](FakeWork& work) -> asio::awaitable<void> {
        co_await work.respond(200, "application/json");
        co_await work.data("{\"half");
        co_await work.end("io", "the engine died");
      },
      [](FakeWork& work) -> asio::awaitable<void> { co_await work.send(std::string("\xff\xff\xff\xff", 4)); },
      [](FakeWork& work) -> asio::awaitable<void> { co_await work.data("data without a response"); },
      [](FakeWork& work) -> asio::awaitable<void> { co_await work.respond(99'999, "text/plain"); },
  };
  add_worker("wk_2", json_of(R"({"ok":true})"));
  for (std::size_t i = 0; i < refusals.size(); ++i) {
    // A new one each time, so that none fails so often that it is left out; it has rested for longest.
    FakeWorker& bad = add_worker("wk_1_" + std::to_string(i), refusals[i]);
    for (int attempt = 0; attempt < 3; ++attempt) {
      const Answer answer = ask(new_chat());
      EXPECT_EQ(answer.status, 200) << i;
      EXPECT_EQ(answer.headers.get("x-gogrid-worker"), "wk_2") << i;
    }
    EXPECT_GT(bad.started, 0u) << i;
    run([&]() -> asio::awaitable<void> {
      co_await bad.report(wire::PHASE_LOADING, 0);
      co_await until([&] { return totals().slots_free == 8; });
    });
  }
}

TEST_F(ForwardTest, AWorkerThatRefusesEverythingIsLeftOut) {
  start();
  FakeWorker& bad = add_worker(
      "wk_1", [](FakeWork& work) -> asio::awaitable<void> { co_await work.end("unavailable", "something is wrong"); });
  FakeWorker& good = add_worker("wk_2", json_of(R"({"ok":true})"));
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(ask(new_chat()).status, 200);
    // Its state changes, and the other one's after it: it would be tried again but for its failures.
    run([&]() -> asio::awaitable<void> {
      for (FakeWorker* worker : {&bad, &good}) {
        co_await worker->report(wire::PHASE_LOADING, 0);
        co_await until([&] { return totals().slots_free == 8; });
        co_await worker->report(wire::PHASE_READY, 4);
        co_await until([&] { return totals().slots_free == 16; });
      }
    });
  }
  EXPECT_EQ(bad.started, 5u);
  EXPECT_EQ(totals().workers_quarantined, 1u);
}

// It says that it is ready and lets nobody in: waiting for it would be for ever, even for a client that hangs up.
TEST_F(ForwardTest, AWorkerThatAllowsNoStreamsIsReplacedUnseen) {
  start();
  FakeWorker rogue(io_, "wk_rogue");
  rogue.max_streams = 0;
  run([&]() -> asio::awaitable<void> { co_await connect_ready(rogue, 4096); });
  add_worker("wk_good", json_of("{}"));
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(ask(chat()).status, 200);
}

TEST_F(ForwardTest, ARefusalThatIsAboutTheRequestIsFinal) {
  start();
  FakeWorker& worker = add_worker("wk_1", [](FakeWork& work) -> asio::awaitable<void> {
    co_await work.end("too_large", "the engine takes no body this large");
  });
  const Answer answer = ask(chat());
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("the engine takes no body this large"));
  EXPECT_EQ(worker.started, 1u);
}

TEST_F(ForwardTest, ARequestThatEveryWorkerDropsIsGivenUp) {
  limits_.replica_hold = 0ms;
  start();
  FakeWorker& worker =
      add_worker("wk_1", [](FakeWork& work) -> asio::awaitable<void> { co_await work.end("io", "the engine died"); });
  const Answer answer = ask(chat());
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(json::parse(answer.body)["error"]["code"], "worker_lost");
  EXPECT_EQ(worker.started, 3u);
}

TEST_F(ForwardTest, AStreamWhoseWorkerIsLostEndsWithAnErrorEvent) {
  start();
  bool client_has_it = false;
  FakeWorker& worker = add_worker("wk_1");
  worker.script = [&](FakeWork& work) -> asio::awaitable<void> {
    co_await work.respond(200, "text/event-stream");
    co_await work.data("data: one\n\ndata: {\"half");
    co_await until([&] { return client_has_it; });
    worker.disconnect();
  };
  run([&]() -> asio::awaitable<void> {
    Reading reading = co_await begin_request(chat(R"(,"stream":true)"));
    const bool first = co_await read_until(reading, "one\n\n");
    EXPECT_TRUE(first);
    client_has_it = true;
    co_await read_until(reading, "never");
    // The half event is not passed on: no client could read it.
    EXPECT_THAT(reading.text, StartsWith("data: one\n\ndata: {\"error\":{"));
    const std::string event = reading.text.substr(std::string("data: one\n\n").size() + 6);
    EXPECT_EQ(json::parse(event)["error"]["code"], "worker_lost");
    co_await wait_idle();
  });
}

TEST_F(ForwardTest, ALongAnswerWhoseWorkerIsLostIsCut) {
  start();
  FakeWorker& worker = add_worker("wk_1");
  worker.script = [&](FakeWork& work) -> asio::awaitable<void> {
    co_await work.respond(200, "application/json");
    for (int i = 0; i < 3; ++i)
      co_await work.data(std::string(60'000, 'x'));
    co_await work.end("io", "the engine died");
  };
  const Answer answer = ask(chat());
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, StartsWith("protocol: "));
}

TEST_F(ForwardTest, ARevokedWorkersRequestMovesToAnother) {
  start();
  add_worker("wk_1", [](FakeWork& work) -> asio::awaitable<void> { co_await work.wait_cancelled(); });
  const auto answer = std::make_shared<std::optional<Answer>>();
  spawn_request(chat(), answer);
  run([&]() -> asio::awaitable<void> { co_await until([&] { return totals().requests_running == 1; }); });
  add_worker("wk_2", json_of(R"({"ok":true})"));
  sessions_->disconnect("wk_1", "revoked");
  run([&]() -> asio::awaitable<void> { co_await until([&] { return answer->has_value(); }); });
  EXPECT_EQ((*answer)->status, 200);
  EXPECT_EQ((*answer)->headers.get("x-gogrid-worker"), "wk_2");
}

TEST_F(ForwardTest, AWorkerThatComesBackTakesItsRequestsUpAgain) {
  start();
  FakeWorker& first =
      add_worker("wk_1", [](FakeWork& work) -> asio::awaitable<void> { co_await work.wait_cancelled(); });
  const auto answer = std::make_shared<std::optional<Answer>>();
  spawn_request(chat(), answer);
  run([&]() -> asio::awaitable<void> { co_await until([&] { return totals().requests_running == 1; }); });
  first.disconnect();
  run([&]() -> asio::awaitable<void> { co_await until([&] { return totals().requests_waiting == 1; }); });
  add_worker("wk_1", json_of(R"({"ok":true})"));
  run([&]() -> asio::awaitable<void> { co_await until([&] { return answer->has_value(); }); });
  EXPECT_EQ((*answer)->status, 200);
}

}  // namespace
}  // namespace gogrid::coordinator
