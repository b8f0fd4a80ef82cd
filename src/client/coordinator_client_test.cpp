// The typed client against a real HTTPS server: answers are read, failures become errors with a way out, uploads
// survive a coordinator that dies, and nothing a server says can harm.
#include "client/coordinator_client.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/file.hpp"
#include "client/client_test_support.hpp"
#include "client/read_json.hpp"
#include "client/trust.hpp"
#include "client/upload.hpp"

namespace gogrid::client {
namespace {

namespace asio = boost::asio;

TEST_F(CoordinatorClientTest, ReadsWhatTheServerSaysAndKeepsItsText) {
  const std::string json =
      R"({"data":[{"id":"w1","name":"den","connected":true,"availability":"paused","reason":"owner","rtt_ms":1.5,)"
      R"("hardware":{"cpu":"X","cpu_threads":8,"memory_bytes":17179869184},"last_seen_at":1700000000,"revoked_at":null,)"
      R"("engine":{"phase":"ready"},"replicas":[{"model_name":"m","phase":"ready","slots":4,"slots_busy":1}],"newer":1}]})";
  server_.on("GET /api/v1/workers", 200, json);
  const auto workers = wait(client_.workers());
  ASSERT_TRUE(workers) << workers.error().detail;
  EXPECT_EQ(workers->json, json);
  ASSERT_EQ(workers->value.size(), 1u);
  const Worker& worker = workers->value.front();
  EXPECT_EQ(worker.name, "den");
  EXPECT_TRUE(worker.connected);
  EXPECT_EQ(worker.hardware.memory_bytes, 17179869184);
  EXPECT_EQ(worker.last_seen_at, 1700000000);
  EXPECT_EQ(worker.revoked_at, std::nullopt);
  ASSERT_EQ(worker.replicas.size(), 1u);
  EXPECT_EQ(worker.replicas.front().slots_busy, 1);
  ASSERT_TRUE(worker.engine);
  EXPECT_EQ(server_.requests().front().authorization, "Bearer gg_key");
}

TEST_F(CoordinatorClientTest, NamesStandInOneSegmentOfThePath) {
  server_.on("DELETE /api/v1/models/a%2fb%3fc%20..", 204, "");
  EXPECT_TRUE(wait(client_.remove_model("a/b?c ..")));
  server_.on("DELETE /api/v1/models/%2e%2e", 204, "");
  EXPECT_TRUE(wait(client_.remove_model("..")));
}

TEST_F(CoordinatorClientTest, StatusesBecomeErrorsThatSayWhatToDo) {
  struct Row {
    int status;
    ErrorCode code;
    const char* words;
  };
  const Row rows[] = {{400, ErrorCode::invalid_argument, "the message"},
                      {401, ErrorCode::unauthenticated, "gogrid login"},
                      {403, ErrorCode::permission_denied, "gogrid key create"},
                      {404, ErrorCode::not_found, "the message"},
                      {409, ErrorCode::conflict, "the message"},
                      {429, ErrorCode::resource_exhausted, "the message"},
                      {500, ErrorCode::internal, "the message"},
                      {507, ErrorCode::disk_full, "the message"},
                      {503, ErrorCode::unavailable, "the message"},
                      {301, ErrorCode::protocol, "redirect"}};
  for (const Row& row : rows) {
    server_.on("GET /api/v1/models/x", row.status,
               R"({"error":{"message":"the message","type":"t","code":"c","param":null}})");
    const auto model = wait(client_.model("x"));
    ASSERT_FALSE(model) << row.status;
    EXPECT_EQ(model.error().code, row.code) << row.status;
    EXPECT_NE(model.error().detail.find(row.words), std::string::npos) << model.error().detail;
    EXPECT_TRUE(client_.reached());
  }
}

TEST_F(CoordinatorClientTest, HostileAnswersAreErrors) {
  const std::string deep(100'000, '[');
  const std::pair<std::string, std::string> rows[] = {{"not JSON", "not a JSON object"},
                                                      {"", "not a JSON object"},
                                                      {"[]", "not a JSON object"},
                                                      {"{\"data\":" + deep, "not a JSON object"},
                                                      {"{\"data\":\"\xff\"}", "not a JSON object"},
                                                      {std::string(17 * 1024 * 1024, ' '), "larger than"}};
  for (const auto& [body, words] : rows) {
    server_.on("GET /api/v1/models", 200, body);
    const auto models = wait(client_.models());
    ASSERT_FALSE(models) << body.substr(0, 20);
    EXPECT_NE(models.error().detail.find(words), std::string::npos) << models.error().detail;
  }
  for (const char* odd : {"{}", R"({"data":{}})", R"({"data":[]})", R"({"data":null})"}) {
    server_.on("GET /api/v1/models", 200, odd);
    const auto models = wait(client_.models());
    ASSERT_TRUE(models) << odd;
    EXPECT_TRUE(models->value.empty());
  }
  server_.on("GET /api/v1/models", 200,
             R"({"data":[1,null,{"name":5,"size_bytes":"x","context_tokens":1e300,"slots":99999999999999999999}]})");
  const auto models = wait(client_.models());
  ASSERT_TRUE(models);
  EXPECT_EQ(models->value.size(), 3u);
  server_.on("GET /api/v1/models", 502, "<html>" + std::string(1000, 'x'));
  EXPECT_EQ(wait(client_.models()).error().detail, "HTTP status 502");
  server_.on("GET /api/v1/models", 404, "<html>nginx</html>");
  EXPECT_NE(wait(client_.models()).error().detail.find("a GoGrid coordinator?"), std::string::npos);
}

TEST_F(CoordinatorClientTest, AnAuthorityThatIsNotTrustedIsNotReached) {
  ClientOptions wrong = options();
  wrong.trusted_ca = TestCoordinator::make_authority().certificate;
  CoordinatorClient client(loop_.get_executor(), std::move(wrong));
  const auto status = wait(client.status());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::unauthenticated);
  EXPECT_NE(status.error().detail.find("GOGRID_CA"), std::string::npos) << status.error().detail;
  EXPECT_FALSE(client.reached());
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(CoordinatorClientTest, ANameTheCertificateDoesNotHaveIsNotTrusted) {
  ClientOptions other = options();
  other.server.host = "127.0.0.2";
  CoordinatorClient client(loop_.get_executor(), std::move(other));
  const auto status = wait(client.status());
  ASSERT_FALSE(status);
  EXPECT_FALSE(client.reached());
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(CoordinatorClientTest, FetchesTheAuthorityForAPersonToCompare) {
  const ServerAddress server = options().server;
  EXPECT_FALSE(wait(is_trusted(loop_.get_executor(), server, "")).value());
  EXPECT_TRUE(wait(is_trusted(loop_.get_executor(), server, server_.ca())).value());
  const std::string pin = net::pki::inspect(server_.ca()).value().public_key_pin;
  for (const std::string& wanted : {std::string(), pin}) {
    const auto authority = wait(fetch_authority(loop_.get_executor(), server, wanted));
    ASSERT_TRUE(authority) << authority.error().detail;
    EXPECT_EQ(authority->pin, pin);
    EXPECT_EQ(authority->common_name, "Test authority");
    EXPECT_TRUE(wait(is_trusted(loop_.get_executor(), server, authority->certificate)).value());
  }
  EXPECT_FALSE(wait(fetch_authority(loop_.get_executor(), server, std::string(64, 'a'))));
}

TEST_F(CoordinatorClientTest, StreamsAnAnswerInPieces) {
  server_.stream(
      "POST /v1/chat/completions",
      {R"({"choices":[{"delta":{"role":"assistant"}}]})", R"({"choices":[{"delta":{"reasoning_content":"hm"}}]})",
       R"({"choices":[{"delta":{"content":"Hel"}}]})",
       R"({"choices":[{"delta":{"content":"lo"},"finish_reason":"stop"}]})",
       R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2},"timings":{"predicted_per_second":12.5}})",
       "[DONE]"});
  std::string text;
  std::string thoughts;
  const auto summary = wait(client_.chat({"m", {{"user", "hi \xff"}}, 0.5, 10}, [&](const ChatDelta& delta) {
    text += delta.content;
    thoughts += delta.reasoning;
  }));
  ASSERT_TRUE(summary) << summary.error().detail;
  EXPECT_EQ(text, "Hello");
  EXPECT_EQ(thoughts, "hm");
  EXPECT_EQ(summary->finish_reason, "stop");
  EXPECT_EQ(summary->completion_tokens, 2);
  EXPECT_EQ(summary->tokens_per_second, 12.5);
  const auto body = nlohmann::json::parse(server_.requests().front().body);
  EXPECT_EQ(body["messages"][0]["content"], "hi \xef\xbf\xbd");
  EXPECT_EQ(body["stream"], true);
  EXPECT_EQ(body["max_tokens"], 10);
}

TEST_F(CoordinatorClientTest, AStreamThatFailsIsAnError) {
  const std::pair<std::vector<std::string>, const char*> rows[] = {
      {{R"({"error":{"message":"the worker left","code":"x"}})"}, "the worker left"},
      {{R"({"choices":[{"delta":{"content":"a"}}]})"}, "before it was complete"},
      {{"nonsense"}, "not JSON"},
      {{R"([1])", "[DONE]"}, "not JSON"},
  };
  for (const auto& [events, words] : rows) {
    server_.stream("POST /v1/chat/completions", events);
    const auto summary = wait(client_.chat({"m", {}, {}, {}}, [](const ChatDelta&) {}));
    ASSERT_FALSE(summary);
    EXPECT_NE(summary.error().detail.find(words), std::string::npos) << summary.error().detail;
  }
  server_.stream("POST /v1/chat/completions",
                 {R"({"choices":[5]})", R"({"choices":[{"delta":{"content":[1]}}]})", "{}", "[DONE]"});
  EXPECT_TRUE(wait(client_.chat({"m", {}, {}, {}}, [](const ChatDelta&) { ADD_FAILURE(); })));
}

class UploadTest : public CoordinatorClientTest {
 protected:
  Result<std::string> upload(const TestFile& file, std::uint64_t size_bytes = 0) {
    Upload upload;
    upload.request.kind = "model";
    upload.request.name = "m";
    upload.request.size_bytes = size_bytes == 0 ? file.bytes().size() : size_bytes;
    upload.request.sha256 = Sha256::hex(as_bytes(file.bytes()));
    upload.fd = file.fd();
    upload.on_progress = [this](std::uint64_t done) { progress_ = done; };
    upload.on_retry = [this](const Error&, std::chrono::milliseconds) { ++retries_; };
    upload.first_pause = std::chrono::milliseconds(1);
    upload.max_breaks = 4;
    return wait(upload_file(client_, pool_, std::move(upload)));
  }

