// `gogrid run` and `gogrid batch …` against a server that answers batches: what is sent, that results come in the
// input's order, what Ctrl-C does, and the exit codes.
#include <csignal>
#include <nlohmann/json.hpp>

#include "cli/program_test_support.hpp"

namespace gogrid::cli {
namespace {

using client::TestCoordinator;
using nlohmann::json;

// Keeps the file of a batch and answers each of its lines: with an echo of what was asked, in the opposite order; what
// asks "fail" fails.
class RunTest : public ProgramTest {
 protected:
  RunTest() {
    server_.handle("POST /v1/files", [this](const TestCoordinator::Request& request) {
      // The form's second part is the file.
      const auto begin = request.body.rfind("\r\n\r\n") + 4;
      sent_ = request.body.substr(begin, request.body.rfind("\r\n--") - begin);
      answer();
      return reply(R"({"id":"file-1","object":"file"})");
    });
    server_.on("POST /v1/batches", 200, R"({"id":"batch_1","status":"validating"})");
    server_.handle("GET /v1/batches/batch_1", [this](const TestCoordinator::Request&) { return reply(next_state()); });
    server_.handle("GET /v1/files/file-out/content", [this](const auto&) { return reply(output_); });
    server_.handle("GET /v1/files/file-err/content", [this](const auto&) { return reply(errors_); });
    server_.on("POST /v1/batches/batch_1/cancel", 200, R"({"id":"batch_1","status":"cancelling"})");
  }

  ~RunTest() override { server_.stop(); }

  static TestCoordinator::Reply reply(std::string body) {
    TestCoordinator::Reply out;
    out.body = std::move(body);
    return out;
  }

  void answer() {
    std::istringstream lines(sent_);
    for (std::string line; std::getline(lines, line);) {
      const json request = json::parse(line);
      const std::string asked = request["body"].contains("messages")
                                    ? request["body"]["messages"][0]["content"].get<std::string>()
                                    : request["body"]["input"].dump();
      json result{{"id", "batch_req_1"}, {"custom_id", request["custom_id"]}};
      if (asked == "fail") {
        result["response"] = nullptr;
        result["error"] = {{"code", "attempts"}, {"message", "5 attempts failed"}};
        errors_ = result.dump() + "\n" + errors_;
      } else {
        result["error"] = nullptr;
        result["response"] = {{"status_code", 200},
                              {"request_id", "r"},
                              {"body", {{"choices", {{{"message", {{"content", "you said " + asked}}}}}}}}};
        output_ = result.dump() + "\n" + output_;
      }
    }
  }

  std::string next_state() {
    if (on_poll) on_poll();
    ++polls_;
    const auto lines = std::count(sent_.begin(), sent_.end(), '\n');
    const auto failed = std::count(errors_.begin(), errors_.end(), '\n');
    json batch{
        {"id", "batch_1"},
        {"status", polls_ < 2 || hold_ ? "in_progress" : "completed"},
        {"request_counts", {{"total", lines}, {"completed", polls_ < 2 ? 0 : lines - failed}, {"failed", failed}}}};
    if (!output_.empty()) batch["output_file_id"] = "file-out";
    if (!errors_.empty()) batch["error_file_id"] = "file-err";
    return batch.dump();
  }

  // The bodies that were sent.
  std::vector<json> sent() const {
    std::vector<json> out;
    std::istringstream lines(sent_);
    for (std::string line; std::getline(lines, line);)
      out.push_back(json::parse(line));
    return out;
  }
  std::vector<json> results(const std::string& text) const {
    std::vector<json> out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      out.push_back(json::parse(line));
    return out;
  }
  std::size_t asked_for(const std::string& line) const {
    const auto requests = server_.requests();
    return static_cast<std::size_t>(
        std::count_if(requests.begin(), requests.end(), [&line](const auto& it) { return it.line == line; }));
  }
  std::string read(const std::filesystem::path& path) const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // Of the server's thread.
  std::string sent_;
  std::string output_;
  std::string errors_;
  int polls_ = 0;
  std::atomic<bool> hold_ = false;
  std::function<void()> on_poll;
};

constexpr const char* mixed_lines =
    "\"one\"\n"
    "\n"
    "{\"prompt\":\"two\",\"max_tokens\":7}\r\n"
    R"({"model":"own","messages":[{"role":"user","content":"three"}]})"
    "\n"
    R"({"custom_id":"four","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"4"}]}})";

