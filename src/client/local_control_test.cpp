// The client of the control socket against a real Unix socket, and against none.
#include "client/local_control.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>

#include "base/task_group.hpp"
#include "net/line_reader.hpp"
#include "net/listener.hpp"
#include "wire/json_rpc.hpp"

namespace gogrid::client {
namespace {

namespace asio = boost::asio;
using nlohmann::json;
using Outcome = Result<Answer<LocalStatus>>;

constexpr const char* status_json =
    R"({"availability":"available","certificate_expires_at":1800000000,)"
    R"("coordinator":{"address":"grid:8443","connected":true,"last_error":null,"rtt_ms":0.4,"since":1700000000},)"
    R"("engine":{"description":"llama.cpp","devices":[{"limit_bytes":6,"name":"Vulkan0","total_bytes":8},7],"phase":"ready"},)"
    R"("name":"den","reason":"","replicas":[{"model_name":"m","phase":"ready","pid":7,"slots":2,"slots_busy":1}],)"
    R"("requests":{"running":1,"total":9},"sandbox":"bubblewrap","sandbox_detail":"","version":"0.1.0","worker_id":"wk_1"})";

std::string paused(int number) {
  return R"({"availability":"paused","reason":"film )" + std::to_string(number) + "\"}";
}

// A daemon that answers as a test says.
class FakeDaemon {
 public:
  FakeDaemon(asio::io_context& loop, const std::filesystem::path& socket)
      : listener_(net::Listener::on_unix(loop.get_executor(), socket).value()), tasks_(loop.get_executor()) {
    tasks_.spawn("accept", accept());
  }

  // What is written for a request, if anything.
  std::function<std::string(const wire::RpcRequest&)> on_request = [](const wire::RpcRequest& request) {
    return wire::rpc_result(request.id, status_json);
  };
  std::vector<std::string> seen;
  int connections = 0;

  void say(std::string text) { tasks_.spawn("say", write(std::move(text))); }
  void hang_up() { stream_->close(); }
  void stop() {
    listener_.close();
    if (stream_) stream_->close();
  }

 private:
  asio::awaitable<void> accept() {
    while (auto accepted = co_await listener_.accept()) {
      ++connections;
      stream_ = net::make_plain_stream(std::move(accepted->socket));
      tasks_.spawn("serve", serve(stream_));
    }
  }
  asio::awaitable<void> serve(std::shared_ptr<net::SocketStream> stream) {
    net::LineReader lines(*stream, 1'000'000);
    for (;;) {
      auto line = co_await lines.next();
      if (!line || !*line) co_return;
      seen.push_back(**line);
      const auto message = wire::read_rpc(**line, 1'000'000);
      const std::string answer = on_request(std::get<wire::RpcRequest>(message));
      (void)co_await stream->write(std::as_bytes(std::span(answer)));
    }
  }
  asio::awaitable<void> write(std::string text) {
    (void)co_await stream_->write(std::as_bytes(std::span(std::string_view(text))));
  }

  net::Listener listener_;
  std::shared_ptr<net::SocketStream> stream_;
  TaskGroup tasks_;
};

class LocalControlTest : public testing::Test {
 protected:
  LocalControlTest() {
    char name[] = "/tmp/gogrid-control-XXXXXX";
    directory_ = ::mkdtemp(name);
    socket_ = directory_ / "control.sock";
    control_.emplace(loop_.get_executor(), socket_);
  }
  ~LocalControlTest() override {
    control_->close();
    if (daemon_) daemon_->stop();
    loop_.restart();
    loop_.run();
    std::filesystem::remove_all(directory_);
  }

  FakeDaemon& daemon() {
    if (!daemon_) daemon_.emplace(loop_, socket_);
    return *daemon_;
  }

  template <class T>
  static asio::awaitable<void> keep(asio::awaitable<T> call, std::optional<T>& out) {
    out = co_await std::move(call);
  }
  template <class T>
  void start(asio::awaitable<T> call, std::optional<T>& out) {
    tasks_.spawn("call", keep(std::move(call), out));
  }
  template <class T>
  T finish(std::optional<T>& out) {
    loop_.restart();
    while (!out && loop_.run_one() > 0) {
    }
    return *std::exchange(out, std::nullopt);
  }
  template <class T>
  T wait(asio::awaitable<T> call) {
    std::optional<T> out;
    start(std::move(call), out);
    return finish(out);
  }