  asio::thread_pool pool_{1};
  std::uint64_t progress_ = 0;
  int retries_ = 0;
};

TEST_F(UploadTest, HashesAndSendsTheWholeFile) {
  const TestFile file(9 * 1024 * 1024 + 17);
  const std::string sha256 = Sha256::hex(as_bytes(file.bytes()));
  EXPECT_EQ(wait(hash_file(pool_, file.fd(), file.bytes().size(), {})).value(), sha256);
  EXPECT_FALSE(wait(hash_file(pool_, file.fd(), file.bytes().size() + 1, {})));
  server_.expect_upload(sha256, file.bytes().size());
  const auto sent = upload(file);
  ASSERT_TRUE(sent) << sent.error().detail;
  EXPECT_EQ(*sent, sha256);
  EXPECT_TRUE(server_.uploaded() == file.bytes());
  EXPECT_EQ(progress_, file.bytes().size());
  EXPECT_EQ(retries_, 0);
}

TEST_F(UploadTest, GoesOnWhereTheCoordinatorsCopyEnds) {
  const TestFile file(3 * 1024 * 1024);
  server_.expect_upload(Sha256::hex(as_bytes(file.bytes())), file.bytes().size(), file.bytes().substr(0, 1'234'567));
  ASSERT_TRUE(upload(file));
  EXPECT_TRUE(server_.uploaded() == file.bytes());
}

TEST_F(UploadTest, SendsNothingThatIsThereAlready) {
  const TestFile file(1000);
  server_.expect_upload(Sha256::hex(as_bytes(file.bytes())), file.bytes().size(), file.bytes());
  ASSERT_TRUE(upload(file));
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(UploadTest, SurvivesACoordinatorThatDies) {
  const TestFile file(12 * 1024 * 1024);
  server_.expect_upload(Sha256::hex(as_bytes(file.bytes())), file.bytes().size());
  server_.die_in_upload(700'000, 6);
  const auto sent = upload(file);
  ASSERT_TRUE(sent) << sent.error().detail;
  EXPECT_TRUE(server_.uploaded() == file.bytes());
  EXPECT_EQ(server_.deaths_left(), 0);
  EXPECT_GE(retries_, 6);
}

TEST_F(UploadTest, GivesUpWhenNothingMoves) {
  const TestFile file(1000);
  server_.expect_upload(Sha256::hex(as_bytes(file.bytes())), file.bytes().size());
  server_.die_in_upload(0, 100);
  const auto sent = upload(file);
  ASSERT_FALSE(sent);
  EXPECT_NE(sent.error().detail.find("goes on from here later"), std::string::npos) << sent.error().detail;
  EXPECT_EQ(retries_, 4);
}

TEST_F(UploadTest, LyingAboutTheOffsetEnds) {
  const TestFile file(1000);
  server_.on("POST /api/v1/uploads", 200, R"({"id":"abc","offset_bytes":1001,"complete":false})");
  EXPECT_FALSE(upload(file));
  server_.on("POST /api/v1/uploads", 200, R"({"id":"abc","offset_bytes":10,"complete":false})");
  EXPECT_FALSE(upload(file));
  server_.on("POST /api/v1/uploads", 200, "gibberish");
  EXPECT_FALSE(upload(file));
  server_.on("POST /api/v1/uploads", 400, R"({"error":{"message":"not a model","code":"not_a_model"}})");
  EXPECT_EQ(upload(file).error().detail, "not a model");
}

TEST_F(UploadTest, AFileThatShrinksIsAnError) {
  const TestFile file(1000);
  server_.expect_upload(Sha256::hex(as_bytes(file.bytes())), 2000);
  const auto sent = upload(file, 2000);
  ASSERT_FALSE(sent);
  EXPECT_NE(sent.error().detail.find("shorter"), std::string::npos) << sent.error().detail;
}

TEST(ReadError, TakesWhatAPersonCanUse) {
  EXPECT_EQ(read_error(R"({"error":{"message":"m","code":"c","param":12}})").param, "12");
  EXPECT_EQ(read_error(R"({"error":"plain"})").message, "plain");
  EXPECT_EQ(read_error("Bad Gateway").message, "Bad Gateway");
  EXPECT_EQ(read_error("<html>").message, "");
}

}  // namespace
}  // namespace gogrid::client