TEST_F(RunTest, EveryKindOfLineIsSentAndTheResultsComeInOrder) {
  const auto out = home_ / "out.jsonl";
  EXPECT_EQ(run({"run", write("in.jsonl", mixed_lines).string(), "-m", "small", "-o", out.string(), "--priority", "10",
                 "--metadata", "a=b"}),
            ExitCode::success)
      << terminal_.error_text;
  const auto lines = sent();
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0], json::parse(R"({"custom_id":"line-1","method":"POST","url":"/v1/chat/completions","body":)"
                                  R"({"messages":[{"role":"user","content":"one"}],"model":"small"}})"));
  EXPECT_EQ(lines[1]["custom_id"], "line-3");
  EXPECT_EQ(lines[1]["body"]["max_tokens"], 7);
  EXPECT_FALSE(lines[1]["body"].contains("prompt"));
  EXPECT_EQ(lines[2]["body"]["model"], "own");
  EXPECT_EQ(lines[3]["custom_id"], "four");
  EXPECT_EQ(lines[3]["body"]["model"], "small");
  const auto found = results(read(out));
  ASSERT_EQ(found.size(), 4u);
  const std::pair<const char*, const char*> wanted[] = {
      {"line-1", "you said one"}, {"line-3", "you said two"}, {"line-4", "you said three"}, {"four", "you said 4"}};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(found[i]["custom_id"], wanted[i].first);
    EXPECT_EQ(found[i]["response"]["body"]["choices"][0]["message"]["content"], wanted[i].second);
    EXPECT_FALSE(found[i].contains("error"));
  }
  EXPECT_EQ(terminal_.out_text, "");
  for (const auto& request : server_.requests()) {
    if (request.line != "POST /v1/batches") continue;
    EXPECT_EQ(json::parse(request.body),
              json::parse(R"({"input_file_id":"file-1","endpoint":"/v1/chat/completions","completion_window":"24h",)"
                          R"("priority":10,"metadata":{"a":"b"}})"));
  }
}

TEST_F(RunTest, BadLinesAreNamedAndNothingIsSent) {
  const std::string lines = std::string(mixed_lines) + "\n" + R"({"custom_id":"four","method":"POST","url":)" +
                            R"("/v1/chat/completions","body":{"messages":[{"role":"user","content":"x"}]}})"
                            "\n17\n{\"prompt\":5}\nnonsense\n{\"messages\":[]}\n{\"prompt\":\"x\",\"stream\":true}\n"
                            R"({"custom_id":"x","url":"/v1/embeddings","body":{}})"
                            "\n"
                            R"({"custom_id":"","url":"/v1/chat/completions","body":{}})"
                            "\n" +
                            std::string(300, '[') + std::string(300, ']');
  const std::string file = write("in.jsonl", lines).string();
  EXPECT_EQ(run({"run", file, "-m", "small"}), ExitCode::failed);
  for (const char* words :
       {"line 6: \"custom_id\" four is that of line 5 already\n", "line 7: is neither an object nor a text\n",
        "line 8: \"prompt\" must be a text\n", "line 9: is not JSON\n", "line 10: ", "line 11: \"stream\" has no place",
        "line 12: \"url\" must be \"/v1/chat/completions\"", "line 13: \"custom_id\" must be",
        "line 14: is nested deeper", "gogrid: 9 of 13 lines cannot be sent, so nothing was;", "--skip-bad"}) {
    EXPECT_TRUE(said(words)) << words << "\n" << terminal_.error_text;
  }
  EXPECT_TRUE(server_.requests().empty());
  EXPECT_EQ(run({"run", write("none.jsonl", "\n\n").string()}), ExitCode::failed);
  EXPECT_TRUE(said("has no lines"));
  EXPECT_EQ(run({"run", write("bad.jsonl", "\"no model\"\n").string(), "--skip-bad"}), ExitCode::failed);
  EXPECT_TRUE(said("line 1: names no model; give one with -m\n")) << terminal_.error_text;
  EXPECT_TRUE(said("no line is a request; nothing was sent"));
  EXPECT_EQ(run({"run", "/nowhere.jsonl"}), ExitCode::failed);
  EXPECT_EQ(run({"run", file, "--window", "soon"}), ExitCode::failed);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(RunTest, LinesThatAreSkippedOrFailAreErrorsInTheirPlace) {
  const std::string file = write("in.jsonl", "\"one\"\n17\n\"fail\"\n\"four\"\n").string();
  EXPECT_EQ(run({"run", file, "-m", "small", "--skip-bad"}), ExitCode::not_succeeded);
  const auto found = results(terminal_.out_text);
  ASSERT_EQ(found.size(), 4u) << terminal_.out_text;
  EXPECT_EQ(found[1], json::parse(R"({"custom_id":"line-2","error":{"code":"bad_line",)"
                                  R"("message":"line 2: is neither an object nor a text"}})"));
  EXPECT_EQ(found[2],
            json::parse(R"({"custom_id":"line-3","error":{"code":"attempts","message":"5 attempts failed"}})"));
  EXPECT_EQ(found[3]["custom_id"], "line-4");
  EXPECT_TRUE(said("gogrid: 2 of 4 lines did not succeed\n")) << terminal_.error_text;
}

TEST_F(RunTest, TextIsOnlyWhatTheModelsSaid) {
  terminal_.input = "\"one\"\n\"fail\"\n\"three\"";
  EXPECT_EQ(run({"run", "-", "-m", "small", "--text"}), ExitCode::not_succeeded);
  EXPECT_EQ(terminal_.out_text, "you said one\nyou said three\n");
  EXPECT_TRUE(said("line 2: 5 attempts failed\n")) << terminal_.error_text;
}

TEST_F(RunTest, TheFirstLinesUrlIsTheEndpoint) {
  const std::string file =
      write("in.jsonl", R"({"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{"model":"m","input":"x"}})"
                        "\n\"a text\"\n")
          .string();
  EXPECT_EQ(run({"run", file, "-m", "small"}), ExitCode::success) << terminal_.error_text;
  ASSERT_EQ(sent().size(), 2u);
  EXPECT_EQ(sent()[1]["url"], "/v1/embeddings");
  EXPECT_EQ(sent()[1]["body"], json::parse(R"({"input":"a text","model":"small"})"));
  EXPECT_EQ(run({"run", file, "--endpoint", "/v1/rerank", "-m", "small"}), ExitCode::failed);
  EXPECT_TRUE(said("line 2: a prompt alone is no request for /v1/rerank\n")) << terminal_.error_text;
}