  std::filesystem::path directory_;
  std::filesystem::path socket_;
  asio::io_context loop_{1};
  TaskGroup tasks_{loop_.get_executor()};
  std::optional<FakeDaemon> daemon_;
  std::optional<LocalControl> control_;
};

TEST_F(LocalControlTest, ReadsTheStatus) {
  daemon();
  const Outcome status = wait(control_->status());
  ASSERT_TRUE(status) << status.error().detail;
  EXPECT_EQ(status->value.worker_id, "wk_1");
  EXPECT_TRUE(status->value.connected);
  EXPECT_EQ(status->value.connected_since, 1700000000);
  EXPECT_EQ(status->value.last_error, "");
  ASSERT_EQ(status->value.replicas.size(), 1u);
  EXPECT_EQ(status->value.replicas[0].pid, 7);
  EXPECT_EQ(status->value.requests_total, 9);
  ASSERT_EQ(status->value.devices.size(), 2u);
  EXPECT_EQ(status->value.devices[0].name, "Vulkan0");
  EXPECT_EQ(status->value.devices[0].limit_bytes, 6);
  EXPECT_EQ(status->json, status_json);
}

TEST_F(LocalControlTest, CallsShareAConnection) {
  daemon();
  LocalPauseRequest film;
  film.reason = "a \"film\"\n";
  ASSERT_TRUE(wait(control_->pause(film)));
  LocalPauseRequest hour;
  hour.length = std::chrono::hours(1);
  ASSERT_TRUE(wait(control_->pause(hour)));
  LocalPauseRequest night;
  night.until_tomorrow = true;
  ASSERT_TRUE(wait(control_->pause(night)));
  ASSERT_TRUE(wait(control_->resume()));
  ASSERT_TRUE(wait(control_->stop()));
  ASSERT_TRUE(wait(control_->call("settings.set", R"({"values":{"a":null}})")));
  const std::vector<std::string> wanted = {
      R"({"id":1,"jsonrpc":"2.0","method":"pause","params":{"reason":"a \"film\"\n"}})",
      R"({"id":2,"jsonrpc":"2.0","method":"pause","params":{"for_seconds":3600}})",
      R"({"id":3,"jsonrpc":"2.0","method":"pause","params":{"until":"tomorrow"}})",
      R"({"id":4,"jsonrpc":"2.0","method":"resume","params":{}})",
      R"({"id":5,"jsonrpc":"2.0","method":"stop","params":{}})",
      R"({"id":6,"jsonrpc":"2.0","method":"settings.set","params":{"values":{"a":null}}})"};
  EXPECT_EQ(daemon().seen, wanted);
  EXPECT_EQ(daemon().connections, 1);
}

TEST_F(LocalControlTest, AnErrorOfTheDaemonIsShown) {
  daemon().on_request = [](const wire::RpcRequest& request) {
    return wire::rpc_error(request.id, Error(ErrorCode::conflict, "it is stopping"));
  };
  const Outcome status = wait(control_->resume());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::conflict);
  EXPECT_EQ(status.error().detail, "it is stopping");
}

