// The control socket with real connections: what is answered, what is told, who is let in, and what one program can do
// to the others.
#include "worker/control/control_server.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <boost/asio/local/connect_pair.hpp>
#include <cstring>

#include "net/net_test_support.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;
namespace test = net::test;
using nlohmann::json;
using testing::ElementsAre;
using wire::RpcError;
using wire::RpcResult;
using namespace std::chrono_literals;

std::string request(int id, const std::string& method, const json& params = json::object()) {
  return wire::rpc_request(id, method, params);
}

class ControlServerTest : public testing::Test {
 protected:
  ControlServerTest() {
    options_.socket = directory_.path / "control.sock";
    options_.owner = ::geteuid();
  }
  ~ControlServerTest() override { stop(0ms); }

  ControlServer& start() {
    server_.emplace(io_.get_executor(), options_);
    server_->method("echo", {"text"}, [](json params) -> asio::awaitable<RpcResult> { co_return params; });
    server_->method("count", {}, [this](json) -> asio::awaitable<RpcResult> { co_return ++counted_; });
    server_->method("wait", {}, [this](json) -> asio::awaitable<RpcResult> {
      co_await may_go_on_.wait();
      co_return "waited";
    });
    ControlTopic::Options topic;
    topic.subscribe = "news.subscribe";
    topic.notification = "news.changed";
    topic.value = [this] { return json({{"value", value_}}); };
    topic.on_watched = [this](bool watched) { watched_.push_back(watched); };
    topic.interval = interval_;
    server_->topic(std::move(topic));
    EXPECT_TRUE(server_->listen());
    tasks_.spawn("server", server_->run());
    return *server_;
  }
  void stop(std::chrono::milliseconds grace) {
    if (!server_) return;
    server_->stop(grace);
    test::run(io_, tasks_.wait());
  }

  void change(std::string value) {
    value_ = std::move(value);
    server_->changed("news.subscribe");
  }

  std::string line(test::RawClient& client) { return test::run(io_, client.receive_until("\n")); }
  // Until the server closes.
  std::string rest(test::RawClient& client) { return test::run(io_, client.receive_until("no such text")); }
  void send(test::RawClient& client, std::string text) { test::run(io_, client.send(std::move(text))); }
  std::string ask(test::RawClient& client, std::string text) {
    send(client, std::move(text));
    return line(client);
  }
  json told(test::RawClient& client) {
    const json message = json::parse(line(client));
    EXPECT_EQ(message["method"], "news.changed");
    EXPECT_FALSE(message.contains("id"));
    return message["params"]["value"];
  }

  asio::io_context io_{1};
  test::TemporaryDirectory directory_;
  ControlServer::Options options_;
  std::chrono::milliseconds interval_{0};
  test::Event may_go_on_{io_.get_executor()};
  int counted_ = 0;
  json value_ = "first";
  std::vector<int> watched_;
  TaskGroup tasks_{io_.get_executor()};
  std::optional<ControlServer> server_;
};

TEST_F(ControlServerTest, AnswersInOrder) {
  start();
  test::RawClient client(io_, options_.socket);
  send(client,
       request(1, "wait") + request(2, "count") + "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"count\"}\r\n");
  // The first one has begun, and the second waits for it.
  io_.poll();
  EXPECT_EQ(counted_, 0);
  may_go_on_.set();
  EXPECT_EQ(line(client), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"waited\"}\n");
  EXPECT_EQ(line(client), "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":1}\n");
  EXPECT_EQ(line(client), "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":2}\n");
}

TEST_F(ControlServerTest, OneWhoWaitsHoldsUpNobodyElse) {
  start();
  test::RawClient slow(io_, options_.socket);
  test::RawClient quick(io_, options_.socket);
  send(slow, request(1, "wait"));
  EXPECT_EQ(json::parse(ask(quick, request(1, "count")))["result"], 1);
  may_go_on_.set();
  EXPECT_EQ(json::parse(line(slow))["result"], "waited");
}

