// `gogrid chat` as a person or a script sees it: one question, a conversation, Ctrl-C.
#include <csignal>
#include <nlohmann/json.hpp>

#include "cli/program_test_support.hpp"

namespace gogrid::cli {
namespace {

class ChatTest : public ProgramTest {
 protected:
  ChatTest() {
    server_.on(
        "GET /v1/models", 200,
        R"({"data":[{"id":"vectors","gogrid":{"kind":"embedding"}},{"id":"new","gogrid":{"kind":"chat","replicas":{"ready":0}}},)"
        R"({"id":"small","gogrid":{"kind":"chat","replicas":{"ready":1}}}]})");
  }

  void answer(std::vector<std::string> words, bool hold = false) {
    std::vector<std::string> events;
    events.reserve(words.size() + 2);
    for (const std::string& word : words)
      events.push_back(nlohmann::json{{"choices", {{{"delta", {{"content", word}}}}}}}.dump());
    if (!hold) {
      events.push_back(R"({"choices":[],"usage":{"completion_tokens":2},"timings":{"predicted_per_second":12.5}})");
      events.push_back("[DONE]");
    }
    server_.stream("POST /v1/chat/completions", std::move(events), hold);
  }

  nlohmann::json asked() const { return nlohmann::json::parse(server_.requests().back().body); }
};

TEST_F(ChatTest, PrintsTheAnswerAndNothingElse) {
  answer({"Hel", "lo \x1b[31m"});
  EXPECT_EQ(run({"chat", "What", "is", "it?", "--system", "Be brief."}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(terminal_.out_text, "Hello \x1b[31m\n");
  EXPECT_EQ(terminal_.error_text, "");
  EXPECT_EQ(asked()["model"], "small");
  EXPECT_EQ(
      asked()["messages"],
      nlohmann::json::parse(R"([{"role":"system","content":"Be brief."},{"role":"user","content":"What is it?"}])"));
  terminal_.output_terminal = true;
  EXPECT_EQ(run({"chat", "-m", "other", "x", "--verbose", "--max-tokens", "5", "--temperature", "0"}),
            ExitCode::success);
  EXPECT_EQ(terminal_.out_text, "Hello ?[31m\n");
  EXPECT_TRUE(said("[2 tokens, the first after ") && said("12.5 tokens/s]")) << terminal_.error_text;
  EXPECT_EQ(asked()["model"], "other");
  EXPECT_EQ(asked()["max_tokens"], 5);
}

TEST_F(ChatTest, ReadsThePromptFromStandardInput) {
  answer({"ok"});
  terminal_.input = "a report\n";
  EXPECT_EQ(run({"chat"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(asked()["messages"][0]["content"], "a report\n");
  EXPECT_EQ(run({"chat", "Summarise:", "-"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(asked()["messages"][0]["content"], "Summarise:\na report\n");
  terminal_.input = " \n";
  EXPECT_EQ(run({"chat"}), ExitCode::usage);
}

TEST_F(ChatTest, JsonIsTheWholeAnswer) {
  server_.on("POST /v1/chat/completions", 200, R"({"choices":[{"message":{"content":"Hello"}}]})");
  EXPECT_EQ(run({"chat", "--json", "x"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(nlohmann::json::parse(terminal_.out_text)["choices"][0]["message"]["content"], "Hello");
  EXPECT_FALSE(asked().contains("stream"));
}

TEST_F(ChatTest, NoModelSaysHowToAddOne) {
  server_.on("GET /v1/models", 200, R"({"data":[{"id":"vectors","gogrid":{"kind":"embedding"}}]})");
  EXPECT_EQ(run({"chat", "x"}), ExitCode::not_found);
  EXPECT_TRUE(said("gogrid model add"));
}

TEST_F(ChatTest, ARefusalIsAnError) {
  server_.on("POST /v1/chat/completions", 503,
             R"({"error":{"message":"no worker: 1 paused by its owner","code":"no_worker"}})");
  EXPECT_EQ(run({"chat", "x"}), ExitCode::failed);
  EXPECT_EQ(terminal_.error_text, "gogrid: no worker: 1 paused by its owner\n");
}

TEST_F(ChatTest, CtrlCClosesTheConnection) {
  answer({"Once upon"}, true);
  auto left = server_.client_left();
  terminal_.on_out = [](std::string_view) { std::raise(SIGINT); };
  EXPECT_EQ(run({"chat", "Tell me a story"}), ExitCode::interrupted);
  EXPECT_EQ(left.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(terminal_.out_text, "Once upon\n");
}

TEST_F(ChatTest, AConversationKeepsWhatWasSaid) {
  terminal_.input_terminal = true;
  answer({"Hello"});
  terminal_.type("");
  terminal_.type("first \\");
  terminal_.type("line");
  terminal_.type("second");
  EXPECT_EQ(run({"chat"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(terminal_.out_text, "Hello\nHello\n");
  EXPECT_EQ(asked()["messages"],
            nlohmann::json::parse(R"([{"role":"user","content":"first \nline"},{"role":"assistant","content":"Hello"},)"
                                  R"({"role":"user","content":"second"}])"));
}

TEST_F(ChatTest, AConversationsCommandsWork) {
  terminal_.input_terminal = true;
  answer({"Hello"});
  terminal_.type("first");
  terminal_.type("/clear");
  terminal_.type("/model  other");
  terminal_.type("/model");
  terminal_.type("/nonsense");
  terminal_.type("second");
  terminal_.type("/exit");
  terminal_.type("never");
  EXPECT_EQ(run({"chat", "--system", "S"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(asked()["messages"],
            nlohmann::json::parse(R"([{"role":"system","content":"S"},{"role":"user","content":"second"}])"));
  EXPECT_EQ(asked()["model"], "other");
  EXPECT_TRUE(said("There is no /nonsense."));
}

TEST_F(ChatTest, CtrlCStopsAnAnswerAndTwiceLeaves) {
  terminal_.input_terminal = true;
  answer({"Once"}, true);
  auto left = server_.client_left();
  terminal_.on_out = [this](std::string_view text) {
    if (text != "Once") return;
    std::raise(SIGINT);
  };
  terminal_.type("story");
  terminal_.type_ctrl_c();
  terminal_.type("/help");
  terminal_.type_ctrl_c();
  terminal_.type_ctrl_c();
  terminal_.type("never");
  EXPECT_EQ(run({"chat"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(left.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(terminal_.out_text, "Once\n");
  EXPECT_TRUE(said("(stopped)"));
  EXPECT_EQ(terminal_.lines.size(), 1u);
}

TEST_F(ChatTest, AFailedAnswerDoesNotEndTheConversation) {
  terminal_.input_terminal = true;
  server_.on("POST /v1/chat/completions", 503, R"({"error":{"message":"no worker","code":"no_worker"}})");
  terminal_.type("first");
  terminal_.type("second");
  EXPECT_EQ(run({"chat"}), ExitCode::success);
  EXPECT_TRUE(said("gogrid: no worker\n"));
  EXPECT_EQ(asked()["messages"].size(), 1u);
}

}  // namespace
}  // namespace gogrid::cli