TEST_F(LocalControlTest, BadParametersAreNotSent) {
  daemon();
  for (const std::string& params :
       {std::string("[1]"), std::string("{"), std::string("{}\n{}"), "{\"a\":\"" + std::string(70'000, 'x') + "\"}"})
    EXPECT_FALSE(wait(control_->call("status.get", params))) << params.substr(0, 20);
  EXPECT_TRUE(daemon().seen.empty());
}

TEST_F(LocalControlTest, TheSubscriptionGivesTheStatusAndThenTheNewest) {
  daemon();
  EXPECT_EQ(wait(control_->next_status())->value.availability, "available");
  EXPECT_NE(daemon().seen.at(0).find("status.subscribe"), std::string::npos);
  std::optional<Outcome> news;
  start(control_->next_status(), news);
  loop_.restart();
  loop_.poll();
  EXPECT_FALSE(news) << "nothing has changed";
  daemon().say(wire::rpc_notification("status.changed", paused(1)));
  EXPECT_EQ(finish(news)->value.reason, "film 1");
  // Nobody waits for these; a call that reads past them keeps the last.
  daemon().say(wire::rpc_notification("status.changed", paused(2)) +
               wire::rpc_notification("other.changed", paused(8)) +
               wire::rpc_notification("status.changed", paused(3)));
  ASSERT_TRUE(wait(control_->status()));
  EXPECT_EQ(wait(control_->next_status())->value.reason, "film 3");
  EXPECT_EQ(daemon().seen.size(), 2u);
}

// The first to wait reads; what comes for the others must not wait for it.
TEST_F(LocalControlTest, WhoeverWaitsGetsWhatIsHis) {
  std::string slow_answer;
  daemon().on_request = [&](const wire::RpcRequest& request) -> std::string {
    if (request.method == "slow") {
      slow_answer = wire::rpc_result(request.id, "\"slow\"");
      return "";
    }
    return wire::rpc_result(request.id, wire::rpc_text(request.method));
  };
  ASSERT_TRUE(wait(control_->next("a.subscribe", "a.changed")));
  ASSERT_TRUE(wait(control_->next("b.subscribe", "b.changed")));
  std::optional<Result<std::string>> a;
  std::optional<Result<std::string>> b;
  std::optional<Result<std::string>> slow;
  start(control_->next("a.subscribe", "a.changed"), a);
  start(control_->next("b.subscribe", "b.changed"), b);
  start(control_->call("slow"), slow);
  EXPECT_EQ(wait(control_->call("quick")).value(), "\"quick\"");
  daemon().say(slow_answer);
  EXPECT_EQ(finish(slow).value(), "\"slow\"");
  daemon().say(wire::rpc_notification("b.changed", R"({"n":1})"));
  EXPECT_EQ(finish(b).value(), R"({"n":1})");
  EXPECT_FALSE(a);
  daemon().say(wire::rpc_notification("a.changed", R"({"n":2})"));
  EXPECT_EQ(finish(a).value(), R"({"n":2})");
}

TEST_F(LocalControlTest, ACancelledCallLeavesTheOthersAlone) {
  daemon().on_request = [](const wire::RpcRequest& request) {
    return request.method == "never" ? "" : wire::rpc_result(request.id, "1");
  };
  std::optional<Result<std::string>> never;
  TaskGroup given_up(loop_.get_executor());
  given_up.spawn("never", keep(control_->call("never"), never));
  loop_.restart();
  while (daemon().seen.empty())
    loop_.run_one();
  given_up.cancel();
  run_until_done(loop_, given_up);
  EXPECT_EQ(wait(control_->call("quick")).value(), "1");
  EXPECT_EQ(daemon().connections, 1);
}

TEST_F(LocalControlTest, ABrokenConnectionFailsWhatWaitsAndTheNextCallMakesAnother) {
  daemon();
  ASSERT_TRUE(wait(control_->next_status()));
  std::optional<Outcome> news;
  start(control_->next_status(), news);
  loop_.restart();
  loop_.poll();
  daemon().hang_up();
  const Outcome broken = finish(news);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::unavailable);
  EXPECT_EQ(wait(control_->next_status())->value.worker_id, "wk_1") << "subscribed again";
  EXPECT_EQ(daemon().connections, 2);
  // Nobody reads when it ends now.
  daemon().hang_up();
  EXPECT_TRUE(wait(control_->status()));
  EXPECT_EQ(daemon().connections, 3);
}

TEST_F(LocalControlTest, WhatIsNoAnswerEndsTheConnection) {
  const std::string wrong[] = {"HTTP/1.1 200 OK\r\n\r\n", "[]\n", std::string(1'100'000, 'x'),
                               R"({"jsonrpc":"2.0","id":1})"
                               "\n"};
  for (const std::string& text : wrong) {
    daemon().on_request = [&](const wire::RpcRequest&) { return text; };
    const Outcome status = wait(control_->status());
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::protocol) << status.error().detail;
  }
}

TEST_F(LocalControlTest, SomebodyWhoIsTurnedAwayHearsWhy) {
  daemon().on_request = [](const wire::RpcRequest&) {
    return wire::rpc_error(nullptr, Error(ErrorCode::resource_exhausted, "too many"));
  };
  const Outcome status = wait(control_->status());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::resource_exhausted);
  EXPECT_EQ(status.error().detail, "too many");
}

TEST_F(LocalControlTest, CloseEndsWhatWaits) {
  daemon();
  ASSERT_TRUE(wait(control_->next_status()));
  std::optional<Outcome> news;
  start(control_->next_status(), news);
  loop_.restart();
  loop_.poll();
  control_->close();
  EXPECT_EQ(finish(news).error().code, ErrorCode::cancelled);
}

TEST_F(LocalControlTest, NoDaemonSaysHowToStartOne) {
  const Outcome status = wait(control_->status());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::unavailable);
  EXPECT_NE(status.error().detail.find("gogrid-worker run"), std::string::npos);
}

}  // namespace
}  // namespace gogrid::client
