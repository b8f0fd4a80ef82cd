// Requests from an HTTP client through the coordinator to a FakeWorker over real QUIC, and back.
#include "coordinator/api/forward_test_support.hpp"

namespace gogrid::coordinator {
namespace {

using namespace test;
using nlohmann::json;
using testing::HasSubstr;

TEST_F(ForwardTest, TheBodyArrivesByteForByteAndTheAnswerComesBackWithItsLength) {
  start();
  std::string seen;
  std::string path;
  add_worker("wk_1", [&](FakeWork& work) -> asio::awaitable<void> {
    seen = work.body;
    path = work.request.path();
    co_await json_of(R"({"choices":[]})")(work);
  });
  const std::string body = "  " + chat(R"(, "unknown" :  [1.50, "\u00e9"] )");
  const Answer answer = ask(body);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"choices":[]})");
  EXPECT_EQ(answer.headers.get("Content-Length"), "14");
  EXPECT_EQ(answer.headers.get("Content-Type"), "application/json; charset=utf-8");
  EXPECT_EQ(answer.headers.get("x-gogrid-worker"), "wk_1");
  EXPECT_EQ(seen, body);
  EXPECT_EQ(path, "/v1/chat/completions");
}

TEST_F(ForwardTest, ALargeBodyGoesInManyFrames) {
  start();
  std::string seen;
  add_worker("wk_1", [&](FakeWork& work) -> asio::awaitable<void> {
    seen = std::move(work.body);
    co_await json_of("{}")(work);
  });
  const std::string body = chat(R"(,"x":")" + std::string(3'000'000, 'y') + "\"");
  EXPECT_EQ(ask(body).status, 200);
  EXPECT_EQ(seen, body);
}

TEST_F(ForwardTest, AStreamIsPassedOnAsItComes) {
  start();
  net::test::Event go_on(io_.get_executor());
  add_worker("wk_1", [&](FakeWork& work) -> asio::awaitable<void> {
    co_await work.respond(200, "text/event-stream");
    co_await work.data("data: one\n\n");
    co_await go_on.wait();
    co_await work.data("data: two\n\ndata: [DONE]\n\n");
    co_await work.end();
  });
  run([&]() -> asio::awaitable<void> {
    Reading reading = co_await begin_request(chat(R"(,"stream":true)"));
    EXPECT_EQ(reading.response->head().headers.get("Content-Type"), "text/event-stream");
    // The first event is here while the worker has not sent the second.
    const bool first = co_await read_until(reading, "data: one\n\n");
    EXPECT_TRUE(first);
    EXPECT_EQ(totals().slots_busy, 1u);
    go_on.set();
    const bool second = co_await read_until(reading, "[DONE]\n\n");
    EXPECT_TRUE(second);
    EXPECT_EQ(reading.text, "data: one\n\ndata: two\n\ndata: [DONE]\n\n");
    co_await wait_idle();
  });
}