TEST_F(ControlServerTest, ErrorsSayWhatIsWrongAndTheConnectionGoesOn) {
  ControlServer& server = start();
  server.method("refuse", {}, [](json) -> asio::awaitable<RpcResult> {
    RpcError error = Error(ErrorCode::invalid_argument, "too much");
    error.data["key"] = "worker.max_vram_gb";
    co_return error;
  });
  server.method("fail", {},
                [](json) -> asio::awaitable<RpcResult> { co_return Error(ErrorCode::disk_full, "no room"); });
  server.method("throw", {}, [](json params) -> asio::awaitable<RpcResult> { co_return params.at("missing"); });
  server.method("much", {}, [](json) -> asio::awaitable<RpcResult> { co_return std::string(2'000'000, 'x'); });
  struct Case {
    std::string method;
    json params;
    int code;
    json data;
  };
  const Case cases[] = {
      {"nothing", json::object(), RpcError::unknown_method, {{"code", "not_found"}}},
      {"echo", {{"txet", "a"}}, RpcError::invalid_params, {{"code", "invalid_argument"}}},
      {"echo", json::array({"a"}), RpcError::invalid_params, {{"code", "invalid_argument"}}},
      {"news.subscribe", {{"a", 1}}, RpcError::invalid_params, {{"code", "invalid_argument"}}},
      {"refuse",
       json::object(),
       RpcError::invalid_params,
       {{"code", "invalid_argument"}, {"key", "worker.max_vram_gb"}}},
      {"fail", json::object(), RpcError::failed, {{"code", "disk_full"}}},
      {"throw", json::object(), RpcError::internal, {{"code", "internal"}}},
      {"much", json::object(), RpcError::failed, {{"code", "too_large"}}},
  };
  test::RawClient client(io_, options_.socket);
  int id = 0;
  for (const Case& one : cases) {
    const json answer = json::parse(ask(client, request(++id, one.method, one.params)));
    EXPECT_EQ(answer["id"], id) << one.method;
    EXPECT_EQ(answer["error"]["code"], one.code) << one.method;
    EXPECT_EQ(answer["error"]["data"], one.data) << one.method;
    EXPECT_NE(answer["error"]["message"], "") << one.method;
  }
  EXPECT_EQ(json::parse(ask(client, request(99, "echo", {{"text", "a"}})))["result"], json({{"text", "a"}}));
}