TEST_F(RunTest, OnATerminalABarShowsHowManyAreDone) {
  terminal_.error_terminal = true;
  EXPECT_EQ(run({"run", write("in.jsonl", "\"one\"\n\"two\"\n").string(), "-m", "small"}), ExitCode::success);
  EXPECT_TRUE(said("\rRunning  [")) << terminal_.error_text;
  EXPECT_TRUE(said("  0 %  0 of 2"));
}

TEST_F(RunTest, CtrlCLeavesTheBatchRunningAndSaysHowToGoOn) {
  hold_ = true;
  on_poll = [] { std::raise(SIGINT); };
  const auto out = write("out.jsonl", "old");
  EXPECT_EQ(run({"run", write("in.jsonl", "\"one\"\n").string(), "-m", "small", "-o", out.string()}),
            ExitCode::interrupted);
  EXPECT_TRUE(said("gogrid batch wait batch_1\n") && said("gogrid batch result batch_1\n")) << terminal_.error_text;
  EXPECT_EQ(asked_for("POST /v1/batches/batch_1/cancel"), 0u);
  EXPECT_EQ(read(out), "old");
  EXPECT_FALSE(std::filesystem::exists(out.string() + ".partial"));
}

TEST_F(RunTest, CtrlCTwiceOrWithTheFlagCancelsIt) {
  hold_ = true;
  on_poll = [] { std::raise(SIGINT); };
  const std::string file = write("in.jsonl", "\"one\"\n").string();
  EXPECT_EQ(run({"run", file, "-m", "small", "--cancel-on-interrupt"}), ExitCode::interrupted);
  EXPECT_EQ(asked_for("POST /v1/batches/batch_1/cancel"), 1u);
  EXPECT_TRUE(said("Cancelled the batch batch_1."));
  terminal_.error_terminal = true;
  terminal_.on_error = [](std::string_view text) {
    if (text.starts_with("Ctrl-C again")) std::raise(SIGINT);
  };
  EXPECT_EQ(run({"run", file, "-m", "small"}), ExitCode::interrupted);
  EXPECT_EQ(asked_for("POST /v1/batches/batch_1/cancel"), 2u);
}

