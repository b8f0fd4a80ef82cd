// The server against raw bytes: what a stranger may send, and what it must get back.
#include "net/http_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/encoding.hpp"
#include "net/net_test_support.hpp"

namespace gogrid::net {
namespace {

using namespace std::chrono_literals;
using test::run;
using test::talk;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
namespace asio = boost::asio;

ResponseHead ok() {
  ResponseHead head;
  head.headers.add("Content-Type", "text/plain");
  return head;
}

// Sends the body back: whole, or with /stream chunk by chunk.
asio::awaitable<void> echo(HttpExchange& exchange) {
  if (exchange.request().path() == "/stream") {
    (void)co_await exchange.start(ok());
    std::vector<std::byte> buffer(64 * 1024);
    for (;;) {
      const auto count = co_await exchange.read_body_some(buffer);
      if (!count || *count == 0) break;
      if (!co_await exchange.write(as_text(std::span(buffer).first(*count)))) co_return;
    }
    (void)co_await exchange.finish();
    co_return;
  }
  auto body = co_await exchange.read_body(1000);
  ResponseHead head = ok();
  if (!body) {
    head.status = http_status(body.error().code);
    (void)co_await exchange.respond(std::move(head), body.error().detail);
    co_return;
  }
  std::string text = exchange.request().method + " " + std::string(exchange.request().path()) + " " + *body;
  (void)co_await exchange.respond(std::move(head), std::move(text));
}

class HttpServerTest : public testing::Test {
 protected:
  asio::io_context io;
};

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrderAndKeepsTheConnection) {
  test::TestServer server(io, echo);
  const std::string text = talk(io, server.socket(),
                                "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                                "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
                                "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nho\r\n0\r\n\r\n"
                                "GET /4 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(text, HasSubstr("GET /1 "));
  EXPECT_THAT(text, HasSubstr("POST /2 hi"));
  EXPECT_THAT(text, HasSubstr("POST /3 ho"));
  EXPECT_THAT(text, EndsWith("Connection: close\r\n\r\nGET /4 "));
  EXPECT_THAT(text, HasSubstr("Date: "));
}

TEST_F(HttpServerTest, HeadHasTheLengthAndNoBody) {
  test::TestServer server(io, echo);
  const std::string text = talk(io, server.socket(),
                                "HEAD /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                                "HEAD /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(text, HasSubstr("Content-Length: 8\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("HEAD /1")));
  EXPECT_THAT(text, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, Http10GetsABodyThatEndsWithTheConnection) {
  test::TestServer server(io, echo);
  const std::string text = talk(io, server.socket(), "POST /stream HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(text, Not(HasSubstr("chunked")));
  EXPECT_THAT(text, EndsWith("\r\n\r\nabc"));
}

TEST_F(HttpServerTest, ContinueIsSentOnlyWhenTheBodyIsWanted) {
  test::TestServer server(io, echo);
  test::RawClient client(io, server.socket());
  run(io, client.send("POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_EQ(run(io, client.receive_until("\r\n\r\n")), "HTTP/1.1 100 Continue\r\n\r\n");
  run(io, client.send("hi"));
  EXPECT_THAT(run(io, client.receive_until("POST /a hi")), StartsWith("HTTP/1.1 200 OK\r\n"));

  run(io, client.send("POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n"));
  const std::string refused = run(io, client.receive_all());
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(refused, HasSubstr("Connection: close"));

  EXPECT_THAT(talk(io, server.socket(), "GET / HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 417 "));
}

TEST_F(HttpServerTest, RefusalsComeInOpenAisFormAndCloseTheConnection) {
  HttpLimits limits;
  limits.max_header_bytes = 1000;
  test::TestServer server(io, echo, limits);
  const std::pair<std::string, std::string> rows[] = {
      {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(1000, 'a') + "\r\n\r\n",
       "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
      {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505 "},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 400 "},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 "},
      {"\x16\x03\x01\x02\x00\x01", "HTTP/1.1 400 "},
  };
  for (const auto& [sent, status] : rows) {
    const std::string text = talk(io, server.socket(), sent);
    EXPECT_THAT(text, StartsWith(status));
    EXPECT_THAT(text, HasSubstr("Connection: close"));
    EXPECT_THAT(text, HasSubstr("x-request-id: req_"));
    EXPECT_THAT(text, HasSubstr("{\"error\":{\"message\":\""));
    EXPECT_THAT(text, HasSubstr("\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}"));
  }
}

TEST_F(HttpServerTest, ABodyOverTheLimitIsRefusedAndTheClientGetsToReadIt) {
  test::TestServer server(io, echo);
  // Far more than the socket takes at once: the client is still sending when the answer comes.
  for (const std::string framing :
       {"Content-Length: 3000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n2dc6c0\r\n"}) {
    const std::string text =
        talk(io, server.socket(), "POST / HTTP/1.1\r\nHost: h\r\n" + framing + std::string(3'000'000, 'a'));
    EXPECT_THAT(text, StartsWith("HTTP/1.1 413 ")) << framing;
  }
}

TEST_F(HttpServerTest, AMalformedBodyIs400) {
  test::TestServer server(io, echo);
  const std::string text =
      talk(io, server.socket(), "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  EXPECT_THAT(text, StartsWith("HTTP/1.1 400 "));
}

// What is wrong comes with what was good before it, in one read: it is refused all the same, and nothing of it is taken
// for the next request.
TEST_F(HttpServerTest, FramingOverTheLimitIsRefusedAfterGoodChunksToo) {
  HttpLimits limits;
  limits.max_header_bytes = 1000;
  test::TestServer server(io, echo, limits);
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
  const std::string next = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const std::string& end :
       {"0\r\nX: " + std::string(2000, 'a') + "\r\n\r\n", "1;" + std::string(2000, 'a') + "\r\nx\r\n0\r\n\r\n"}) {
    const std::string text = talk(io, server.socket(), head + end + next);
    EXPECT_THAT(text, HasSubstr("framing is too large"));
    EXPECT_EQ(text.find("HTTP/1.1", 1), std::string::npos) << text;
  }
}

TEST_F(HttpServerTest, SlowHeadsAndBodiesAre408) {
  HttpLimits limits;
  limits.header_timeout = 30ms;
  limits.body_timeout = 30ms;
  test::TestServer server(io, echo, limits);
  EXPECT_THAT(talk(io, server.socket(), "GET / HTTP/1.1\r\nHos"), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(talk(io, server.socket(), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc"),
              StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(talk(io, server.socket(), "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"),
              StartsWith("HTTP/1.1 408 "));
  // Not a word: closed without one.
  EXPECT_EQ(talk(io, server.socket(), ""), "");
}

TEST_F(HttpServerTest, AHeadThatTricklesGetsNoMoreTimeThanOneThatStops) {
  HttpLimits limits;
  limits.header_timeout = 50ms;
  test::TestServer server(io, echo, limits);
  test::RawClient client(io, server.socket());
  const auto trickle = [&]() -> asio::awaitable<std::string> {
    co_await client.send("GET / HTTP/1.1\r\n");
    asio::steady_timer pause(io);
    for (int i = 0; i < 100; ++i) {
      pause.expires_after(5ms);
      co_await pause.async_wait(test::token);
      boost::system::error_code failure;
      client.socket.write_some(asio::buffer("X: y\r\n", 6), failure);
      if (failure) break;
    }
    co_return co_await client.receive_all();
  };
  const auto begun = std::chrono::steady_clock::now();
  auto task = trickle();
  EXPECT_THAT(run(io, std::move(task)), StartsWith("HTTP/1.1 408 "));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
}

TEST_F(HttpServerTest, ABodyThatTricklesIsRefusedWhileItStillDoes) {
  HttpLimits limits;
  limits.body_timeout = 50ms;
  test::TestServer server(io, echo, limits);
  for (const std::string framing : {"Content-Length: 900\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"}) {
    test::RawClient client(io, server.socket());
    const std::string piece = framing.starts_with("T") ? "1\r\nx\r\n" : "x";
    int sent = 0;
    const auto trickle = [&]() -> asio::awaitable<std::string> {
      co_await client.send("POST / HTTP/1.1\r\nHost: h\r\n" + framing);
      asio::steady_timer pause(io);
      for (; sent < 800 && client.socket.available() == 0; ++sent) {
        co_await client.send(piece);
        pause.expires_after(5ms);
        co_await pause.async_wait(test::token);
      }
      co_return co_await client.receive_all();
    };
    auto task = trickle();
    EXPECT_THAT(run(io, std::move(task)), StartsWith("HTTP/1.1 408 ")) << framing;
    EXPECT_LT(sent, 800) << framing;
  }
}

TEST_F(HttpServerTest, AnIdleConnectionIsClosedAfterItsTime) {
  HttpLimits limits;
  limits.idle_timeout = 30ms;
  test::TestServer server(io, echo, limits);
  const std::string text = talk(io, server.socket(), "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(text, EndsWith("GET /1 "));
}

// One that does not ask for anything must not keep others out.
TEST_F(HttpServerTest, WhenAllConnectionsAreTakenTheLongestIdleMakesRoom) {
  HttpLimits limits;
  limits.max_connections = 3;
  test::Event go(io.get_executor());
  test::Event busy(io.get_executor());
  test::TestServer server(
      io,
      [&](HttpExchange& exchange) -> asio::awaitable<void> {
        if (exchange.request().path() == "/slow") {
          busy.set();
          co_await go.wait();
        }
        (void)co_await exchange.respond(ok(), "answer");
      },
      limits);
  test::RawClient slow(io, server.socket());
  run(io, slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"));
  run(io, busy.wait());
  test::RawClient longest(io, server.socket());
  run(io, longest.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  run(io, longest.receive_until("answer"));
  test::RawClient idle(io, server.socket());
  run(io, idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  run(io, idle.receive_until("answer"));
  test::RawClient next(io, server.socket());
  run(io, next.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_THAT(run(io, next.receive_until("answer")), HasSubstr("200 OK"));
  EXPECT_EQ(run(io, longest.receive_all()), "");
  run(io, idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_THAT(run(io, idle.receive_until("answer")), HasSubstr("200 OK"));
  go.set();
  EXPECT_THAT(run(io, slow.receive_until("answer")), HasSubstr("200 OK"));
  EXPECT_EQ(server.server->connections(), 3u);
}

TEST_F(HttpServerTest, WhenAllAreBusyANewConnectionIsTurnedAway) {
  HttpLimits limits;
  limits.max_connections_per_address = 1;
  test::Event go(io.get_executor());
  test::Event busy(io.get_executor());
  test::TestServer server(
      io,
      [&](HttpExchange& exchange) -> asio::awaitable<void> {
        busy.set();
        co_await go.wait();
        (void)co_await exchange.respond(ok(), "answer");
      },
      limits);
  test::RawClient slow(io, server.socket());
  run(io, slow.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  run(io, busy.wait());
  test::RawClient next(io, server.socket());
  EXPECT_THAT(run(io, next.receive_all()), StartsWith("HTTP/1.1 503 "));
  go.set();
  EXPECT_THAT(run(io, slow.receive_until("answer")), HasSubstr("200 OK"));
}

TEST_F(HttpServerTest, TheHeadGoesOutWithTheFirstOfItsBodyOrAlone) {
  test::TestServer server(io, [&](HttpExchange& exchange) -> asio::awaitable<void> {
    ResponseHead head = ok();
    if (exchange.request().path() == "/empty") head.headers.set("Content-Length", "0");
    (void)co_await exchange.start(std::move(head));
    if (exchange.request().path() == "/broken") co_return;
    (void)co_await exchange.finish();
  });
  EXPECT_THAT(talk(io, server.socket(), "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\n0\r\n\r\n")));
  EXPECT_THAT(talk(io, server.socket(), "GET /empty HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\n")));
  EXPECT_THAT(talk(io, server.socket(), "GET /broken HTTP/1.1\r\nHost: h\r\n\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\n")));
}

TEST_F(HttpServerTest, AHandlerThatFailsOrForgetsIs500) {
  test::TestServer server(io, [](HttpExchange& exchange) -> asio::awaitable<void> {
    if (exchange.request().path() == "/throw") throw std::runtime_error("a secret");
    if (exchange.request().path() == "/partial") {
      (void)co_await exchange.start(ok());
      (void)co_await exchange.write("abc");
      throw std::runtime_error("broke");
    }
    co_return;
  });
  const std::string text = talk(io, server.socket(),
                                "GET /throw HTTP/1.1\r\nHost: h\r\n\r\n"
                                "GET /forget HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(text, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(text, HasSubstr("the request was not answered"));
  EXPECT_THAT(text, HasSubstr("x-request-id: req_"));
  EXPECT_THAT(text, Not(HasSubstr("secret")));
  // No last chunk: the client sees that it broke off.
  EXPECT_THAT(talk(io, server.socket(), "GET /partial HTTP/1.1\r\nHost: h\r\n\r\n"), EndsWith("3\r\nabc\r\n"));
}

TEST_F(HttpServerTest, AHeaderCannotBreakOutOfItsLine) {
  Result<void> refused;
  test::TestServer server(io, [&](HttpExchange& exchange) -> asio::awaitable<void> {
    ResponseHead head;
    head.headers.add("X", "a\r\nInjected: yes");
    refused = co_await exchange.respond(std::move(head), "");
  });
  const std::string text = talk(io, server.socket(), "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_FALSE(refused);
  EXPECT_THAT(text, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(text, Not(HasSubstr("Injected")));
}

TEST_F(HttpServerTest, AHandlerLearnsAtOnceThatItsClientHasGone) {
  test::Event gone(io.get_executor());
  test::Event waiting(io.get_executor());
  test::TestServer server(io, [&](HttpExchange& exchange) -> asio::awaitable<void> {
    (void)co_await exchange.start(ok());
    (void)co_await exchange.write("first");
    exchange.watch_disconnect([&] { gone.set(); });
    waiting.set();
    co_await gone.wait();
  });
  auto client = std::make_unique<test::RawClient>(io, server.socket());
  run(io, client->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  run(io, waiting.wait());
  EXPECT_FALSE(gone.happened());
  client.reset();
  run(io, gone.wait());
}

TEST_F(HttpServerTest, WhatComesEarlyIsKeptWhileTheClientIsWatched) {
  test::Event go(io.get_executor());
  test::Event waiting(io.get_executor());
  int disconnects = 0;
  test::TestServer server(io, [&](HttpExchange& exchange) -> asio::awaitable<void> {
    exchange.watch_disconnect([&] { ++disconnects; });
    waiting.set();
    co_await go.wait();
    // The body is read while a read is pending for the watch.
    auto body = co_await exchange.read_body(100);
    std::string text(exchange.request().path());
    if (body) text += *body;
    (void)co_await exchange.respond(ok(), std::move(text));
  });
  test::RawClient client(io, server.socket());
  run(io, client.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab"));
  run(io, waiting.wait());
  run(io, client.send("cdPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\ne"));
  go.set();
  EXPECT_THAT(run(io, client.receive_until("/1abcd")), HasSubstr("200 OK"));
  run(io, client.send("fGET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(run(io, client.receive_all()), testing::AllOf(HasSubstr("/2ef"), EndsWith("/3")));
  EXPECT_EQ(disconnects, 0);
}

TEST_F(HttpServerTest, ASlowReaderHoldsTheHandlerBack) {
  std::size_t written = 0;
  test::Event stuck(io.get_executor());
  test::TestServer server(io, [&](HttpExchange& exchange) -> asio::awaitable<void> {
    (void)co_await exchange.start(ok());
    const std::string part(64 * 1024, 'a');
    for (int i = 0; i < 256; ++i) {
      if (written >= 4 * part.size()) stuck.set();
      if (!co_await exchange.write(part)) co_return;
      written += part.size();
    }
    (void)co_await exchange.finish();
  });
  test::RawClient client(io, server.socket());
  run(io, client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  run(io, client.receive_until("\r\n\r\n"));
  // Nothing more happens by itself: the socket is full, and nothing is kept for the reader elsewhere.
  while (io.poll() > 0) {
  }
  EXPECT_LT(written, 4u * 1024 * 1024);
  const std::string rest = run(io, client.receive_all());
  EXPECT_EQ(written, 256u * 64 * 1024);
  EXPECT_GT(rest.size(), 256u * 64 * 1024 - 64 * 1024);
}

TEST_F(HttpServerTest, AWriteThatMakesNoProgressEndsTheConnection) {
  HttpLimits limits;
  limits.write_timeout = 20ms;
  test::Event ended(io.get_executor());
  Result<void> last;
  test::TestServer server(
      io,
      [&](HttpExchange& exchange) -> asio::awaitable<void> {
        last = co_await exchange.start(ok());
        const std::string part(64 * 1024, 'a');
        while (last)
          last = co_await exchange.write(part);
        ended.set();
      },
      limits);
  test::RawClient client(io, server.socket());
  run(io, client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  run(io, ended.wait());
  EXPECT_FALSE(last);
}

TEST_F(HttpServerTest, StopLetsBusyConnectionsFinishAndClosesIdleOnes) {
  test::Event busy(io.get_executor());
  test::Event go(io.get_executor());
  test::TestServer server(io, [&](HttpExchange& exchange) -> asio::awaitable<void> {
    if (exchange.request().path() == "/slow") {
      busy.set();
      co_await go.wait();
    }
    (void)co_await exchange.respond(ok(), "done");
  });
  test::RawClient idle(io, server.socket());
  run(io, idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  run(io, idle.receive_until("done"));
  test::RawClient slow(io, server.socket());
  run(io, slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"));
  run(io, busy.wait());
  EXPECT_EQ(server.server->connections(), 2u);

  server.server->stop(60s);
  EXPECT_EQ(run(io, idle.receive_all()), "");
  EXPECT_EQ(server.server->connections(), 1u);
  go.set();
  EXPECT_THAT(run(io, slow.receive_all()), testing::AllOf(HasSubstr("Connection: close"), EndsWith("done")));
  run(io, server.wait_stopped());
  EXPECT_FALSE(std::filesystem::exists(server.socket()));
}

TEST_F(HttpServerTest, AfterTheGraceWhatIsLeftIsCut) {
  test::Event busy(io.get_executor());
  bool told = false;
  test::TestServer server(io, [&](HttpExchange& exchange) -> asio::awaitable<void> {
    exchange.watch_disconnect([&] { told = true; });
    busy.set();
    asio::steady_timer never(io, asio::steady_timer::time_point::max());
    co_await never.async_wait(test::token);
    (void)co_await exchange.respond(ok(), "too late");
  });
  test::RawClient client(io, server.socket());
  run(io, client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  run(io, busy.wait());
  server.server->stop(10ms);
  run(io, server.wait_stopped());
  EXPECT_TRUE(told);
  EXPECT_EQ(run(io, client.receive_all()), "");
}

TEST_F(HttpServerTest, RunningOutOfDescriptorsIsSurvived) {
  test::TestServer server(io, echo);
  test::RawClient client(io, server.socket());
  run(io, client.send("GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  // No descriptor is left for the server's end.
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &none);
  asio::steady_timer recovery(io, 50ms);
  recovery.async_wait([&](const auto&) { setrlimit(RLIMIT_NOFILE, &before); });
  EXPECT_THAT(run(io, client.receive_all()), EndsWith("GET /1 "));
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(HttpServerTest, HostileBytesHurtNobodyElse) {
  test::TestServer server(io, echo);
  const std::string seed =
      "POST /stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  std::uint32_t state = 12345;
  const auto next = [&state] { return state = state * 1664525 + 1013904223; };
  for (int round = 0; round < 300; ++round) {
    std::string text = seed;
    for (int change = 0; change < 3; ++change)
      text[next() % text.size()] = static_cast<char>(next() >> 24);
    test::RawClient client(io, server.socket());
    run(io, client.send(text));
    client.socket.shutdown(asio::socket_base::shutdown_send);
    run(io, client.receive_all());
  }
  EXPECT_THAT(talk(io, server.socket(), "GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              EndsWith("GET /1 "));
}

TEST_F(HttpServerTest, ASocketOfADeadProcessIsReplacedAndOneOfALivingIsNot) {
  test::TemporaryDirectory directory;
  const auto path = directory.path / "s";
  { asio::local::stream_protocol::acceptor dead(io, asio::local::stream_protocol::endpoint(path.string())); }
  ASSERT_TRUE(std::filesystem::exists(path));
  const auto replaced = listen_unix(io.get_executor(), path, {}, echo);
  ASSERT_TRUE(replaced) << replaced.error().detail;
  struct stat found {};
  stat(path.c_str(), &found);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  const auto second = listen_unix(io.get_executor(), path, {}, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_THAT(second.error().detail, HasSubstr("another process answers"));

  const auto too_long = listen_unix(io.get_executor(), directory.path / std::string(200, 'x'), {}, echo);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace gogrid::net
