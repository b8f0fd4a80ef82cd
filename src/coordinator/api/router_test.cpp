// Routes, methods, encodings and scopes, over a real Unix socket.
#include "coordinator/api/router.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "coordinator/api/error_response.hpp"
#include "coordinator/keys.hpp"
#include "net/net_test_support.hpp"

namespace gogrid::coordinator {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;

class NoKeys final : public store::KeyStore {
 public:
  store::Pending<> add_key(store::KeyRecord) override { co_return Result<void>(); }
  store::Pending<std::vector<store::KeyRecord>> list_keys() override { co_return std::vector<store::KeyRecord>(); }
  store::Pending<> revoke_key(std::string, SystemTime) override { co_return Result<void>(); }
  store::Pending<> set_key_policy(std::string, store::KeyPolicy) override { co_return Result<void>(); }
  store::Pending<> rename_key(std::string, std::string) override { co_return Result<void>(); }
  store::Pending<> note_key_uses(std::vector<LastUse>) override { co_return Result<void>(); }
};

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    const auto echo = [](const char* name) {
      return [name](ApiRequest& request) {
        std::string text = name;
        for (const std::string& parameter : request.parameters)
          text += "|" + parameter;
        return respond_text(request.exchange, 200, std::move(text));
      };
    };
    router.add("GET", "/things", Scope::open, echo("list"));
    router.add("POST", "/things", Scope::open, echo("create"));
    router.add("GET", "/things/{id}", Scope::open, echo("show"));
    router.add("GET", "/things/{id}/parts/{part}", Scope::open, echo("part"));
    router.add("GET", "/files/{path*}", Scope::open, echo("file"));
    router.add("GET", "/locked", Scope::admin, echo("locked"));
    router.add("GET", "/silent", Scope::open, [](ApiRequest&) -> asio::awaitable<void> { co_return; });
    router.add("GET", "/fails", Scope::open, [](ApiRequest& request) {
      return respond_error(request.exchange, Error(ErrorCode::internal, "a detail that is nobody's business"));
    });
    router.on_access([this](const AccessRecord& record) { seen.push_back(record); });
  }
  net::test::Answer send(std::string method, std::string target) {
    net::HttpClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    return net::test::run(io, net::test::fetch(*client, std::move(request)));
  }

  asio::io_context io{1};
  RealClock clock;
  NoKeys store;
  KeyRing keys{store, clock};
  Router router{keys, clock};
  std::vector<AccessRecord> seen;
  net::test::TestServer server{io, [this](net::HttpExchange& exchange) { return router.handle(exchange); }};
  std::unique_ptr<net::HttpClient> client = net::make_http_client(io.get_executor(), server.endpoint());
};

TEST_F(RouterTest, PathsFindTheirHandlers) {
  const struct {
    const char* target;
    const char* answer;
  } table[] = {
      {"/things", "list"},
      {"/things/", "list"},
      {"/things?x=/things/7", "list"},
      {"/things/7", "show|7"},
      {"/things/a%20b%2Fc", "show|a b/c"},
      {"/things/7/parts/x%25", "part|7|x%"},
      {"/files/a", "file|a"},
      {"/files/a/b/c", "file|a/b/c"},
      {"/files/a%2Fb", "file|a/b"},
      {"http://anywhere/things/7", "show|7"},
  };
  for (const auto& row : table) {
    const auto answer = send("GET", row.target);
    EXPECT_EQ(answer.status, 200) << row.target;
    EXPECT_EQ(answer.body, row.answer) << row.target;
  }
}

TEST_F(RouterTest, WhatIsNotThereIs404) {
  for (const char* target :
       {"/", "/nothing", "/thing", "/things/7/parts", "/things/7/parts/8/9", "/files", "/files/"}) {
    const auto answer = send("GET", target);
    EXPECT_EQ(answer.status, 404) << target;
    EXPECT_THAT(answer.body, HasSubstr("\"type\":\"invalid_request_error\"")) << target;
  }
}

