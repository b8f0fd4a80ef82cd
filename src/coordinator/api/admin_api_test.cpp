// The administrative API against a whole coordinator: keys and who may do what, join tokens, workers, status.
#include "coordinator/coordinator_test_support.hpp"

namespace gogrid::coordinator {
namespace {

namespace asio = boost::asio;
using domain::test::good_gguf;
using nlohmann::json;
using testing::HasSubstr;

class AdminApi : public test::CoordinatorTest {
 protected:
  AdminApi() { start(); }
};

// ---- keys ----

TEST_F(AdminApi, KeysOpenWhatTheirScopesSay) {
  const json inference = call("POST", "/api/v1/keys", {{"name", "user"}}).value;
  const json admin = call("POST", "/api/v1/keys", {{"name", "operator"}, {"scopes", {"admin"}}}).value;
  const struct {
    std::string key;
    const char* target;
    int status;
    const char* code;
  } table[] = {
      {"", "/v1/models", 401, "\"invalid_api_key\""},
      {"", "/api/v1/keys", 401, "\"invalid_api_key\""},
      {"nonsense", "/v1/models", 401, "\"invalid_api_key\""},
      {"gg_0000000000000000_no", "/v1/models", 401, "\"invalid_api_key\""},
      {"gg_" + admin["id"].get<std::string>() + "_", "/v1/models", 401, "\"invalid_api_key\""},
      {inference["key"], "/v1/models", 200, ""},
      {inference["key"], "/api/v1/keys", 403, "\"insufficient_scope\""},
      {admin["key"], "/v1/models", 403, "\"insufficient_scope\""},
      {admin["key"], "/api/v1/keys", 200, ""},
      {admin_key, "/v1/models", 200, ""},
      {admin_key, "/api/v1/keys", 200, ""},
  };
  for (const auto& row : table) {
    const Reply reply = call_with_key(row.key, "GET", row.target);
    EXPECT_EQ(reply.status, row.status) << row.key << " " << row.target;
    EXPECT_EQ(reply.code(), row.code) << row.key << " " << row.target;
  }
}

TEST_F(AdminApi, AKeyWithOneCharacterChangedIsNoKey) {
  const std::string key = call("POST", "/api/v1/keys", {{"name", "user"}}).value["key"];
  ASSERT_EQ(call_with_key(key, "GET", "/v1/models").status, 200);
  for (std::size_t i = 0; i < key.size(); i += 7) {
    std::string changed = key;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(call_with_key(changed, "GET", "/v1/models").status, 401) << i;
  }
  EXPECT_EQ(call_with_key(key + "A", "GET", "/v1/models").status, 401);
  EXPECT_EQ(call_with_key(key.substr(0, key.size() - 1), "GET", "/v1/models").status, 401);
}

TEST_F(AdminApi, AKeyCountsAlsoAsAnthropicsClientsSendIt) {
  net::HttpClientRequest made = request("GET", "/v1/models");
  made.headers.remove("Authorization");
  made.headers.add("x-api-key", admin_key);
  EXPECT_EQ(send(std::move(made)).status, 200);
}

TEST_F(AdminApi, RevokedAndExpiredKeysAreGoodForNothingAlsoAfterARestart) {
  const json revoked = call("POST", "/api/v1/keys", {{"name", "gone"}}).value;
  const json expired = call("POST", "/api/v1/keys", {{"name", "short"}, {"expires_in_seconds", 60}}).value;
  EXPECT_EQ(call_with_key(expired["key"], "GET", "/v1/models").status, 200);
  EXPECT_EQ(call("DELETE", "/api/v1/keys/" + revoked["id"].get<std::string>()).status, 204);
  EXPECT_EQ(call("DELETE", "/api/v1/keys/nobody").status, 404);
  clock.shift += std::chrono::seconds(61);
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(call_with_key(revoked["key"], "GET", "/v1/models").message(), HasSubstr("revoked"));
    EXPECT_THAT(call_with_key(expired["key"], "GET", "/v1/models").message(), HasSubstr("expired"));
    restart();
  }
}

TEST_F(AdminApi, TheLastKeyOfAnAdministratorCannotBeRevoked) {
  const std::string id = admin_key.substr(3, 16);
  const json other =
      call("POST", "/api/v1/keys", {{"name", "operator"}, {"scopes", {"admin"}}, {"expires_in_seconds", 60}}).value;
  clock.shift += std::chrono::seconds(61);
  const Reply refused = call("DELETE", "/api/v1/keys/" + id);
  EXPECT_EQ(refused.status, 409) << refused.body;
  EXPECT_THAT(refused.message(), HasSubstr("make another one first"));
  EXPECT_EQ(call("GET", "/api/v1/keys").status, 200);
  EXPECT_EQ(call("DELETE", "/api/v1/keys/" + other["id"].get<std::string>()).status, 204);
  const json next = call("POST", "/api/v1/keys", {{"name", "next"}, {"scopes", {"admin"}}}).value;
  EXPECT_EQ(call("DELETE", "/api/v1/keys/" + id).status, 204);
  EXPECT_EQ(call_with_key(next["key"], "GET", "/api/v1/keys").status, 200);
}

TEST_F(AdminApi, AnthropicsClientsReadTheirOwnFormOfErrors) {
  const struct {
    std::string key;
    const char* method;
    int status;
    const char* type;
  } table[] = {{"", "POST", 401, "authentication_error"},
               {"nonsense", "POST", 401, "authentication_error"},
               {call("POST", "/api/v1/keys", {{"name", "operator"}, {"scopes", {"admin"}}}).value["key"], "POST", 403,
                "permission_error"},
               {admin_key, "GET", 405, "invalid_request_error"}};
  for (const auto& row : table) {
    for (const char* target : {"/v1/messages", "/v1/messages/count_tokens"}) {
      const Reply reply = call_with_key(row.key, row.method, target);
      EXPECT_EQ(reply.status, row.status) << reply.body;
      EXPECT_EQ(reply.value["type"], "error") << reply.body;
      EXPECT_EQ(reply.value["error"]["type"], row.type) << reply.body;
    }
  }
}

TEST_F(AdminApi, KeysAreListedWithoutTheirSecrets) {
  const json made = call("POST", "/api/v1/keys", {{"name", "user"}}).value;
  restart();
  const Reply reply = call("GET", "/api/v1/keys");
  const std::string secret = made["key"].get<std::string>().substr(20);
  EXPECT_EQ(reply.body.find(secret), std::string::npos);
  ASSERT_EQ(reply.value["data"].size(), 2u);
  EXPECT_EQ(reply.value["data"][1]["name"], "user");
  // Written when the coordinator stopped.
  EXPECT_TRUE(reply.value["data"][0]["last_used_at"].is_number());
}

TEST_F(AdminApi, KeysAndTokensAreCalledWhatPeopleCallThings) {
  const Reply key = call("POST", "/api/v1/keys", {{"name", " Alice's laptop "}});
  EXPECT_EQ(key.status, 201) << key.body;
  EXPECT_EQ(key.value["name"], "Alice's laptop");
  const Reply token = call("POST", "/api/v1/tokens", {{"name", "Büro, 2. Stock"}});
  EXPECT_EQ(token.status, 201) << token.body;
  EXPECT_EQ(token.value["name"], "Büro, 2. Stock");
}

TEST_F(AdminApi, WhatIsAskedForWronglyNamesTheField) {
  const struct {
    const char* target;
    json body;
    const char* param;
  } table[] = {
      {"/api/v1/keys", json::object(), "name"},
      {"/api/v1/keys", {{"name", 3}}, "name"},
      {"/api/v1/keys", {{"name", "two\nlines"}}, "name"},
      {"/api/v1/keys", {{"name", "  "}}, "name"},
      {"/api/v1/keys", {{"name", "x"}, {"scopes", "admin"}}, "scopes"},
      {"/api/v1/keys", {{"name", "x"}, {"scopes", {"root"}}}, "scopes"},
      {"/api/v1/keys", {{"name", "x"}, {"scopes", json::array()}}, "scopes"},
      {"/api/v1/keys", {{"name", "x"}, {"expires_in_seconds", -1}}, "expires_in_seconds"},
      {"/api/v1/keys", {{"name", "x"}, {"expires_in_seconds", 1.5}}, "expires_in_seconds"},
      {"/api/v1/keys", {{"name", "x"}, {"expire_in_seconds", 60}}, "expire_in_seconds"},
      {"/api/v1/tokens", {{"uses", 0}}, "uses"},
      {"/api/v1/tokens", {{"uses", 18446744073709551615u}}, "uses"},
      {"/api/v1/tokens", {{"name", std::string(129, 'a')}}, "name"},
      {"/api/v1/uploads",
       {{"kind", "model"}, {"name", "a/../b"}, {"size_bytes", 1}, {"sha256", std::string(64, 'a')}},
       "name"},
      {"/api/v1/uploads",
       {{"kind", "model"}, {"name", "mdl_1"}, {"size_bytes", 1}, {"sha256", std::string(64, 'a')}},
       "name"},
      {"/api/v1/uploads", {{"kind", "film"}}, "kind"},
      {"/api/v1/uploads",
       {{"kind", "model"}, {"name", "m"}, {"size_bytes", 1}, {"sha256", "../../etc/passwd"}},
       "sha256"},
      {"/api/v1/uploads", {{"kind", "model"}, {"name", "m"}, {"sha256", std::string(64, 'a')}}, "size_bytes"},
      {"/api/v1/uploads",
       {{"kind", "model"}, {"name", "m"}, {"size_bytes", 0}, {"sha256", std::string(64, 'a')}},
       "size_bytes"},
      {"/api/v1/uploads",
       {{"kind", "engine"}, {"name", "m"}, {"size_bytes", 9}, {"sha256", std::string(64, 'a')}, {"slots", 2}},
       "kind"},
  };
  for (const auto& row : table) {
    const Reply reply = call("POST", row.target, row.body);
    EXPECT_EQ(reply.status, 400) << row.body;
    EXPECT_EQ(reply.value["error"]["param"], row.param) << reply.body;
    EXPECT_EQ(reply.value["error"]["type"], "invalid_request_error");
  }
  EXPECT_EQ(send(request("POST", "/api/v1/keys", "{")).code(), "\"invalid_json\"");
  EXPECT_EQ(send(request("POST", "/api/v1/keys", "[]")).status, 400);
  EXPECT_EQ(send(request("POST", "/api/v1/keys", std::string(100'000, ' '))).status, 413);
}

// ---- join tokens and enrolment ----

class Enrolling : public AdminApi {
 protected:
  json enrolment(const std::string& token, const std::string& host = "desk") {
    // "ggj_<id>.<secret>.<pin>": the coordinator is shown the middle.
    const std::string credential = token.substr(4, token.rfind('.') - 4);
    return {{"token", credential}, {"certificate_request", request_pem}, {"host_name", host}};
  }
  Reply enrol(const json& body) {
    net::HttpClientRequest made = request("POST", "/worker/v1/enrol", body.dump());
    made.headers.remove("Authorization");
    return send(std::move(made));
  }
  std::string token(const json& body = json::object()) { return call("POST", "/api/v1/tokens", body).value["token"]; }
  std::size_t workers() { return call("GET", "/api/v1/workers").value["data"].size(); }

  const std::string key = net::pki::generate_key().value();
  const std::string request_pem = net::pki::create_request(key, "whoever").value();
};

TEST_F(Enrolling, ATokenMakesAWorkerWithACertificateForItsKey) {
  const Reply reply = enrol(enrolment(token({{"name", "garage"}})));
  ASSERT_EQ(reply.status, 201) << reply.body;
  const std::string chain = reply.value["certificate_chain"];
  EXPECT_TRUE(net::pki::check_pair(chain, key));
  const auto info = net::pki::inspect(chain).value();
  EXPECT_EQ(info.common_name, reply.value["worker_id"]);
  EXPECT_EQ(reply.value["authority"], authority);
  restart();
  const json worker = call("GET", "/api/v1/workers/garage").value;
  EXPECT_EQ(worker["id"], reply.value["worker_id"]);
  EXPECT_EQ(worker["connected"], false);
  EXPECT_EQ(worker["host_name"], "desk");
  EXPECT_EQ(worker["certificate_expires_at"], to_unix_seconds(info.not_after));
  EXPECT_EQ(call("DELETE", "/api/v1/workers/garage").status, 204);
  EXPECT_TRUE(call("GET", "/api/v1/workers/" + worker["id"].get<std::string>()).value["revoked_at"].is_number());
  EXPECT_EQ(call("DELETE", "/api/v1/workers/garage").status, 404);
}

TEST_F(Enrolling, AWorkerWithoutATokensNameIsNamedAfterItsHost) {
  const std::string many = token({{"name", "office"}, {"uses", 3}});
  for (const char* name : {"desk", "desk-2"}) {
    ASSERT_EQ(enrol(enrolment(many)).status, 201);
    EXPECT_EQ(call("GET", std::string("/api/v1/workers/") + name).status, 200);
  }
  ASSERT_EQ(enrol(enrolment(many, "a b\r\n<c>")).status, 201);
  EXPECT_EQ(call("GET", "/api/v1/workers/a-b---c-").status, 200);
}

TEST_F(Enrolling, ANameThatIsAnotherWorkersIdDoesNotStandForIt) {
  const std::string many = token({{"uses", 3}});
  const std::string id = enrol(enrolment(many, "victim")).value["worker_id"];
  ASSERT_EQ(enrol(enrolment(many, id)).status, 201);
  EXPECT_EQ(call("GET", "/api/v1/workers/" + id).value["name"], "victim");
  EXPECT_EQ(call("DELETE", "/api/v1/workers/" + id).status, 204);
  const json workers = call("GET", "/api/v1/workers").value["data"];
  for (const json& worker : workers) {
    EXPECT_EQ(worker["revoked_at"].is_number(), worker["id"] == id) << worker;
    EXPECT_FALSE(worker["name"].get<std::string>().starts_with("wk_")) << worker;
  }
}

TEST_F(Enrolling, WhatServesNoMoreIsRefusedWithTheReasonAndNothingIsStored) {
  const std::string used = token();
  ASSERT_EQ(enrol(enrolment(used)).status, 201);
  const std::string late = token({{"expires_in_seconds", 60}});
  const json removed = call("POST", "/api/v1/tokens").value;
  ASSERT_EQ(call("DELETE", "/api/v1/tokens/" + removed["id"].get<std::string>()).status, 204);
  std::string tampered = token();
  tampered[25] = tampered[25] == 'x' ? 'y' : 'x';
  clock.shift += std::chrono::seconds(61);
  const struct {
    std::string token;
    const char* says;
  } table[] = {{used, "used"}, {late, "expired"}, {removed["token"], "not known"}, {tampered, "not known"}};
  for (const auto& row : table) {
    const Reply reply = enrol(enrolment(row.token));
    EXPECT_EQ(reply.status, 403) << row.says;
    EXPECT_EQ(reply.code(), "\"invalid_join_token\"");
    EXPECT_THAT(reply.message(), HasSubstr(row.says));
  }
  EXPECT_EQ(workers(), 1u);
}

TEST_F(Enrolling, ABadRequestDoesNotUseTheTokenUp) {
  const std::string good = token();
  json body = enrolment(good);
  body["certificate_request"] = "-----BEGIN NONSENSE-----";
  EXPECT_EQ(enrol(body).status, 400);
  body.erase("certificate_request");
  EXPECT_EQ(enrol(body).status, 400);
  EXPECT_EQ(workers(), 0u);
  EXPECT_EQ(enrol(enrolment(good)).status, 201);
}

TEST_F(Enrolling, OfManyAtOnceExactlyOneGetsASingleUse) {
  constexpr int attempts = 12;
  const std::string body = enrolment(token()).dump();
  std::map<int, int> statuses;
  std::vector<std::unique_ptr<net::HttpClient>> clients;
  TaskGroup group(io.get_executor());
  const auto attempt = [&](net::HttpClient& its_client) -> asio::awaitable<void> {
    net::HttpClientRequest made = request("POST", "/worker/v1/enrol", body);
    const auto answer = co_await net::test::fetch(its_client, std::move(made));
    ++statuses[answer.status];
  };
  for (int i = 0; i < attempts; ++i) {
    clients.push_back(make_client());
    group.spawn("enrol", attempt(*clients.back()));
  }
  net::test::run(io, group.wait());
  EXPECT_EQ(statuses, (std::map<int, int>{{201, 1}, {403, attempts - 1}}));
  EXPECT_EQ(workers(), 1u);
}

TEST_F(Enrolling, TokensAreListedWithoutTheirSecrets) {
  const std::string made = token({{"name", "office"}, {"uses", 3}});
  const Reply reply = call("GET", "/api/v1/tokens");
  EXPECT_EQ(reply.value["data"][0]["uses_left"], 3);
  EXPECT_EQ(reply.body.find(made.substr(21, 43)), std::string::npos);
}

// ---- status ----

TEST_F(AdminApi, StatusCountsWhatThereIs) {
  ASSERT_EQ(upload(good_gguf(), "m").status, 200);
  const json status = call("GET", "/api/v1/status").value;
  EXPECT_EQ(status["version"], GOGRID_VERSION);
  EXPECT_EQ(status["models"], (json{{"total", 1}, {"ready", 0}}));
  EXPECT_EQ(status["workers"], (json{{"connected", 0}, {"total", 0}}));
  EXPECT_EQ(status["engine"], nullptr);
}

TEST_F(AdminApi, ProbesNeedNoKeyAndMetricsCount) {
  EXPECT_EQ(call_with_key("", "GET", "/healthz").body, "ok\n");
  EXPECT_EQ(call_with_key("", "GET", "/readyz").status, 200);
  EXPECT_THAT(call_with_key("", "GET", "/metrics").body, HasSubstr("/healthz"));
  stop();
  config.metrics.require_key = true;
  start();
  EXPECT_EQ(call_with_key("", "GET", "/metrics").status, 401);
  EXPECT_EQ(call("GET", "/metrics").status, 200);
}

TEST_F(AdminApi, EveryResponseCarriesTheRequestsId) {
  for (const char* target : {"/healthz", "/v1/models", "/nothing", "/v1/chat/completions", "/%zz"}) {
    const Reply reply = call("GET", target);
    EXPECT_THAT(std::string(reply.headers.get("x-request-id").value_or("")), testing::StartsWith("req_")) << target;
  }
}

}  // namespace
}  // namespace gogrid::coordinator
