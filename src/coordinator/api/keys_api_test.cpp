// Limits of keys, what was used and who did what, in the administrative API of a whole coordinator.
#include "coordinator/coordinator_test_support.hpp"

namespace gogrid::coordinator {
namespace {

using domain::test::good_gguf;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class KeysApi : public test::CoordinatorTest {
 protected:
  KeysApi() { start(); }

  json create(const json& body) {
    const Reply reply = call("POST", "/api/v1/keys", body);
    EXPECT_EQ(reply.status, 201) << reply.body;
    return reply.value;
  }
  json key(const std::string& id) {
    const json list = call("GET", "/api/v1/keys").value["data"];
    for (const json& one : list) {
      if (one["id"] == id) return one;
    }
    return nullptr;
  }
  // As "action subject", the oldest first.
  std::vector<std::string> acts() {
    const json list = call("GET", "/api/v1/audit").value["data"];
    std::vector<std::string> all;
    for (const json& act : list)
      all.insert(all.begin(), act["action"].get<std::string>() + " " + act["subject"].get<std::string>());
    return all;
  }
};

// ---- limits ----

TEST_F(KeysApi, LimitsAreKeptAndChangedOneByOne) {
  const json plain = create({{"name", "plain"}});
  EXPECT_EQ(plain["models"], json::array());
  EXPECT_EQ(plain["weight"], 1);
  EXPECT_EQ(plain["requests_per_minute"], 0);
  const json made = create({{"name", "limited"},
                            {"models", {"b", "a", "b"}},
                            {"weight", 2.5},
                            {"requests_per_minute", 60},
                            {"tokens_per_minute", 1000},
                            {"max_concurrent", 2},
                            {"max_queued", 3}});
  const std::string id = made["id"];
  json wanted = made;
  wanted.erase("key");
  wanted["models"] = {"a", "b"};
  EXPECT_EQ(key(id), wanted);
  EXPECT_EQ(call("PATCH", "/api/v1/keys/" + id, {{"weight", 0.5}}).status, 200);
  EXPECT_EQ(call("PATCH", "/api/v1/keys/" + id, {{"name", " other "}, {"max_queued", 0}}).value["name"], "other");
  const Reply last = call("PATCH", "/api/v1/keys/" + id, {{"models", json::array()}});
  wanted["weight"] = 0.5;
  wanted["name"] = "other";
  wanted["max_queued"] = 0;
  wanted["models"] = json::array();
  EXPECT_EQ(last.value, wanted);
  restart();
  EXPECT_EQ(key(id), wanted);
}

TEST_F(KeysApi, WrongLimitsAreRefusedByName) {
  const std::string id = create({{"name", "x"}})["id"];
  const std::pair<const char*, json> table[] = {
      {"weight", 0},
      {"weight", 1001},
      {"weight", "1"},
      {"requests_per_minute", -1},
      {"requests_per_minute", 1.5},
      {"tokens_per_minute", "many"},
      {"max_concurrent", true},
      {"max_queued", 18446744073709551615u},
      {"models", "a"},
      {"models", {1}},
      {"models", {"a/../b"}},
      {"name", ""},
      {"scopes", {"admin"}},
      {"expires_in_seconds", 5},
      {"max_queue", 5},
  };
  for (const auto& [field, value] : table) {
    const Reply reply = call("PATCH", "/api/v1/keys/" + id, {{field, value}});
    EXPECT_EQ(reply.status, 400) << field << value;
    EXPECT_EQ(reply.value["error"]["param"], field) << reply.body;
  }
  EXPECT_EQ(call("PATCH", "/api/v1/keys/" + id, json::object()).status, 400);
  EXPECT_EQ(call("PATCH", "/api/v1/keys/nobody", {{"weight", 1}}).status, 404);
  EXPECT_EQ(call("DELETE", "/api/v1/keys/" + id).status, 204);
  EXPECT_EQ(call("PATCH", "/api/v1/keys/" + id, {{"weight", 1}}).status, 409);
}

TEST_F(KeysApi, InferenceAnswersSayWhatIsLeftOfTheKeysLimits) {
  ASSERT_EQ(upload(good_gguf(), "m").status, 200);
  const json made = create({{"name", "x"}, {"requests_per_minute", 60}});
  const auto headers_of = [&](const std::string& key) {
    return call_with_key(key, "POST", "/v1/chat/completions").headers;
  };
  EXPECT_EQ(headers_of(made["key"]).get("x-ratelimit-limit-requests"), "60");
  EXPECT_TRUE(headers_of(made["key"]).get("x-ratelimit-remaining-requests"));
  EXPECT_TRUE(headers_of(made["key"]).get("x-ratelimit-reset-requests"));
  EXPECT_FALSE(headers_of(made["key"]).get("x-ratelimit-limit-tokens"));
  EXPECT_FALSE(headers_of(admin_key).get("x-ratelimit-limit-requests"));
  const std::string path = "/api/v1/keys/" + made["id"].get<std::string>();
  EXPECT_EQ(call("PATCH", path, {{"requests_per_minute", 0}, {"tokens_per_minute", 50}}).status, 200);
  EXPECT_FALSE(headers_of(made["key"]).get("x-ratelimit-limit-requests"));
  EXPECT_EQ(headers_of(made["key"]).get("x-ratelimit-limit-tokens"), "50");
  restart();
  EXPECT_EQ(headers_of(made["key"]).get("x-ratelimit-limit-tokens"), "50");
}

// ---- usage ----

TEST_F(KeysApi, UsageIsAskedForByDaysAndEachKeySeesItsOwn) {
  const json other = create({{"name", "x"}});
  const std::string id = other["id"];
  EXPECT_EQ(call("GET", "/api/v1/usage").value, (json{{"data", json::array()}}));
  EXPECT_EQ(call("GET", "/api/v1/usage?from=2026-01-31&to=2026-02-28&key=" + id).status, 200);
  EXPECT_EQ(call("GET", "/api/v1/usage?key=nobody").status, 404);
  EXPECT_EQ(call_with_key(other["key"], "GET", "/api/v1/usage").status, 200);
  EXPECT_EQ(call_with_key(other["key"], "GET", "/api/v1/usage?key=" + id).status, 200);
  EXPECT_EQ(call_with_key(other["key"], "GET", "/api/v1/usage?key=" + admin_key.substr(3, 16)).status, 404);
  EXPECT_EQ(call_with_key("", "GET", "/api/v1/usage").status, 401);
  for (const char* day : {"2026-02-30", "2026-2-1", "yesterday", "", "2026-02-01x"}) {
    const Reply reply = call("GET", std::string("/api/v1/usage?from=") + day);
    EXPECT_EQ(reply.status, 400) << day;
    EXPECT_EQ(reply.value["error"]["param"], "from");
  }
}

// ---- audit ----

TEST_F(KeysApi, ActsAreWrittenDownInOrderWithoutSecrets) {
  const std::string admin = admin_key.substr(3, 16);
  const json made = create({{"name", "x"}, {"weight", 2}});
  const std::string id = made["id"];
  call("PATCH", "/api/v1/keys/" + id, {{"max_queued", 5}});
  call("PATCH", "/api/v1/keys/nobody", {{"max_queued", 5}});
  call("POST", "/api/v1/keys", {{"name", ""}});
  const json token = call("POST", "/api/v1/tokens", {{"name", "garage"}}).value;
  const std::string secret = token["token"];
  const std::string request_pem = net::pki::create_request(net::pki::generate_key().value(), "whoever").value();
  const std::string credential = secret.substr(4, secret.rfind('.') - 4);
  const json joined = call("POST", "/worker/v1/enrol",
                           {{"token", credential}, {"certificate_request", request_pem}, {"host_name", "desk"}})
                          .value;
  const std::string file = good_gguf();
  ASSERT_EQ(upload(file, "m").status, 200);
  const json model = call("GET", "/api/v1/models/m").value;
  call("POST", "/api/v1/uploads", upload_of(file + "x", "n"));
  call("DELETE", "/api/v1/uploads/" + Sha256::hex(as_bytes(file + "x")));
  call("DELETE", "/api/v1/uploads/" + Sha256::hex(as_bytes(file + "x")));
  call("DELETE", "/api/v1/models/m");
  call("DELETE", "/api/v1/models/m");
  call("DELETE", "/api/v1/workers/garage");
  call("DELETE", "/api/v1/tokens/" + token["id"].get<std::string>());
  call("DELETE", "/api/v1/tokens/" + token["id"].get<std::string>());
  call("DELETE", "/api/v1/keys/" + id);
  call("DELETE", "/api/v1/keys/" + admin);
  const auto of = [](const char* action, const json& subject) { return action + (" " + subject.get<std::string>()); };
  EXPECT_THAT(acts(), ElementsAre("key.create " + admin, "key.create " + id, "key.change " + id,
                                  of("token.create", token["id"]), of("worker.enrol", joined["worker_id"]),
                                  of("model.add", model["id"]), "upload.remove " + Sha256::hex(as_bytes(file + "x")),
                                  of("model.remove", model["id"]), of("worker.revoke", joined["worker_id"]),
                                  of("token.remove", token["id"]), "key.revoke " + id));
  const Reply all = call("GET", "/api/v1/audit");
  const std::string key_secret = made["key"].get<std::string>().substr(20);
  for (const std::string& hidden : {key_secret, admin_key.substr(20), credential.substr(credential.find('.') + 1)})
    EXPECT_EQ(all.body.find(hidden), std::string::npos);
  const json& newest = all.value["data"];
  EXPECT_EQ(newest.back()["actor"], "local");
  EXPECT_EQ(newest[0]["actor"], admin);
  EXPECT_EQ(newest[9]["detail"]["weight"], 2);
  EXPECT_EQ(newest[8]["detail"], (json{{"max_queued", 5}}));
  EXPECT_EQ(newest[6]["actor"], "worker");
  EXPECT_EQ(newest[6]["detail"]["token"], token["id"]);
  EXPECT_LE(std::abs(newest[0]["at"].get<std::int64_t>() - to_unix_seconds(clock.system_now())), 60);
}

TEST_F(KeysApi, TheAuditLogIsReadPageByPage) {
  for (int i = 0; i < 6; ++i)
    create({{"name", "key " + std::to_string(i)}});
  std::vector<std::int64_t> seen;
  json next = nullptr;
  do {
    const Reply page = call("GET", "/api/v1/audit?limit=3" + (next.is_null() ? "" : "&before=" + next.dump()));
    ASSERT_EQ(page.status, 200) << page.body;
    for (const json& act : page.value["data"])
      seen.push_back(act["sequence"]);
    EXPECT_EQ(page.value["has_more"], page.value["next"].is_number());
    next = page.value["next"];
  } while (!next.is_null());
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_TRUE(std::is_sorted(seen.rbegin(), seen.rend()));
  for (const char* query : {"limit=0", "limit=1001", "limit=x", "before=0", "before=-1"}) {
    const Reply reply = call("GET", std::string("/api/v1/audit?") + query);
    EXPECT_EQ(reply.status, 400) << query;
  }
  const json user = create({{"name", "user"}});
  EXPECT_EQ(call_with_key(user["key"], "GET", "/api/v1/audit").status, 403);
}

TEST_F(KeysApi, KeysMadeOnTheMachineItselfAreWrittenDownToo) {
  stop();
  ASSERT_TRUE(DataDir(config.server.data_dir).create_key({"admin"}, clock));
  start();
  EXPECT_EQ(acts().size(), 2u);
  EXPECT_EQ(call("GET", "/api/v1/audit").value["data"][0]["actor"], "local");
}

}  // namespace
}  // namespace gogrid::coordinator