TEST_F(ControlServerTest, WhatIsNoMessageIsAnsweredAndClosesTheConnection) {
  start();
  test::RawClient bystander(io_, options_.socket);
  const std::string lines[] = {
      "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "\n",
      std::string("\0\xff\xfe\n", 4),
      std::string(50'000, '[') + "\n",
      "[" + request(1, "count").substr(0, request(1, "count").size() - 1) + "]\n",
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}\n",
      std::string(wire::max_rpc_request_bytes + 1, 'x') + "\n",
      std::string(10 * wire::max_rpc_request_bytes, 'x'),
  };
  for (const std::string& text : lines) {
    test::RawClient client(io_, options_.socket);
    // Whoever sends on must not wait for it to be read.
    tasks_.spawn("send", client.send(text + request(2, "count")));
    const json answer = json::parse(line(client));
    EXPECT_TRUE(answer["id"].is_null()) << text.substr(0, 40);
    EXPECT_LT(answer["error"]["code"], -32000) << text.substr(0, 40);
    EXPECT_EQ(rest(client), "") << text.substr(0, 40);
  }
  EXPECT_EQ(counted_, 0);
  EXPECT_EQ(json::parse(ask(bystander, request(1, "count")))["result"], 1);
}

TEST_F(ControlServerTest, ANotificationIsCarriedOutAndNotAnswered) {
  start();
  test::RawClient client(io_, options_.socket);
  send(client, wire::rpc_notification("count", "{}") + wire::rpc_notification("nothing", "{}") +
                   wire::rpc_notification("count", "{\"a\":1}"));
  EXPECT_EQ(json::parse(ask(client, request(1, "count")))["result"], 2);
}

TEST_F(ControlServerTest, WhatStandsBeforeTheEndIsAnsweredToo) {
  start();
  test::RawClient client(io_, options_.socket);
  const std::string text = request(1, "count") + request(2, "count");
  send(client, text.substr(0, text.size() - 1));
  client.socket.shutdown(asio::socket_base::shutdown_send);
  EXPECT_EQ(rest(client), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":2}\n");
}

TEST_F(ControlServerTest, ASubscriberIsToldOfChangesAndOfNothingElse) {
  start();
  test::RawClient client(io_, options_.socket);
  change("nobody listens");
  EXPECT_EQ(json::parse(ask(client, request(1, "news.subscribe")))["result"]["value"], "nobody listens");
  change("second");
  EXPECT_EQ(told(client), "second");
  change("second");
  // Told before what is asked now would be answered, if it were told.
  while (io_.poll() > 0) {
  }
  EXPECT_EQ(json::parse(ask(client, request(2, "count")))["result"], 1);
  EXPECT_EQ(json::parse(ask(client, request(3, "news.subscribe")))["result"]["value"], "second");
  change("third");
  EXPECT_EQ(told(client), "third");
  change("fourth");
  EXPECT_EQ(told(client), "fourth") << "once, though it subscribed twice";
}

TEST_F(ControlServerTest, ChangesInARowAreToldTogetherAndNotMoreOftenThanTheInterval) {
  interval_ = 100ms;
  start();
  test::RawClient client(io_, options_.socket);
  ask(client, request(1, "news.subscribe"));
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 1; i <= 100; ++i)
    change("change " + std::to_string(i));
  EXPECT_EQ(told(client), "change 100");
  change("soon");
  change("soon after");
  EXPECT_EQ(told(client), "soon after");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, interval_);
}

TEST_F(ControlServerTest, ASlowReaderGetsTheNewestAndKeepsNobodyWaiting) {
  start();
  test::RawClient slow(io_, options_.socket);
  test::RawClient quick(io_, options_.socket);
  ask(slow, request(1, "news.subscribe"));
  ask(quick, request(1, "news.subscribe"));
  constexpr int changes = 60;
  const std::string much(100'000, 'x');
  for (int i = 1; i <= changes; ++i) {
    change(std::to_string(i) + much);
    EXPECT_EQ(told(quick), value_);
  }
  int lines = 0;
  json last;
  while (last != value_) {
    last = told(slow);
    ++lines;
  }
  // What the socket's buffer took, the one that waited, and the newest.
  EXPECT_LT(lines, changes / 2);
}

TEST_F(ControlServerTest, WhatIsToldIsWatchedOnlyWhileSomebodyListens) {
  start();
  {
    test::RawClient first(io_, options_.socket);
    test::RawClient second(io_, options_.socket);
    EXPECT_THAT(watched_, ElementsAre());
    ask(first, request(1, "news.subscribe"));
    ask(second, request(1, "news.subscribe"));
    EXPECT_THAT(watched_, ElementsAre(1));
    first.socket.close();
    while (server_->connections() > 1)
      io_.run_one();
    EXPECT_THAT(watched_, ElementsAre(1));
  }
  while (server_->connections() > 0)
    io_.run_one();
  EXPECT_THAT(watched_, ElementsAre(1, 0));
  test::RawClient third(io_, options_.socket);
  ask(third, request(1, "news.subscribe"));
  EXPECT_THAT(watched_, ElementsAre(1, 0, 1));
}

TEST_F(ControlServerTest, OneProgramTooManyIsTurnedAway) {
  ControlServer& server = start();
  std::list<test::RawClient> clients;
  for (std::size_t i = 0; i < options_.max_connections; ++i)
    ask(clients.emplace_back(io_, options_.socket), request(1, "count"));
  {
    test::RawClient one_more(io_, options_.socket);
    const json answer = json::parse(line(one_more));
    EXPECT_TRUE(answer["id"].is_null());
    EXPECT_EQ(answer["error"]["data"]["code"], "resource_exhausted");
    EXPECT_EQ(rest(one_more), "");
  }
  clients.pop_front();
  while (server.connections() == options_.max_connections)
    io_.run_one();
  test::RawClient again(io_, options_.socket);
  EXPECT_EQ(json::parse(ask(again, request(1, "count")))["result"], 17);
}

asio::awaitable<void> end_of(asio::local::stream_protocol::socket& socket) {
  char byte = 0;
  co_await socket.async_read_some(asio::buffer(&byte, 1), test::token);
}

// In a directory and with a socket that are open to all: what is left is what the kernel says of the peer.
TEST_F(ControlServerTest, AnotherUserIsRefused) {
  constexpr uid_t somebody_else = 65534;
  const bool can_become_another = ::geteuid() == 0;
  if (!can_become_another) options_.owner = ::geteuid() + 1;
  start();
  std::filesystem::permissions(directory_.path, std::filesystem::perms::all);
  ASSERT_EQ(::chmod(options_.socket.c_str(), 0666), 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, options_.socket.c_str(), sizeof address.sun_path - 1);
  const std::string text = request(1, "count");
  asio::local::stream_protocol::socket ended(io_);
  asio::local::stream_protocol::socket held_by_child(io_);
  asio::local::connect_pair(ended, held_by_child);
  const pid_t child = ::fork();
  if (child == 0) {
    char byte = 0;
    if (can_become_another && ::setresuid(somebody_else, somebody_else, somebody_else) != 0) ::_exit(10);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) ::_exit(11);
    (void)::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL);
    // Its end, or a reset as it had sent something; not a byte.
    ::_exit(::read(descriptor, &byte, 1) <= 0 ? 0 : 12);
  }
  held_by_child.close();
  test::run(io_, end_of(ended));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(counted_, 0);
  if (!can_become_another) return;
  test::RawClient own(io_, options_.socket);
  EXPECT_EQ(json::parse(ask(own, request(1, "count")))["result"], 1);
}

