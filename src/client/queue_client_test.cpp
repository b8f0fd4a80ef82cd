// The client's calls for jobs, files and batches against a real HTTPS server: what is sent, what is read, and that
// following a job or a batch outlives what happens to connections.
#include <nlohmann/json.hpp>

#include "client/answer_text.hpp"
#include "client/client_test_support.hpp"
#include "client/file_bytes.hpp"
#include "client/follow.hpp"

namespace gogrid::client {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

class QueueClientTest : public CoordinatorClientTest {
 protected:
  Result<Answer<Job>> follow(std::vector<std::string>& states, int max_failures = 3) {
    Follow<Job> follow;
    follow.id = "job_1";
    follow.on_news = [&states](const Job& job) { states.push_back(job.state); };
    follow.on_break = [this](const Error&, std::chrono::milliseconds) { ++breaks_; };
    follow.persistence.first_pause = std::chrono::milliseconds(1);
    follow.persistence.max_failures = max_failures;
    return wait(follow_job(client_, std::move(follow)));
  }

  int breaks_ = 0;
};

TEST_F(QueueClientTest, ARequestIsSentAsItWasGiven) {
  server_.on("POST /api/v1/jobs", 201, R"({"id":"job_1","state":"queued"})");
  JobRequest request;
  request.endpoint = "/v1/chat/completions";
  request.request = R"({"z":1.10,"model":"m","seed":12345678901234567890})";
  request.priority = 0;
  request.deadline = 2'000'000'000;
  request.labels = {{"team", "a \"b\""}};
  const auto job = wait(client_.submit_job(request));
  ASSERT_TRUE(job) << job.error().detail;
  EXPECT_EQ(job->value.id, "job_1");
  const std::string body = server_.requests().back().body;
  EXPECT_NE(body.find("\"request\":" + request.request + "}"), std::string::npos) << body;
  json fields = json::parse(body);
  fields.erase("request");
  EXPECT_EQ(fields, json::parse(R"({"endpoint":"/v1/chat/completions","priority":0,"deadline":2000000000,)"
                                R"("labels":{"team":"a \"b\""}})"));
  JobRequest bare;
  bare.request = R"({"model":"m"})";
  ASSERT_TRUE(wait(client_.submit_job(bare)));
  EXPECT_EQ(server_.requests().back().body, R"({"request":{"model":"m"}})");
}

TEST_F(QueueClientTest, ListsAreNarrowedByTheQueryAndReadInParts) {
  server_.on(
      "GET /api/v1/jobs", 200,
      R"({"object":"list","data":[{"id":"job_2","state":"queued","waiting":{"position":3,"estimate_seconds":null,)"
      R"("reason":"slots_busy","text":"all busy"}}],"has_more":true,"next":"job_2"})");
  JobQuery query;
  query.states = {"queued", "failed"};
  query.labels = {{"a", "b c"}, {"d", "e"}};
  query.key = "all";
  query.limit = 1;
  const auto page = wait(client_.jobs(query));
  ASSERT_TRUE(page) << page.error().detail;
  EXPECT_EQ(server_.requests().back().target,
            "/api/v1/jobs?state=queued%2cfailed&label=a%3db%20c%2cd%3de&key=all&limit=1");
  EXPECT_EQ(page->value.next, "job_2");
  ASSERT_EQ(page->value.items.size(), 1u);
  EXPECT_EQ(page->value.items.front().waiting->position, 3);
  EXPECT_EQ(page->value.items.front().waiting->estimate_seconds, std::nullopt);
  server_.on("GET /v1/batches", 200, R"({"data":[],"has_more":true,"last_id":"batch_9"})");
  const auto batches = wait(client_.batches(0, ""));
  ASSERT_TRUE(batches);
  EXPECT_EQ(server_.requests().back().target, "/v1/batches");
  EXPECT_EQ(batches->value.next, "batch_9");
}

TEST_F(QueueClientTest, AConflictIsAnErrorWithItsMessage) {
  server_.on("DELETE /api/v1/jobs/job_1", 409, R"({"error":{"message":"it is over","code":"job_finished"}})");
  const auto cancelled = wait(client_.cancel_job("job_1"));
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::conflict);
  EXPECT_EQ(cancelled.error().detail, "it is over");
}

