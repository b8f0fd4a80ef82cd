// Client and server together, in the clear and with TLS.
#include "net/http_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <set>

#include "base/encoding.hpp"
#include "net/net_test_support.hpp"

namespace gogrid::net {
namespace {

using namespace std::chrono_literals;
using test::Answer;
using test::fetch;
using test::get;
using test::post;
using test::run;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
namespace asio = boost::asio;

ResponseHead ok() {
  ResponseHead head;
  head.headers.add("Content-Type", "text/plain");
  return head;
}

// Reads the whole body, part by part, and streams it back: chunked, or with its length from "/sized".
asio::awaitable<void> serve(HttpExchange& exchange) {
  std::string text;
  std::vector<std::byte> buffer(40'000);
  for (;;) {
    const auto count = co_await exchange.read_body_some(buffer);
    if (!count) co_return;
    if (*count == 0) break;
    text += as_text(std::span(buffer).first(*count));
  }
  ResponseHead head = ok();
  if (exchange.request().path() == "/sized") head.headers.add("Content-Length", std::to_string(text.size()));
  (void)co_await exchange.start(std::move(head));
  for (std::size_t at = 0; at < text.size(); at += 70'000) {
    const auto written = co_await exchange.write(std::string_view(text).substr(at, 70'000));
    if (!written) co_return;
  }
  (void)co_await exchange.finish();
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& c : text)
    c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

// Sends `text` part by part, chunked unless `sized`.
HttpClientRequest streamed(std::string target, std::string text, bool sized) {
  HttpClientRequest request;
  request.method = "POST";
  request.target = std::move(target);
  if (sized) request.body_length_bytes = text.size();
  const auto left = std::make_shared<std::string>(std::move(text));
  request.body_source = [left](std::span<std::byte> buffer) -> asio::awaitable<Result<std::size_t>> {
    const std::size_t count = std::min(buffer.size(), left->size());
    std::memcpy(buffer.data(), left->data(), count);
    left->erase(0, count);
    co_return count;
  };
  return request;
}

class HttpClientTest : public testing::Test {
 protected:
  asio::io_context io;
};

TEST_F(HttpClientTest, BodiesOfEverySizeArriveWholeInBothDirections) {
  const test::TestTls tls = test::make_tls();
  test::TestServer plain(io, serve);
  test::TestServer secure(io, tls.server, serve);
  ClientTls trust;
  trust.trusted_ca = tls.authority.certificate;
  for (const bool with_tls : {false, true}) {
    const auto client = make_http_client(io.get_executor(), with_tls ? secure.https(trust) : plain.endpoint());
    for (const std::size_t size : {0u, 1u, 16376u, 16377u, 100'000u, 3'000'000u}) {
      const std::string text = pattern(size);
      for (const bool sized : {true, false}) {
        const Answer answer = run(io, fetch(*client, streamed(sized ? "/sized" : "/echo", text, sized)));
        EXPECT_EQ(answer.status, 200) << answer.body;
        EXPECT_TRUE(answer.body == text) << size << " bytes, sized: " << sized << ", TLS: " << with_tls;
      }
      const Answer whole = run(io, fetch(*client, post("/echo", text)));
      EXPECT_TRUE(whole.body == text) << size;
    }
  }
}

TEST_F(HttpClientTest, ConnectionsAreReused) {
  const test::TestTls tls = test::make_tls();
  std::set<std::string> addresses;
  test::TestServer server(io, tls.server, [&](HttpExchange& exchange) -> asio::awaitable<void> {
    addresses.insert(exchange.remote());
    co_await serve(exchange);
  });
  ClientTls trust;
  trust.trusted_ca = tls.authority.certificate;
  const auto client = make_http_client(io.get_executor(), server.https(trust));
  HttpClientRequest head = get("/");
  head.method = "HEAD";
  EXPECT_EQ(run(io, fetch(*client, get("/"))).status, 200);
  EXPECT_EQ(run(io, fetch(*client, std::move(head))).status, 200);
  EXPECT_EQ(run(io, fetch(*client, post("/echo", "x"))).body, "x");
  EXPECT_EQ(run(io, fetch(*client, streamed("/echo", "yz", false))).body, "yz");
  EXPECT_EQ(addresses.size(), 1u);
  EXPECT_EQ(server.server->connections(), 1u);
}

TEST_F(HttpClientTest, AStalePooledConnectionIsReplacedUnnoticed) {
  // Each connection is closed without a word once its answer has been read.
  int requests = 0;
  HttpLimits limits;
  limits.idle_timeout = 1ms;
  test::TestServer server(
      io,
      [&](HttpExchange& exchange) -> asio::awaitable<void> {
        ++requests;
        co_await serve(exchange);
      },
      limits);
  const auto client = make_http_client(io.get_executor(), server.endpoint());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(run(io, fetch(*client, post("/echo", "x"))).body, "x");
    while (server.server->connections() > 0)
      io.run_one();
  }
  EXPECT_EQ(requests, 5);
}

// A server that reads the second request on a connection and hangs up: the race that looking before reuse cannot win.
TEST_F(HttpClientTest, ARequestLostWithAReusedConnectionIsSentOnceMore) {
  test::TemporaryDirectory directory;
  const auto path = (directory.path / "s").string();
  asio::local::stream_protocol::acceptor acceptor(io, asio::local::stream_protocol::endpoint(path));
  int accepted = 0;
  const auto served = [&]() -> asio::awaitable<void> {
    for (; accepted < 2; ++accepted) {
      auto [failure, socket] = co_await acceptor.async_accept(test::token);
      std::string text(4096, '\0');
      co_await socket.async_read_some(asio::buffer(text), test::token);
      co_await asio::async_write(
          socket, asio::buffer(std::string_view("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")), test::token);
      co_await socket.async_read_some(asio::buffer(text), test::token);
    }
  };
  TaskGroup tasks(io.get_executor());
  tasks.spawn("server", served());
  {
    const auto client = make_http_client(io.get_executor(), HttpEndpoint::unix_socket(path));
    EXPECT_EQ(run(io, fetch(*client, get("/"))).body, "hi");
    EXPECT_EQ(run(io, fetch(*client, get("/"))).body, "hi");
    EXPECT_EQ(accepted, 1);
  }
  run(io, tasks.wait());
}

TEST_F(HttpClientTest, PartsArriveAsTheyAreSent) {
  test::Event next(io.get_executor());
  test::TestServer server(io, [&](HttpExchange& exchange) -> asio::awaitable<void> {
    (void)co_await exchange.start(ok());
    (void)co_await exchange.write("one");
    co_await next.wait();
    (void)co_await exchange.write("two");
    (void)co_await exchange.finish();
  });
  const auto client = make_http_client(io.get_executor(), server.endpoint());
  const auto response = run(io, client->send(get("/"))).value();
  std::array<std::byte, 100> buffer;
  auto count = run(io, response->read_some(buffer)).value();
  EXPECT_EQ(as_text(std::span(buffer).first(count)), "one");
  next.set();
  count = run(io, response->read_some(buffer)).value();
  EXPECT_EQ(as_text(std::span(buffer).first(count)), "two");
  EXPECT_EQ(run(io, response->read_some(buffer)).value(), 0u);
}

TEST_F(HttpClientTest, WhatComesWhileAResponseIsPausedIsThereForTheNextRead) {
  test::Event paused(io.get_executor());
  test::Event written(io.get_executor());
  test::TestServer server(io, [&](HttpExchange& exchange) -> asio::awaitable<void> {
    (void)co_await exchange.start(ok());
    (void)co_await exchange.write("one");
    co_await paused.wait();
    (void)co_await exchange.write("two");
    (void)co_await exchange.write("three");
    (void)co_await exchange.finish();
    written.set();
  });
  const auto client = make_http_client(io.get_executor(), server.endpoint());
  const auto response = run(io, client->send(get("/"))).value();
  std::array<std::byte, 100> buffer;
  auto count = run(io, response->read_some(buffer)).value();
  EXPECT_EQ(as_text(std::span(buffer).first(count)), "one");
  EXPECT_FALSE(response->done());
  response->pause();
  response->pause();
  paused.set();
  run(io, written.wait());
  count = run(io, response->read_some(buffer)).value();
  EXPECT_EQ(as_text(std::span(buffer).first(count)), "twothree");
  EXPECT_TRUE(response->done());
  response->pause();
  EXPECT_EQ(run(io, response->read_some(buffer)).value(), 0u);
}

TEST_F(HttpClientTest, DroppingAPausedResponseTellsTheServer) {
  test::Event left(io.get_executor());
  test::TestServer server(io, [&](HttpExchange& exchange) -> asio::awaitable<void> {
    exchange.watch_disconnect([&] { left.set(); });
    (void)co_await exchange.start(ok());
    (void)co_await exchange.write("x");
    co_await left.wait();
  });
  const auto client = make_http_client(io.get_executor(), server.endpoint());
  auto response = run(io, client->send(get("/"))).value();
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(run(io, response->read_some(buffer)).value(), 1u);
  response->pause();
  response.reset();
  run(io, left.wait());
}

TEST_F(HttpClientTest, DroppingOrCancellingAResponseTellsTheServer) {
  const test::TestTls tls = test::make_tls();
  int gone = 0;
  test::Event all_gone(io.get_executor());
  const HttpHandler handler = [&](HttpExchange& exchange) -> asio::awaitable<void> {
    test::Event left(io.get_executor());
    (void)co_await exchange.start(ok());
    (void)co_await exchange.write("x");
    exchange.watch_disconnect([&] { left.set(); });
    co_await left.wait();
    if (++gone == 4) all_gone.set();
  };
  test::TestServer plain(io, handler);
  test::TestServer secure(io, tls.server, handler);
  ClientTls trust;
  trust.trusted_ca = tls.authority.certificate;
  for (const HttpEndpoint& endpoint : {plain.endpoint(), secure.https(trust)}) {
    const auto client = make_http_client(io.get_executor(), endpoint);
    run(io, client->send(get("/"))).value().reset();

    // A coroutine that is cancelled while it waits for the next part.
    test::Event reading(io.get_executor());
    const auto read_on = [](HttpClient& from, test::Event& has_begun) -> asio::awaitable<void> {
      auto response = co_await from.send(get("/"));
      std::array<std::byte, 10> buffer;
      while (co_await (*response)->read_some(buffer))
        has_begun.set();
    };
    TaskGroup tasks(io.get_executor());
    tasks.spawn("reader", read_on(*client, reading));
    run(io, reading.wait());
    tasks.cancel();
    run(io, tasks.wait());
  }
  run(io, all_gone.wait());
}

TEST_F(HttpClientTest, CloseWakesAPendingRead) {
  test::TestServer server(io, [&](HttpExchange& exchange) -> asio::awaitable<void> {
    test::Event left(io.get_executor());
    exchange.watch_disconnect([&] { left.set(); });
    (void)co_await exchange.start(ok());
    (void)co_await exchange.write("");
    co_await left.wait();
  });
  const auto client = make_http_client(io.get_executor(), server.endpoint());
  const auto response = run(io, client->send(get("/"))).value();
  asio::post(io, [&] { response->close(); });
  std::array<std::byte, 10> buffer;
  const auto count = run(io, response->read_some(buffer));
  ASSERT_FALSE(count);
  EXPECT_EQ(count.error().code, ErrorCode::cancelled);
}

TEST_F(HttpClientTest, ABodyCutShortIsNoWholeBody) {
  test::TestServer server(io, [](HttpExchange& exchange) -> asio::awaitable<void> {
    ResponseHead head = ok();
    if (exchange.request().path() == "/sized") head.headers.add("Content-Length", "10");
    (void)co_await exchange.start(std::move(head));
    (void)co_await exchange.write("abc");
  });
  const auto client = make_http_client(io.get_executor(), server.endpoint());
  for (const auto* path : {"/sized", "/chunked"}) {
    EXPECT_THAT(run(io, fetch(*client, get(path))).body, AllOf(StartsWith("protocol: "), HasSubstr("cut short")));
  }
}

TEST_F(HttpClientTest, AnUploadThatIsRefusedGetsItsAnswer) {
  const test::TestTls tls = test::make_tls();
  const HttpHandler refuse = [](HttpExchange& exchange) -> asio::awaitable<void> {
    ResponseHead head = ok();
    head.status = 401;
    (void)co_await exchange.respond(std::move(head), "who are you?");
  };
  test::TestServer plain(io, refuse);
  test::TestServer secure(io, tls.server, refuse);
  ClientTls trust;
  trust.trusted_ca = tls.authority.certificate;
  for (const HttpEndpoint& endpoint : {plain.endpoint(), secure.https(trust)}) {
    const auto client = make_http_client(io.get_executor(), endpoint);
    const Answer answer = run(io, fetch(*client, streamed("/", std::string(20'000'000, 'x'), true)));
    EXPECT_EQ(answer.status, 401) << answer.body;
    EXPECT_EQ(answer.body, "who are you?");
  }
}

TEST_F(HttpClientTest, TimeoutsNameTheServer) {
  test::TestServer server(io, [&](HttpExchange& exchange) -> asio::awaitable<void> {
    test::Event left(io.get_executor());
    exchange.watch_disconnect([&] { left.set(); });
    if (exchange.request().path() == "/body") {
      (void)co_await exchange.start(ok());
      (void)co_await exchange.write("");
    }
    co_await left.wait();
  });
  // One at a time: on a busy machine the other might pass first.
  const auto ask = [&](const char* path, HttpClientTimeouts timeouts) {
    const auto client = make_http_client(io.get_executor(), server.endpoint(), timeouts);
    return run(io, fetch(*client, get(path))).body;
  };
  HttpClientTimeouts of_head;
  of_head.head = 20ms;
  EXPECT_THAT(ask("/head", of_head), AllOf(StartsWith("timeout: unix:"), HasSubstr("did not answer in time")));
  HttpClientTimeouts of_body;
  of_body.idle = 20ms;
  EXPECT_THAT(ask("/body", of_body), AllOf(StartsWith("timeout: "), HasSubstr("paused for too long")));
}

TEST_F(HttpClientTest, AServerThatIsNotThereIsNamedWithAHint) {
  asio::ip::tcp::acceptor taken(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const auto port = taken.local_endpoint().port();
  taken.close();
  const auto https = make_http_client(io.get_executor(), HttpEndpoint::https("127.0.0.1", port, {}));
  EXPECT_EQ(run(io, fetch(*https, get("/"))).body,
            "unavailable: cannot reach https://127.0.0.1:" + std::to_string(port) +
                ": Connection refused; is the coordinator running?");
  const auto local = make_http_client(io.get_executor(), HttpEndpoint::unix_socket("/nonexistent/s"));
  EXPECT_EQ(run(io, fetch(*local, get("/"))).body,
            "unavailable: cannot reach unix:/nonexistent/s: No such file or directory; is it running?");
}

TEST_F(HttpClientTest, PlainTcpIsSpokenWhereItIsAskedFor) {
  asio::ip::tcp::acceptor acceptor(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const auto port = acceptor.local_endpoint().port();
  std::string head;
  TaskGroup tasks(io.get_executor());
  tasks.spawn("server", [](asio::ip::tcp::acceptor* its_acceptor, std::string* its_head) -> asio::awaitable<void> {
    auto [failure, socket] = co_await its_acceptor->async_accept(test::token);
    if (failure) co_return;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(*its_head), "\r\n\r\n", test::token);
    std::string answer = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
    co_await asio::async_write(socket, asio::buffer(answer), test::token);
  }(&acceptor, &head));
  const auto client = make_http_client(io.get_executor(), HttpEndpoint::http("127.0.0.1", port));
  EXPECT_EQ(run(io, fetch(*client, get("/a"))).status, 204);
  EXPECT_THAT(head, StartsWith("GET /a HTTP/1.1\r\n"));
  EXPECT_THAT(head, HasSubstr("Host: 127.0.0.1:" + std::to_string(port) + "\r\n"));
  run(io, tasks.wait());
}

TEST_F(HttpClientTest, OnlyAddressesThatAreAllowedAreConnectedTo) {
  asio::ip::tcp::acceptor acceptor(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const auto port = acceptor.local_endpoint().port();
  std::vector<std::string> asked;
  for (HttpEndpoint endpoint : {HttpEndpoint::http("localhost", port), HttpEndpoint::https("127.0.0.1", port, {})}) {
    endpoint.allows = [&asked](const asio::ip::address& address) {
      asked.push_back(address.to_string());
      return false;
    };
    const auto client = make_http_client(io.get_executor(), endpoint);
    EXPECT_THAT(run(io, fetch(*client, get("/"))).body,
                AllOf(StartsWith("permission_denied: "), HasSubstr("an address that is not allowed")));
  }
  EXPECT_THAT(asked, testing::Contains("127.0.0.1"));
  acceptor.non_blocking(true);
  boost::system::error_code nobody;
  (void)acceptor.accept(nobody);
  EXPECT_EQ(nobody, asio::error::would_block);
}

TEST_F(HttpClientTest, AServerThatSaysNothingInTheHandshakeTimesOut) {
  asio::ip::tcp::acceptor silent(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  HttpClientTimeouts timeouts;
  timeouts.connect = 30ms;
  const auto client = make_http_client(io.get_executor(),
                                       HttpEndpoint::https("127.0.0.1", silent.local_endpoint().port(), {}), timeouts);
  EXPECT_THAT(run(io, fetch(*client, get("/"))).body,
              AllOf(StartsWith("unavailable: "), HasSubstr("no answer in time")));
}

TEST_F(HttpClientTest, WhatIsNotHttpIsRefusedAndARequestCannotBeSplit) {
  test::TemporaryDirectory directory;
  const auto path = (directory.path / "s").string();
  asio::local::stream_protocol::acceptor acceptor(io, asio::local::stream_protocol::endpoint(path));
  const auto served = [&]() -> asio::awaitable<void> {
    auto [failure, socket] = co_await acceptor.async_accept(test::token);
    co_await asio::async_write(socket, asio::buffer(std::string_view("SSH-2.0-OpenSSH\r\n")), test::token);
  };
  TaskGroup tasks(io.get_executor());
  tasks.spawn("server", served());
  const auto client = make_http_client(io.get_executor(), HttpEndpoint::unix_socket(path));
  EXPECT_THAT(run(io, fetch(*client, get("/"))).body,
              AllOf(StartsWith("protocol: "), HasSubstr("does not speak HTTP/1.1")));

  test::TestServer server(io, serve);
  const auto good = make_http_client(io.get_executor(), server.endpoint());
  EXPECT_THAT(run(io, fetch(*good, get("/ HTTP/1.1\r\nX: y"))).body, StartsWith("invalid_argument: "));
  HttpClientRequest injected = get("/");
  injected.headers.add("X", "a\r\nY: b");
  EXPECT_THAT(run(io, fetch(*good, std::move(injected))).body, StartsWith("invalid_argument: "));
}

TEST_F(HttpClientTest, InterimResponsesAreSkipped) {
  test::TemporaryDirectory directory;
  const auto path = (directory.path / "s").string();
  asio::local::stream_protocol::acceptor acceptor(io, asio::local::stream_protocol::endpoint(path));
  const auto served = [&]() -> asio::awaitable<void> {
    auto [failure, socket] = co_await acceptor.async_accept(test::token);
    std::string request(4096, '\0');
    co_await socket.async_read_some(asio::buffer(request), test::token);
    const std::string_view text =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end";
    co_await asio::async_write(socket, asio::buffer(text), test::token);
  };
  TaskGroup tasks(io.get_executor());
  tasks.spawn("server", served());
  const auto client = make_http_client(io.get_executor(), HttpEndpoint::unix_socket(path));
  const Answer answer = run(io, fetch(*client, get("/")));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "until the end");
}

TEST_F(HttpClientTest, ManyRequestsAtOnceToASmallBacklog) {
  test::TestServer server(io, serve);
  const auto client = make_http_client(io.get_executor(), server.endpoint());
  TaskGroup tasks(io.get_executor());
  int good = 0;
  const auto one = [&]() -> asio::awaitable<void> {
    const Answer answer = co_await fetch(*client, post("/echo", "x"));
    if (answer.body == "x") ++good;
  };
  for (int i = 0; i < 300; ++i)
    tasks.spawn("request", one());
  run(io, tasks.wait());
  EXPECT_EQ(good, 300);
}

}  // namespace
}  // namespace gogrid::net