TEST_F(RouterTest, MalformedPathsAre400) {
  for (const char* target :
       {"/things/%", "/things/%4", "/things/%zz", "/things/%00", "/files/../etc/passwd", "/files/%2e%2e/etc"}) {
    EXPECT_EQ(send("GET", target).status, 400) << target;
  }
}

TEST_F(RouterTest, AnotherMethodIs405AndNamesThoseThereAre) {
  const auto answer = send("DELETE", "/things");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.headers.get("Allow"), "GET, POST");
  EXPECT_THAT(answer.body, HasSubstr("method_not_allowed"));
}

TEST_F(RouterTest, TheAccessLogIsForPrograms) {
  LogOptions json;
  json.format = LogFormat::json;
  ASSERT_TRUE(start_logging(json));
  testing::internal::CaptureStderr();
  send("GET", "/things/a\"b?secret");
  const std::string line = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(start_logging({}));
  const auto record = nlohmann::json::parse(line, nullptr, false);
  ASSERT_TRUE(record.is_object()) << line;
  EXPECT_EQ(record["method"], "GET");
  EXPECT_EQ(record["path"], "/things/a\"b");
  EXPECT_EQ(record["status"], 200);
  EXPECT_EQ(record["sent_bytes"], 8);
  EXPECT_TRUE(record["duration_ms"].is_number_integer());
  EXPECT_TRUE(record["request"].get<std::string>().starts_with("req_"));
}

TEST_F(RouterTest, HeadIsGetWithoutABody) {
  const auto answer = send("HEAD", "/things/7");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
}

TEST_F(RouterTest, ALockedRouteWantsAKeyAndSaysSo) {
  const auto answer = send("GET", "/locked");
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.headers.get("WWW-Authenticate"), "Bearer");
}

TEST_F(RouterTest, RevokingAKeyReachesWhatRunsWithIt) {
  std::string name = "user";
  std::vector<std::string> scopes{"admin"};
  const auto mine = keys.make(name, scopes, std::nullopt);
  const auto other = keys.make(name, scopes, std::nullopt);
  for (const auto& key : {mine, other})
    EXPECT_TRUE(net::test::run(io, keys.add(key.record)));
  keys.on_revoke([this](const std::string& id) { router.end_requests_of(id); });
  net::test::Event running(io.get_executor());
  net::test::Event revoked(io.get_executor());
  router.add("GET", "/waits", Scope::admin, [&](ApiRequest& request) -> asio::awaitable<void> {
    request.on_revoke = [&] { revoked.set(); };
    running.set();
    co_await revoked.wait();
    co_await respond_error(request.exchange, key_revoked());
  });
  int status = 0;
  const auto ask = [&]() -> asio::awaitable<void> {
    net::HttpClientRequest request = net::test::get("/waits");
    request.headers.add("x-api-key", mine.key);
    const auto answer = co_await net::test::fetch(*client, std::move(request));
    status = answer.status;
  };
  TaskGroup tasks(io.get_executor());
  tasks.spawn("ask", ask());
  net::test::run(io, running.wait());
  EXPECT_TRUE(net::test::run(io, keys.revoke(mine.record.id)));
  net::test::run(io, tasks.wait());
  EXPECT_EQ(status, 401);
  router.end_requests_of(mine.record.id);
}

TEST_F(RouterTest, AFaultOfOursDoesNotTellItsDetail) {
  const auto answer = send("GET", "/fails");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body.find("nobody's business"), std::string::npos);
}

TEST_F(RouterTest, AccessIsRecordedByPatternNeverByWhatWasSent) {
  send("GET", "/things/secret");
  send("GET", "/unknown/secret");
  send("GET", "/silent");
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].pattern, "/things/{id}");
  EXPECT_EQ(seen[0].status, 200);
  EXPECT_EQ(seen[0].sent_bytes, std::string("show|secret").size());
  EXPECT_EQ(seen[1].pattern, "");
  EXPECT_EQ(seen[1].status, 404);
  EXPECT_EQ(seen[2].status, 0);
}

}  // namespace
}  // namespace gogrid::coordinator
