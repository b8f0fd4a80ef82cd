// The client of the control socket against a real Unix socket, and against none.
#include "client/local_control.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <optional>

#include "base/task_group.hpp"
#include "net/http_server.hpp"

namespace gogrid::client {
namespace {

namespace asio = boost::asio;
using Outcome = Result<Answer<LocalStatus>>;

constexpr const char* status_json =
    R"({"version":"0.1.0","worker_id":"wk_1","name":"den","coordinator":{"address":"grid:8443","connected":true,"since":1700000000,)"
    R"("last_error":null,"rtt_ms":0.4},"availability":"available","reason":"","sandbox":"bubblewrap","sandbox_detail":"",)"
    R"("engine":{"phase":"ready","description":"llama.cpp","devices":[{"name":"Vulkan0","total_bytes":8,"limit_bytes":6},7]},"replicas":[{"model_name":"m","phase":"ready","slots":2,"slots_busy":1,"pid":7}],)"
    R"("requests":{"running":1,"total":9},"certificate_expires_at":1800000000})";

class LocalControlTest : public testing::Test {
 protected:
  LocalControlTest() {
    char name[] = "/tmp/gogrid-control-XXXXXX";
    directory_ = ::mkdtemp(name);
    socket_ = directory_ / "control.sock";
  }
  ~LocalControlTest() override { std::filesystem::remove_all(directory_); }

  void listen() {
    server_ = net::listen_unix(loop_.get_executor(), socket_, {}, [this](net::HttpExchange& exchange) {
                return handle(exchange);
              }).value();
    tasks_.spawn("server", server_->run());
  }

  asio::awaitable<void> handle(net::HttpExchange& exchange) {
    const auto body = co_await exchange.read_body(1024);
    seen_.push_back(exchange.request().method + " " + exchange.request().target + " " + body.value());
    net::ResponseHead head;
    head.status = status_;
    (void)co_await exchange.respond(std::move(head), answer_);
  }

  asio::awaitable<void> keep(asio::awaitable<Outcome> call, std::optional<Outcome>& out) {
    out = co_await std::move(call);
    if (server_) server_->stop(std::chrono::milliseconds(0));
  }

  Outcome wait(asio::awaitable<Outcome> call) {
    std::optional<Outcome> out;
    tasks_.spawn("call", keep(std::move(call), out));
    while (tasks_.size() > 0 && loop_.run_one() > 0) {
    }
    return std::move(out).value();
  }

  std::filesystem::path directory_;
  std::filesystem::path socket_;
  asio::io_context loop_{1};
  TaskGroup tasks_{loop_.get_executor()};
  std::unique_ptr<net::HttpServer> server_;
  std::vector<std::string> seen_;
  int status_ = 200;
  std::string answer_ = status_json;
};

TEST_F(LocalControlTest, ReadsTheStatus) {
  listen();
  LocalControl control(loop_.get_executor(), socket_);
  const auto status = wait(control.status());
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

TEST_F(LocalControlTest, SendsTheReasonOfAPause) {
  listen();
  LocalControl control(loop_.get_executor(), socket_);
  ASSERT_TRUE(wait(control.pause("a \"film\"")));
  EXPECT_EQ(seen_.at(0), R"(POST /v1/pause {"reason":"a \"film\""})");
}

TEST_F(LocalControlTest, AnErrorOfTheDaemonIsShown) {
  listen();
  status_ = 409;
  answer_ = R"({"error":{"message":"it is stopping"}})";
  LocalControl control(loop_.get_executor(), socket_);
  const auto status = wait(control.resume());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().detail, "it is stopping");
}

TEST_F(LocalControlTest, NoDaemonSaysHowToStartOne) {
  LocalControl control(loop_.get_executor(), socket_);
  const auto status = wait(control.status());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::unavailable);
  EXPECT_NE(status.error().detail.find("gogrid-worker run"), std::string::npos);
}

}  // namespace
}  // namespace gogrid::client