TEST_F(QueueClientTest, AResultComesInPiecesAndMayBeRefusedByItsTaker) {
  const std::string body(3'000'000, 'r');
  server_.on("GET /api/v1/jobs/job_1/result", 200, body);
  std::string taken;
  std::size_t largest = 0;
  const auto head = wait(client_.job_result("job_1", [&](std::string_view piece) -> Result<void> {
    taken += piece;
    largest = std::max(largest, piece.size());
    return {};
  }));
  ASSERT_TRUE(head) << head.error().detail;
  EXPECT_EQ(head->content_type, "application/json");
  EXPECT_TRUE(taken == body);
  EXPECT_LE(largest, 64u * 1024);
  const auto refused = wait(client_.job_result(
      "job_1", [](std::string_view) -> Result<void> { return Error(ErrorCode::disk_full, "no room"); }));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail, "no room");
}

TEST_F(QueueClientTest, AJobIsFollowedToItsEnd) {
  server_.stream("GET /api/v1/jobs/job_1/events",
                 {R"({"id":"job_1","state":"queued"})", R"({"id":"job_1","state":"running"})",
                  R"({"id":"job_1","state":"succeeded","usage":{"completion_tokens":7}})", R"({"state":"queued"})"});
  std::vector<std::string> states;
  const auto job = follow(states);
  ASSERT_TRUE(job) << job.error().detail;
  EXPECT_EQ(states, (std::vector<std::string>{"queued", "running", "succeeded"}));
  EXPECT_EQ(job->value.usage->completion_tokens, 7);
  EXPECT_EQ(breaks_, 0);
}

TEST_F(QueueClientTest, FollowingOutlivesABrokenStream) {
  const std::string line = "GET /api/v1/jobs/job_1/events";
  server_.stream(line, {R"({"state":"queued"})"});
  server_.then_stream(line, {});
  server_.then_stream(line, {R"({"state":"running"})"});
  server_.then_stream(line, {R"({"state":"failed"})"});
  std::vector<std::string> states;
  const auto job = follow(states);
  ASSERT_TRUE(job) << job.error().detail;
  EXPECT_EQ(states, (std::vector<std::string>{"queued", "running", "failed"}));
  EXPECT_EQ(breaks_, 3);
}

TEST_F(QueueClientTest, FollowingEndsWithAnAnswerThatIsNoBreakAndWithPatience) {
  std::vector<std::string> states;
  EXPECT_EQ(follow(states).error().code, ErrorCode::not_found);
  EXPECT_EQ(breaks_, 0);
  // The first contact is not repeated.
  server_.stream("GET /api/v1/jobs/job_1/events", {});
  EXPECT_FALSE(follow(states));
  EXPECT_EQ(breaks_, 0);
  server_.stream("GET /api/v1/jobs/job_1/events", {R"({"state":"queued"})"});
  server_.then_stream("GET /api/v1/jobs/job_1/events", {});
  EXPECT_FALSE(follow(states, 2));
  EXPECT_EQ(breaks_, 2);
  server_.stream("GET /api/v1/jobs/job_1/events", {"nonsense"});
  EXPECT_FALSE(follow(states));
}

TEST_F(QueueClientTest, ABatchIsAskedForUntilItIsOver) {
  int asked = 0;
  server_.handle("GET /v1/batches/batch_1", [&asked](const TestCoordinator::Request&) {
    TestCoordinator::Reply reply;
    ++asked;
    if (asked == 2) reply.status = 503;
    if (asked == 3) reply.status = 429;
    reply.body = asked < 5 ? R"({"status":"in_progress","request_counts":{"total":2,"completed":1}})"
                           : R"({"status":"completed","request_counts":{"total":2,"completed":2},"completed_at":5})";
    return reply;
  });
  Follow<Batch> follow;
  follow.id = "batch_1";
  follow.persistence.first_pause = std::chrono::milliseconds(1);
  std::vector<std::int64_t> completed;
  follow.on_news = [&completed](const Batch& batch) { completed.push_back(batch.completed); };
  const auto batch = wait(follow_batch(client_, std::move(follow)));
  ASSERT_TRUE(batch) << batch.error().detail;
  EXPECT_EQ(completed, (std::vector<std::int64_t>{1, 1, 2}));
  EXPECT_EQ(batch->value.ended_at, 5);
}

