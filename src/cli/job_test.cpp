// `gogrid job …` as a person or a script sees it: what is sent, what is printed where, and the exit codes.
#include <csignal>
#include <nlohmann/json.hpp>

#include "cli/program_test_support.hpp"

namespace gogrid::cli {
namespace {

using nlohmann::json;

constexpr const char* events = "GET /api/v1/jobs/job_1/events";

std::string job(const std::string& state, const std::string& more = "") {
  return R"({"id":"job_1","object":"job","state":")" + state + R"(","model":"small")" + more + "}";
}

class JobTest : public ProgramTest {
 protected:
  JobTest() {
    server_.on("POST /api/v1/jobs", 201, job("queued"));
    server_.on("GET /v1/models", 200, R"({"data":[{"id":"small","gogrid":{"kind":"chat"}}]})");
  }

  json submitted() const {
    json body;
    for (const auto& request : server_.requests()) {
      if (request.line == "POST /api/v1/jobs") body = json::parse(request.body);
    }
    return body;
  }
  std::string read(const std::filesystem::path& path) const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(JobTest, APromptBecomesAChatRequestAndTheIdIsPrinted) {
  // An option does not take the words of the prompt that follow its value.
  EXPECT_EQ(run({"job",
                 "submit",
                 "--label",
                 "team=a",
                 "What",
                 "is",
                 "GoGrid?",
                 "--priority",
                 "10",
                 "--label",
                 "x=y",
                 "--max-attempts",
                 "2",
                 "--deadline",
                 "2026-11-28T12:00:00Z",
                 "--idempotency-key",
                 "k1",
                 "--webhook",
                 "https://example.com/hook",
                 "--max-tokens",
                 "5"}),
            ExitCode::success)
      << terminal_.error_text;
  EXPECT_EQ(terminal_.out_text, "job_1\n");
  EXPECT_EQ(
      submitted(),
      json::parse(R"({"deadline":1795867200,"idempotency_key":"k1","labels":{"team":"a","x":"y"},)"
                  R"("max_attempts":2,"priority":10,"webhook":"https://example.com/hook","request":{)"
                  R"("model":"small","max_tokens":5,"messages":[{"role":"user","content":"What is GoGrid?"}]}})"));
  EXPECT_EQ(run({"job", "submit", "x", "--json", "-m", "other"}), ExitCode::success);
  EXPECT_EQ(json::parse(terminal_.out_text)["state"], "queued");
  EXPECT_EQ(submitted()["request"]["model"], "other");
}

TEST_F(JobTest, ARequestComesFromAFileOrStandardInput) {
  const std::string body = R"({"model":"m","input":["a"],"seed":18446744073709551615})";
  EXPECT_EQ(run({"job", "submit", "--request", write("r.json", body).string(), "--endpoint", "/v1/embeddings"}),
            ExitCode::success)
      << terminal_.error_text;
  EXPECT_EQ(submitted()["request"], json::parse(body));
  EXPECT_EQ(submitted()["endpoint"], "/v1/embeddings");
  terminal_.input = body;
  EXPECT_EQ(run({"job", "submit", "--request", "-", "-m", "other"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(submitted()["request"]["model"], "other");
  EXPECT_EQ(submitted()["request"]["seed"], 18446744073709551615u);
}

TEST_F(JobTest, WhatCannotBeMeantIsSentNowhere) {
  const std::string file = write("r.json", "[1]").string();
  const std::pair<std::vector<std::string>, int> rows[] = {
      {{"job", "submit"}, ExitCode::usage},
      {{"job", "submit", "x", "--request", file}, ExitCode::usage},
      {{"job", "submit", "--request", file}, ExitCode::failed},
      {{"job", "submit", "--request", "/nowhere.json"}, ExitCode::failed},
      {{"job", "submit", "x", "--endpoint", "/v1/embeddings"}, ExitCode::usage},
      {{"job", "submit", "x", "--endpoint", "/v1/paintings"}, ExitCode::usage},
      {{"job", "submit", "x", "--priority", "101"}, ExitCode::usage},
      {{"job", "submit", "x", "--max-attempts", "0"}, ExitCode::usage},
      {{"job", "submit", "x", "--deadline", "soon"}, ExitCode::usage},
      {{"job", "submit", "x", "--label", "team"}, ExitCode::usage},
      {{"job", "ls", "--state", "queued,lost"}, ExitCode::usage},
      {{"job", "ls", "--limit", "1001"}, ExitCode::usage},
      {{"job", "wait", "job_1", "--timeout", "soon"}, ExitCode::usage}};
  for (const auto& [arguments, code] : rows) {
    EXPECT_EQ(run(arguments), code) << terminal_.error_text;
    EXPECT_EQ(std::count(terminal_.error_text.begin(), terminal_.error_text.end(), '\n'), 1) << terminal_.error_text;
  }
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(JobTest, WaitingForASubmittedJobPrintsItsAnswer) {
  server_.stream(events, {job("queued"), job("running"), job("succeeded")});
  server_.on("GET /api/v1/jobs/job_1/result", 200, R"({"choices":[{"message":{"content":"It is a grid."}}]})");
  EXPECT_EQ(run({"job", "submit", "--wait", "x"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(terminal_.out_text, "It is a grid.\n");
  EXPECT_EQ(terminal_.error_text, "Submitted the job job_1\n");
  EXPECT_EQ(run({"job", "submit", "--wait", "--json", "x"}), ExitCode::success);
  EXPECT_TRUE(json::parse(terminal_.out_text).contains("choices"));
  server_.stream(events, {job("failed", R"(,"error":{"code":"attempts","message":"5 attempts failed"})")});
  EXPECT_EQ(run({"job", "submit", "--wait", "x"}), ExitCode::not_succeeded);
  EXPECT_TRUE(said("gogrid: the job job_1 failed: 5 attempts failed; see 'gogrid job show job_1'"))
      << terminal_.error_text;
  EXPECT_EQ(terminal_.out_text, "");
}

TEST_F(JobTest, TheListSaysWhyJobsWait) {
  const std::string list =
      R"({"object":"list","data":[)" +
      job("queued", R"(,"priority":50,"attempts":0,"max_attempts":5,"waiting":{"position":3,"estimate_seconds":40,)"
                    R"("reason":"slots_busy","text":"both workers are busy"})") +
      "," + job("failed", R"(,"error":{"message":"no such file"})") + R"(],"has_more":true,"next":"job_0"})";
  server_.on("GET /api/v1/jobs", 200, list);
  EXPECT_EQ(run({"job", "ls", "--state", "queued,failed", "-m", "small", "--label", "a=b", "--batch", "batch_1",
                 "--limit", "2", "--all-keys"}),
            ExitCode::success)
      << terminal_.error_text;
  EXPECT_EQ(server_.requests().back().target,
            "/api/v1/jobs?state=queued%2cfailed&model=small&batch=batch_1&label=a%3db&key=all&limit=2");
  EXPECT_TRUE(printed("position 3, about 40 s; both workers are busy\n")) << terminal_.out_text;
  EXPECT_TRUE(printed("no such file\n"));
  EXPECT_TRUE(printed("More: --after job_0\n"));
  EXPECT_EQ(run({"job", "ls", "--json"}), ExitCode::success);
  EXPECT_EQ(json::parse(terminal_.out_text), json::parse(list));
  server_.on("GET /api/v1/jobs", 200, R"({"data":[]})");
  EXPECT_EQ(run({"job", "ls"}), ExitCode::success);
  EXPECT_TRUE(printed("gogrid job submit"));
}

TEST_F(JobTest, ShowingAJobTellsWhyItWaitsAndOfEveryAttempt) {
  server_.on(
      "GET /api/v1/jobs/job_1", 200,
      job("queued",
          R"(,"attempts":1,"max_attempts":5,"waiting":{"position":1,"estimate_seconds":null,"reason":"paused",)"
          R"("text":"1 worker has this model: paused by its owner"},"labels":{"team":"a"},"history":[{"attempt":1,)"
          R"("worker":"wk_1","started_at":100,"ended_at":112,"outcome":"worker_lost","reason":"it did not come back"}])"));
  EXPECT_EQ(run({"job", "show", "job_1"}), ExitCode::success) << terminal_.error_text;
  for (const char* words :
       {"State:         queued\n", "Why it waits:  1 worker has this model: paused by its owner\n",
        "Position:      1\n", "Estimate:      unknown\n", "Attempts:      1 of 5\n", "Labels:        team=a\n"}) {
    EXPECT_TRUE(printed(words)) << words << terminal_.out_text;
  }
  EXPECT_TRUE(printed("12 s  worker_lost  it did not come back\n")) << terminal_.out_text;
  EXPECT_EQ(run({"job", "show", "job_2"}), ExitCode::not_found);
}

TEST_F(JobTest, OneJobThatCannotBeCancelledDoesNotStopTheOthers) {
  server_.on("DELETE /api/v1/jobs/job_1", 200, job("cancelled"));
  server_.on("DELETE /api/v1/jobs/job_2", 409, R"({"error":{"message":"it is over","code":"job_finished"}})");
  EXPECT_EQ(run({"job", "cancel", "job_2", "job_1"}), ExitCode::failed);
  EXPECT_EQ(terminal_.out_text, "Cancelled the job job_1.\n");
  EXPECT_EQ(terminal_.error_text, "job_2: it is over\ngogrid: 1 of 2 jobs are as they were\n");
  EXPECT_EQ(run({"job", "cancel", "job_2"}), ExitCode::failed);
  EXPECT_EQ(terminal_.error_text, "gogrid: it is over\n");
  server_.on("POST /api/v1/jobs/job_1/retry", 200, job("queued"));
  EXPECT_EQ(run({"job", "retry", "job_1", "--json"}), ExitCode::success);
  EXPECT_EQ(json::parse(terminal_.out_text)["state"], "queued");
  environment_["GOGRID_URL"] = "https://127.0.0.1:1";
  EXPECT_EQ(run({"job", "cancel", "job_1", "job_2"}), ExitCode::unreachable);
}

TEST_F(JobTest, AResultIsPrintedByteForByteOrReplacesAFileWhole) {
  const std::string body = "{\"a\":\x1b 1.10}  ";
  server_.on("GET /api/v1/jobs/job_1/result", 200, body);
  EXPECT_EQ(run({"job", "result", "job_1"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(terminal_.out_text, body);
  terminal_.output_terminal = true;
  EXPECT_EQ(run({"job", "result", "job_1"}), ExitCode::success);
  EXPECT_EQ(terminal_.out_text, "{\"a\":? 1.10}  ");
  const auto file = write("answer.json", "old");
  EXPECT_EQ(run({"job", "result", "job_2", "-o", file.string()}), ExitCode::not_found);
  EXPECT_EQ(read(file), "old");
  EXPECT_EQ(run({"job", "result", "job_1", "-o", file.string()}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(read(file), body);
  EXPECT_EQ(run({"job", "result", "job_1", "-o", (home_ / "none/x").string()}), ExitCode::failed);
  EXPECT_FALSE(std::filesystem::exists(file.string() + ".partial"));
}

TEST_F(JobTest, WaitingEndsWithTheJobsOwnOutcome) {
  server_.stream(events, {job("queued"), job("succeeded")});
  EXPECT_EQ(run({"job", "wait", "job_1"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(terminal_.out_text, "job_1 succeeded\n");
  EXPECT_EQ(terminal_.error_text, "");
  for (const char* state : {"failed", "cancelled", "expired"}) {
    server_.stream(events, {job(state)});
    EXPECT_EQ(run({"job", "wait", "job_1"}), ExitCode::not_succeeded);
    EXPECT_TRUE(said(state)) << terminal_.error_text;
  }
  server_.stream("GET /api/v1/jobs/job_2/events", {R"({"id":"job_2","state":"succeeded"})"});
  EXPECT_EQ(run({"job", "wait", "job_1", "job_2"}), ExitCode::not_succeeded);
  EXPECT_EQ(terminal_.out_text, "job_1 expired\njob_2 succeeded\n");
  EXPECT_TRUE(said("1 of 2 jobs did not succeed"));
  EXPECT_EQ(run({"job", "wait", "job_3"}), ExitCode::not_found);
}

TEST_F(JobTest, OnATerminalWaitingShowsPositionAndEstimate) {
  terminal_.error_terminal = true;
  server_.stream(events, {job("queued", R"(,"waiting":{"position":4,"estimate_seconds":75,"text":"both are busy"})"),
                          job("running", R"(,"worker":"wk_1")"), job("succeeded")});
  EXPECT_EQ(run({"job", "wait", "job_1"}), ExitCode::success);
  EXPECT_TRUE(said("\rjob_1  queued  position 4, about 1 min 15 s  both are busy\x1b[K")) << terminal_.error_text;
  EXPECT_TRUE(said("\rjob_1  running on wk_1\x1b[K"));
  EXPECT_TRUE(terminal_.error_text.ends_with("\r\x1b[K"));
}

TEST_F(JobTest, WaitingEndsWhenTheTimeIsUp) {
  server_.stream(events, {job("running")}, true);
  EXPECT_EQ(run({"job", "wait", "job_1", "--timeout", "1s"}), ExitCode::timed_out);
  EXPECT_EQ(terminal_.error_text, "gogrid: the time is up; the job job_1 goes on\n");
}

TEST_F(JobTest, CtrlCStopsWaiting) {
  server_.stream(events, {job("running")}, true);
  auto left = server_.client_left();
  terminal_.error_terminal = true;
  terminal_.on_error = [](std::string_view text) {
    if (text.find("running") != std::string_view::npos) std::raise(SIGINT);
  };
  EXPECT_EQ(run({"job", "wait", "job_1"}), ExitCode::interrupted);
  EXPECT_EQ(left.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(terminal_.out_text, "");
}

}  // namespace
}  // namespace gogrid::cli