TEST_F(RunTest, ABatchThatIsRefusedLeavesNoFileBehind) {
  server_.on("POST /v1/batches", 400, R"({"error":{"message":"no such model","code":"model_not_found"}})");
  server_.on("DELETE /v1/files/file-1", 200, R"({"deleted":true})");
  EXPECT_EQ(run({"run", write("in.jsonl", "\"one\"\n").string(), "-m", "small"}), ExitCode::failed);
  EXPECT_TRUE(said("gogrid: no such model\n"));
  EXPECT_EQ(asked_for("DELETE /v1/files/file-1"), 1u);
}

TEST_F(RunTest, ABatchThatFailsSaysWhy) {
  server_.on("POST /v1/batches", 200, R"({"id":"batch_2","status":"validating"})");
  server_.on(
      "GET /v1/batches/batch_2", 200,
      R"({"id":"batch_2","status":"failed","errors":{"data":[{"line":1,"code":"c","message":"too many lines"}]}})");
  EXPECT_EQ(run({"run", write("in.jsonl", "\"one\"\n").string(), "-m", "small"}), ExitCode::not_succeeded);
  EXPECT_TRUE(said("the batch batch_2 failed: too many lines")) << terminal_.error_text;
  EXPECT_EQ(run({"batch", "show", "batch_2"}), ExitCode::success);
  EXPECT_TRUE(printed("   1  c     too many lines\n")) << terminal_.out_text;
  EXPECT_EQ(run({"batch", "wait", "batch_2"}), ExitCode::not_succeeded);
}

TEST_F(RunTest, ABatchIsCreatedOfTheFileAsItIs) {
  const std::string lines =
      R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"hi"}]}})"
      "\n";
  EXPECT_EQ(run({"batch", "create", write("b.jsonl", lines).string()}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(terminal_.out_text, "batch_1\n");
  EXPECT_EQ(sent_, lines);
  hold_ = true;
  EXPECT_EQ(run({"batch", "result", "batch_1"}), ExitCode::failed);
  EXPECT_TRUE(said("wait for it: gogrid batch wait batch_1")) << terminal_.error_text;
  EXPECT_EQ(run({"batch", "wait", "batch_1", "--timeout", "1s"}), ExitCode::timed_out);
  hold_ = false;
  EXPECT_EQ(run({"batch", "wait", "batch_1"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(terminal_.out_text, "batch_1 completed\n");
  const auto errors = home_ / "errors.jsonl";
  EXPECT_EQ(run({"batch", "result", "batch_1", "--errors", errors.string()}), ExitCode::success);
  EXPECT_EQ(terminal_.out_text, output_);
  EXPECT_EQ(read(errors), "");
  EXPECT_EQ(run({"batch", "cancel", "batch_1"}), ExitCode::success);
  EXPECT_EQ(terminal_.out_text, "Cancelled the batch batch_1.\n");
  EXPECT_EQ(run({"batch", "create", write("empty.jsonl", "").string()}), ExitCode::failed);
}

TEST_F(RunTest, BatchesAndFilesAreListed) {
  server_.on("GET /v1/batches", 200,
             R"({"data":[{"id":"batch_1","status":"in_progress","endpoint":"/v1/embeddings","request_counts":)"
             R"({"total":10,"completed":3,"failed":1}}],"has_more":true,"last_id":"batch_1"})");
  EXPECT_EQ(run({"batch", "ls", "--limit", "1"}), ExitCode::success) << terminal_.error_text;
  EXPECT_TRUE(printed("batch_1  in_progress  4 of 10, 1 failed  /v1/embeddings")) << terminal_.out_text;
  EXPECT_TRUE(printed("More: --after batch_1\n"));
  server_.on("GET /v1/files", 200,
             R"({"data":[{"id":"file-1","filename":"in.jsonl","purpose":"batch","bytes":2048}],"has_more":false})");
  EXPECT_EQ(run({"file", "ls"}), ExitCode::success);
  EXPECT_TRUE(printed("file-1  in.jsonl  batch    2.0 KiB")) << terminal_.out_text;
  server_.on("GET /v1/files/file-1/content", 200, "a\nb\n");
  EXPECT_EQ(run({"file", "get", "file-1"}), ExitCode::success);
  EXPECT_EQ(terminal_.out_text, "a\nb\n");
  server_.on("DELETE /v1/files/file-1", 200, R"({"deleted":true})");
  EXPECT_EQ(run({"file", "rm", "file-1", "--json"}), ExitCode::success);
  EXPECT_EQ(json::parse(terminal_.out_text)["removed"], "file-1");
}

}  // namespace
}  // namespace gogrid::cli