TEST_F(ForwardTest, AnswersOfAnySizeComeThroughWhole) {
  start();
  for (const std::size_t size : {0, 1, 65'535, 65'536, 65'537, 1'000'000}) {
    const std::string text(size, 'z');
    FakeWorker& worker = add_worker("wk_" + std::to_string(size), [&](FakeWork& work) -> asio::awaitable<void> {
      co_await work.respond(200, "application/json");
      for (std::size_t at = 0; at < text.size(); at += 50'000)
        co_await work.data(text.substr(at, 50'000));
      co_await work.end();
    });
    const Answer answer = ask(chat());
    EXPECT_EQ(answer.status, 200) << size;
    EXPECT_EQ(answer.body, text) << size;
    worker.disconnect();
    run([&]() -> asio::awaitable<void> { co_await until([&] { return totals().workers_connected == 0; }); });
  }
}

TEST_F(ForwardTest, BadRequestsNeverReachAWorker) {
  start();
  FakeWorker& worker = add_worker("wk_1", json_of("{}"));
  const Answer broken = ask("{");
  EXPECT_EQ(broken.status, 400);
  EXPECT_EQ(json::parse(broken.body)["error"]["code"], "invalid_json");
  const Answer unknown = ask(R"({"model":"nope","messages":[{"role":"user"}]})");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(json::parse(unknown.body)["error"]["code"], "model_not_found");
  const Answer kind = ask(R"({"model":"tiny","input":"x"})", "/v1/embeddings");
  EXPECT_EQ(kind.status, 400);
  EXPECT_EQ(json::parse(kind.body)["error"]["message"],
            "the model 'tiny' is for chat and completions; /v1/embeddings needs one for embeddings");
  const Answer large = ask(std::string(5'000'000, 'x'));
  EXPECT_EQ(large.status, 413);
  const Answer anthropic = ask("{}", "/v1/messages");
  EXPECT_EQ(anthropic.status, 400);
  EXPECT_EQ(json::parse(anthropic.body)["type"], "error");
  EXPECT_EQ(json::parse(anthropic.body)["error"]["type"], "invalid_request_error");
  EXPECT_EQ(worker.started, 0u);
}

TEST_F(ForwardTest, WithoutAWorkerTheAnswerSaysSoAndWhenToTryAgain) {
  start();
  const Answer answer = ask(chat());
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.get("Retry-After"), "30");
  const json error = json::parse(answer.body)["error"];
  EXPECT_EQ(error["code"], "no_worker");
  EXPECT_EQ(error["type"], "server_error");
  EXPECT_EQ(error["message"], "the model 'tiny' cannot be served now: no worker is connected");
}

TEST_F(ForwardTest, ARequestWaitsForASlotAndAFullQueueIs429) {
  limits_.max_waiting_requests = 1;
  start();
  net::test::Event go_on(io_.get_executor());
  add_worker(
      "wk_1",
      [&](FakeWork& work) -> asio::awaitable<void> {
        co_await go_on.wait();
        co_await json_of("{}")(work);
      },
      1);
  const auto first = std::make_shared<std::optional<Answer>>();
  const auto second = std::make_shared<std::optional<Answer>>();
  spawn_request(chat(), first);
  run([&]() -> asio::awaitable<void> { co_await until([&] { return totals().requests_running == 1; }); });
  spawn_request(chat(), second);
  run([&]() -> asio::awaitable<void> { co_await until([&] { return totals().requests_waiting == 1; }); });
  const Answer third = ask(chat());
  EXPECT_EQ(third.status, 429);
  EXPECT_TRUE(third.headers.get("Retry-After"));
  EXPECT_EQ(json::parse(third.body)["error"]["code"], "queue_full");
  go_on.set();
  run([&]() -> asio::awaitable<void> { co_await until([&] { return *first && *second; }); });
  EXPECT_EQ((*first)->status, 200);
  EXPECT_EQ((*second)->status, 200);
}

TEST_F(ForwardTest, LargeBodiesThatWaitAreBoundedTogether) {
  max_held_bytes_ = 3'000'000;
  start();
  net::test::Event go_on(io_.get_executor());
  add_worker("wk_1", [&](FakeWork& work) -> asio::awaitable<void> {
    co_await go_on.wait();
    co_await json_of("{}")(work);
  });
  const std::string large = chat(R"(,"x":")" + std::string(2'000'000, 'y') + "\"");
  const auto first = std::make_shared<std::optional<Answer>>();
  spawn_request(large, first);
  run([&]() -> asio::awaitable<void> { co_await until([&] { return totals().requests_running == 1; }); });
  const Answer second = ask(large);
  EXPECT_EQ(second.status, 429);
  EXPECT_TRUE(second.headers.get("Retry-After"));
  go_on.set();
  run([&]() -> asio::awaitable<void> { co_await until([&] { return first->has_value(); }); });
  EXPECT_EQ((*first)->status, 200);
  EXPECT_EQ(ask(large).status, 200);
}

TEST_F(ForwardTest, OnlyBytesThatCameTakeMemory) {
  max_held_bytes_ = 4 * 1024 * 1024;
  start();
  add_worker("wk_1", json_of("{}"));
  // Each announces all there is, and sends next to nothing of it.
  std::vector<std::unique_ptr<net::test::RawClient>> slow;
  for (int i = 0; i < 16; ++i) {
    slow.push_back(std::make_unique<net::test::RawClient>(io_, server_->socket()));
    const std::string framing =
        i % 2 == 0 ? "Content-Length: 4000000\r\n\r\n{" : "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n";
    net::test::run(io_, slow.back()->send("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n" + framing));
  }
  for (int i = 0; i < 16; ++i)
    EXPECT_EQ(ask(chat()).status, 200);
  EXPECT_EQ(ask(chat(R"(,"x":")" + std::string(2'000'000, 'y') + "\"")).status, 200);
}

TEST_F(ForwardTest, AWaitThatIsTooLongIsA503WithItsReason) {
  wait_timeout_ = 100ms;
  start();
  FakeWorker& worker = add_worker("wk_1");
  run([&]() -> asio::awaitable<void> {
    co_await worker.report(wire::PHASE_LOADING, 0);
    co_await until([&] { return totals().slots_free == 0; });
  });
  const Answer answer = ask(chat());
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(json::parse(answer.body)["error"]["code"], "model_not_ready");
  EXPECT_THAT(answer.body, HasSubstr("1 worker has this model: 1 loading"));
}

TEST_F(ForwardTest, ErrorsOfTheEngineComeInTheEndpointsForm) {
  start();
  FakeWorker& worker = add_worker("wk_1");
  worker.script =
      json_of(R"({"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_ctx":512}})", 400);
  const Answer answer = ask(chat());
  EXPECT_EQ(answer.status, 400);
  const json error = json::parse(answer.body)["error"];
  EXPECT_EQ(error["message"], "too long");
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_EQ(error["type"], "invalid_request_error");
  EXPECT_EQ(error["n_ctx"], 512);
  EXPECT_TRUE(error["param"].is_null());

  const Answer anthropic = ask(chat(), "/v1/messages");
  EXPECT_EQ(json::parse(anthropic.body),
            json::parse(R"({"type":"error","error":{"type":"invalid_request_error","message":"too long"}})"));

  worker.script = json_of("", 413);
  const Answer empty = ask(chat());
  EXPECT_EQ(empty.status, 413);
  EXPECT_EQ(json::parse(empty.body)["error"]["type"], "invalid_request_error");
  worker.script = json_of("<html>", 500);
  EXPECT_EQ(json::parse(ask(chat()).body)["error"]["type"], "server_error");
  worker.script = json_of(std::string(50'000, '['), 400);
  EXPECT_EQ(json::parse(ask(chat()).body)["error"]["type"], "invalid_request_error");
}

// ---- flow control, load ----

TEST_F(ForwardTest, ASlowClientStopsItsWorkerAndMemoryStaysBounded) {
  start();
  constexpr std::size_t frame_bytes = 32 * 1024;
  std::size_t sent = 0;
  add_worker("wk_1", [&](FakeWork& work) -> asio::awaitable<void> {
    co_await work.respond(200, "application/octet-stream");
    while (sent < 256 * 1024 * 1024) {
      if (!co_await work.data(std::string(frame_bytes, 'x'))) co_return;
      sent += frame_bytes;
    }
    co_await work.end();
  });
  net::test::RawClient raw(io_, server_->socket());
  const std::string body = chat();
  run([&]() -> asio::awaitable<void> {
    co_await raw.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                      std::to_string(body.size()) + "\r\n\r\n" + body);
    co_await raw.receive_until("\r\n\r\n");
    // Another client is not held up by it, and by the time it is done nothing more moves for the slow one.
    std::size_t before = 1;
    while (before != sent) {
      before = sent;
      for (int i = 0; i < 3; ++i) {
        const Answer models = co_await fetch(*client_, net::test::get("/v1/models"));
        EXPECT_EQ(models.status, 200);
        asio::steady_timer settle(io_, 100ms);
        co_await settle.async_wait(asio::use_awaitable);
      }
    }
    // Windows of QUIC on both sides, the socket's buffers, a frame here and there.
    EXPECT_LT(sent, 4u * 1024 * 1024);
    raw.socket.close();
    co_await wait_idle();
  });
}

TEST_F(ForwardTest, SixtyFourStreamsOfWhichHalfHangUpLeaveNoSlotBusy) {
  start();
  const auto endless_after_two = [](FakeWork& work) -> asio::awaitable<void> {
    co_await work.respond(200, "text/event-stream");
    co_await work.data("data: one\n\n");
    if (work.body.find("endless") == std::string::npos) {
      for (int i = 0; i < 50; ++i)
        co_await work.data("data: more\n\n");
      co_await work.data("data: [DONE]\n\n");
      co_await work.end();
      co_return;
    }
    while (co_await work.data("data: more\n\n"))
      co_await asio::post(asio::use_awaitable);
  };
  FakeWorker& first = add_worker("wk_1", endless_after_two, 32);
  FakeWorker& second = add_worker("wk_2", endless_after_two, 32);
  int completed = 0;
  int hung_up = 0;
  TaskGroup clients(io_.get_executor());
  const auto one = [&](bool hang_up) -> asio::awaitable<void> {
    const char* fields = hang_up ? R"(,"stream":true,"x":"endless")" : R"(,"stream":true)";
    Reading reading = co_await begin_request(chat(fields));
    const bool begun = co_await read_until(reading, "one\n\n");
    EXPECT_TRUE(begun);
    if (hang_up) {
      reading.response.reset();
      ++hung_up;
      co_return;
    }
    const bool done = co_await read_until(reading, "[DONE]\n\n");
    EXPECT_TRUE(done);
    ++completed;
  };
  for (int i = 0; i < 64; ++i)
    clients.spawn("client", one(i % 2 == 0));
  run([&]() -> asio::awaitable<void> {
    co_await clients.wait();
    co_await wait_idle();
    co_await until([&] { return first.started + second.started == 64 && first.finished + second.finished == 64; });
  });
  EXPECT_EQ(completed, 32);
  EXPECT_EQ(hung_up, 32);
  EXPECT_EQ(totals().slots_free, 128u);
}

TEST_F(ForwardTest, DrainingAnswersWhatWaitsAndLetsRunningRequestsEnd) {
  start();
  net::test::Event go_on(io_.get_executor());
  add_worker(
      "wk_1",
      [&](FakeWork& work) -> asio::awaitable<void> {
        co_await go_on.wait();
        co_await json_of("{}")(work);
      },
      1);
  const auto running = std::make_shared<std::optional<Answer>>();
  const auto waiting = std::make_shared<std::optional<Answer>>();
  spawn_request(chat(), running);
  run([&]() -> asio::awaitable<void> { co_await until([&] { return totals().requests_running == 1; }); });
  spawn_request(chat(), waiting);
  run([&]() -> asio::awaitable<void> { co_await until([&] { return totals().requests_waiting == 1; }); });
  dispatcher_->stop();
  run([&]() -> asio::awaitable<void> { co_await until([&] { return waiting->has_value(); }); });
  EXPECT_EQ((*waiting)->status, 503);
  EXPECT_THAT((*waiting)->body, HasSubstr("shutting down"));
  go_on.set();
  run([&]() -> asio::awaitable<void> { co_await until([&] { return running->has_value(); }); });
  EXPECT_EQ((*running)->status, 200);
}

// ---- models ----

TEST_F(ForwardTest, ModelsAreListedInOpenAisForm) {
  start();
  add_worker("wk_1");
  const Answer list = net::test::run<Answer>(io_, fetch(*client_, net::test::get("/v1/models")));
  const json body = json::parse(list.body);
  EXPECT_EQ(body["object"], "list");
  ASSERT_EQ(body["data"].size(), 2u);
  EXPECT_EQ(body["data"][0],
            json::parse(R"({"id":"tiny","object":"model","created":1700000000,"owned_by":"gogrid","gogrid":
    {"kind":"chat","context_tokens":2048,"replicas":{"ready":1,"total":1},"slots":{"busy":0,"total":4}}})"));
  const Answer one = net::test::run<Answer>(io_, fetch(*client_, net::test::get("/v1/models/vectors")));
  EXPECT_EQ(json::parse(one.body)["gogrid"]["kind"], "embedding");
  const Answer none = net::test::run<Answer>(io_, fetch(*client_, net::test::get("/v1/models/nope")));
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(json::parse(none.body)["error"]["code"], "model_not_found");
}

}  // namespace
}  // namespace gogrid::coordinator