TEST_F(ControlServerTest, StoppedItAnswersWhatItHasBegunAndTellsTheLastNews) {
  // Longer than any machine has run: the first news do not wait for what was never told.
  interval_ = 24h * 3650;
  start();
  test::RawClient idle(io_, options_.socket);
  test::RawClient busy(io_, options_.socket);
  test::RawClient subscriber(io_, options_.socket);
  ask(idle, request(1, "count"));
  ask(subscriber, request(1, "news.subscribe"));
  change("second");
  EXPECT_EQ(told(subscriber), "second");
  change("last");
  send(busy, request(1, "wait") + request(2, "count"));
  while (io_.poll() > 0) {
  }
  server_->stop(1h);
  EXPECT_EQ(rest(idle), "");
  EXPECT_EQ(told(subscriber), "last");
  EXPECT_EQ(rest(subscriber), "");
  may_go_on_.set();
  EXPECT_EQ(json::parse(line(busy))["result"], "waited");
  EXPECT_EQ(rest(busy), "");
  test::run(io_, tasks_.wait());
  EXPECT_EQ(counted_, 1);
  EXPECT_FALSE(std::filesystem::exists(options_.socket));
}

TEST_F(ControlServerTest, StoppedItCutsWhatDoesNotEnd) {
  start();
  test::RawClient reads_nothing(io_, options_.socket);
  ask(reads_nothing, request(1, "news.subscribe"));
  const std::string much(1'000'000, 'x');
  for (int i = 0; i < 5; ++i) {
    change(std::to_string(i) + much);
    while (io_.poll() > 0) {
    }
  }
  test::RawClient busy(io_, options_.socket);
  send(busy, request(1, "wait"));
  while (io_.poll() > 0) {
  }
  stop(0ms);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ControlServerTest, ASecondDaemonIsRefused) {
  start();
  ControlServer second(io_.get_executor(), options_);
  const auto listening = second.listen();
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code, ErrorCode::conflict);
}

}  // namespace
}  // namespace gogrid::worker