TEST_F(QueueClientTest, AFileIsUploadedAsAFormFromTheDisk) {
  server_.on("POST /v1/files", 200, R"({"id":"file_1","object":"file","bytes":2000000})");
  const TestFile file(2'000'000);
  asio::thread_pool pool(1);
  std::uint64_t position = 0;
  FileUpload upload;
  upload.filename = "a \"b\"\r\n.jsonl";
  upload.size_bytes = file.bytes().size();
  upload.source = [&](std::span<std::byte> buffer) {
    return next_bytes(pool, file.fd(), position, file.bytes().size(), buffer, {});
  };
  const auto stored = wait(client_.add_batch_file(std::move(upload)));
  ASSERT_TRUE(stored) << stored.error().detail;
  EXPECT_EQ(stored->value.id, "file_1");
  const auto request = server_.requests().back();
  const std::string prefix = "multipart/form-data; boundary=";
  ASSERT_TRUE(request.content_type.starts_with(prefix)) << request.content_type;
  const std::string boundary = "--" + request.content_type.substr(prefix.size());
  EXPECT_TRUE(request.body ==
              boundary + "\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n" + boundary +
                  "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a %22b%22%0D%0A.jsonl\""
                  "\r\nContent-Type: application/octet-stream\r\n\r\n" +
                  file.bytes() + "\r\n" + boundary + "--\r\n")
      << request.body.substr(0, 500);
}

TEST_F(QueueClientTest, KeysAreChangedInWhatIsSetOnly) {
  server_.on("PATCH /api/v1/keys/k1", 200, R"({"id":"k1","models":["m"],"weight":2.5,"max_queued":7})");
  KeyChange change;
  change.limits.models = std::vector<std::string>{};
  change.limits.weight = 2.5;
  change.limits.tokens_per_minute = 0;
  const auto key = wait(client_.change_key("k1", change));
  ASSERT_TRUE(key) << key.error().detail;
  EXPECT_EQ(json::parse(server_.requests().back().body),
            json::parse(R"({"models":[],"weight":2.5,"tokens_per_minute":0})"));
  EXPECT_EQ(key->value.models, std::vector<std::string>{"m"});
  EXPECT_EQ(key->value.weight, 2.5);
  EXPECT_EQ(key->value.max_queued, 7);
}

TEST_F(QueueClientTest, OddAnswersDoNoHarm) {
  for (const char* odd :
       {R"({"models":5,"keys":{},"totals":[],"done":"x"})", R"({"models":[null,1,{}],"keys":[[]]})"}) {
    server_.on("GET /api/v1/queue", 200, odd);
    EXPECT_TRUE(wait(client_.queue())) << odd;
  }
  server_.on("GET /api/v1/jobs/x", 200, R"({"labels":[1],"history":{"a":1},"error":"no","usage":7,"waiting":[]})");
  EXPECT_TRUE(wait(client_.job("x")));
  server_.on("GET /api/v1/audit", 200, R"({"data":[{"sequence":-5,"detail":"x"},{"detail":{"a":[1]}}]})");
  const auto entries = wait(client_.audit(10, 5));
  ASSERT_TRUE(entries);
  EXPECT_EQ(server_.requests().back().target, "/api/v1/audit?limit=10&before=5");
  EXPECT_EQ(entries->value.items.at(1).detail, R"({"a":[1]})");
}

TEST(AnswerText, IsFoundInTheAnswersOfEveryApi) {
  const std::pair<const char*, std::optional<std::string>> rows[] = {
      {R"({"choices":[{"message":{"content":"a"}}]})", "a"},
      {R"({"choices":[{"text":"b"}]})", "b"},
      {R"({"output":[{"type":"reasoning","content":[{"text":"hm"}]},{"type":"message","content":[{"text":"c"},{"text":"d"}]}]})",
       "cd"},
      {R"({"content":[{"type":"text","text":"e"}]})", "e"},
      {R"({"data":[{"embedding":[1]}]})", std::nullopt},
      {R"({"choices":[]})", std::nullopt},
      {R"({"choices":[{"message":{"content":null}}]})", std::nullopt},
      {"nonsense", std::nullopt}};
  for (const auto& [body, text] : rows)
    EXPECT_EQ(answer_text(body), text) << body;
}

}  // namespace
}  // namespace gogrid::client
