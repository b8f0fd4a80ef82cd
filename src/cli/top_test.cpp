// `gogrid top`: a page where there is no terminal, a screen that is drawn in place, follows its size and is given back
// where there is one.
#include <csignal>
#include <nlohmann/json.hpp>

#include "cli/program_test_support.hpp"
#include "cli/top_view.hpp"

namespace gogrid::cli {
namespace {

using namespace std::chrono_literals;
using client::TestCoordinator;

constexpr const char* queue_json =
    R"({"models":[{"model":"small","requests_waiting":2,"jobs_waiting":40,"running":3,"slots":4,"slots_busy":3,)"
    R"("estimate_seconds":90,"text":"1 worker has this model: busy"}],)"
    R"("keys":[{"key_id":"k1","name":"laptop","requests_waiting":2,"jobs_open":41,"running":3}],)"
    R"("totals":{"workers_connected":1,"workers_quarantined":1,"requests_waiting":2,"requests_running":2,)"
    R"("jobs_waiting":40,"jobs_running":1,"slots_free":1,"slots_busy":3},)"
    R"("done":{"requests":100,"jobs":7,"prompt_tokens":5000,"completion_tokens":900}})";
constexpr const char* workers_json =
    R"({"data":[{"id":"w1","name":"den-pc","connected":true,"availability":"available","replicas":[{"model_name":"small",)"
    R"("phase":"ready","slots":4,"slots_busy":3}]},{"id":"w2","name":"gpu","connected":true,"availability":"paused",)"
    R"("reason":"a game runs"},{"id":"w3","name":"gone","revoked_at":5}]})";

class TopTest : public ProgramTest {
 protected:
  TopTest() {
    server_.on("GET /api/v1/queue", 200, queue_json);
    server_.on("GET /api/v1/workers", 200, workers_json);
  }

  void use_terminal() {
    terminal_.output_terminal = true;
    terminal_.input_terminal = true;
  }
  static std::size_t lines_of(std::string_view text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
};

TEST_F(TopTest, WithoutATerminalItIsOnePage) {
  EXPECT_EQ(run({"top"}), ExitCode::success) << terminal_.error_text;
  for (const char* words :
       {"1 worker connected, 1 in quarantine\n", "Requests: 2 running, 2 waiting   Jobs: 1 running, 40 waiting",
        "Since its start: 100 requests, 7 jobs, 900 tokens written, 5000 read\n",
        "small        2    40        3   3/4  1 min 30 s  1 worker has this model: busy\n",
        "den-pc  available   3/4  small", "gpu     paused", "a game runs\n", "laptop        2    41        3\n"}) {
    EXPECT_TRUE(printed(words)) << words << "\n" << terminal_.out_text;
  }
  EXPECT_FALSE(printed("gone") || printed("\x1b"));
  EXPECT_EQ(run({"top", "--json"}), ExitCode::success);
  const auto all = nlohmann::json::parse(terminal_.out_text);
  EXPECT_EQ(all["queue"], nlohmann::json::parse(queue_json));
  EXPECT_EQ(all["workers"], nlohmann::json::parse(workers_json));
  use_terminal();
  EXPECT_EQ(run({"top", "--once"}), ExitCode::success);
  EXPECT_FALSE(printed("\x1b[?1049h"));
  EXPECT_EQ(run({"top", "--interval", "soon"}), ExitCode::usage);
  EXPECT_EQ(run({"top", "--interval", "1ms"}), ExitCode::usage);
}

TEST_F(TopTest, TheScreenIsDrawnInPlaceAndGivenBack) {
  use_terminal();
  int pages = 0;
  terminal_.on_out = [&](std::string_view text) {
    if (text.starts_with("\x1b[H") && ++pages == 3) terminal_.press("xq");
  };
  EXPECT_EQ(run({"top", "--interval", "100ms"}), ExitCode::success) << terminal_.error_text;
  EXPECT_GE(pages, 3);
  EXPECT_TRUE(terminal_.out_text.starts_with("\x1b[?1049h\x1b[?25l\x1b[H"));
  EXPECT_TRUE(terminal_.out_text.ends_with("\x1b[?25h\x1b[?1049l"));
  EXPECT_TRUE(printed("Now: 0.0 requests/s"));
  EXPECT_EQ(terminal_.error_text, "");
}

TEST_F(TopTest, ItFollowsTheSizeOfItsTerminal) {
  use_terminal();
  std::string last;
  int pages = 0;
  terminal_.on_out = [&](std::string_view text) {
    if (!text.starts_with("\x1b[H")) return;
    last = text;
    if (++pages == 1) {
      terminal_.rows = 9;
      terminal_.columns = 30;
      std::raise(SIGWINCH);
    } else {
      std::raise(SIGINT);
    }
  };
  EXPECT_EQ(run({"top", "--interval", "1h"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(pages, 2);
  EXPECT_LE(lines_of(last), 8u) << last;
  EXPECT_NE(last.find("… "), std::string::npos) << last;
  EXPECT_TRUE(terminal_.out_text.ends_with("\x1b[?1049l"));
}

TEST_F(TopTest, ItOutlivesACoordinatorThatIsAwayAndSaysSo) {
  use_terminal();
  std::atomic<int> asked = 0;
  server_.handle("GET /api/v1/queue", [&asked](const TestCoordinator::Request&) {
    TestCoordinator::Reply reply;
    reply.body = queue_json;
    if (++asked == 2) {
      reply.status = 503;
      reply.body = R"({"error":{"message":"it starts","code":"starting"}})";
    }
    return reply;
  });
  bool was_away = false;
  terminal_.on_out = [&](std::string_view text) {
    if (text.find("it starts") != std::string_view::npos) {
      was_away = true;
    } else if (was_away) {
      terminal_.press("q");
    }
  };
  EXPECT_EQ(run({"top", "--interval", "100ms"}), ExitCode::success) << terminal_.error_text;
  EXPECT_TRUE(was_away);
}

TEST_F(TopTest, WhatAskingAgainDoesNotMendEndsIt) {
  use_terminal();
  std::atomic<int> asked = 0;
  server_.handle("GET /api/v1/queue", [&asked](const TestCoordinator::Request&) {
    TestCoordinator::Reply reply;
    reply.body = queue_json;
    if (++asked == 2) {
      reply.status = 401;
      reply.body = R"({"error":{"message":"the key was revoked","code":"invalid_api_key"}})";
    }
    return reply;
  });
  EXPECT_EQ(run({"top", "--interval", "100ms"}), ExitCode::not_allowed);
  EXPECT_TRUE(terminal_.out_text.ends_with("\x1b[?1049l"));
  EXPECT_TRUE(said("the key was revoked")) << terminal_.error_text;
}

TEST(TopLines, FitEveryHeight) {
  TopState state;
  state.throughput.emplace();
  state.queue.models.resize(30);
  state.queue.keys.resize(2);
  state.workers.resize(50);
  for (std::size_t rows = 1; rows < 120; ++rows)
    EXPECT_LE(top_lines(state, View(), rows).size(), rows);
  const auto all = top_lines(state, View(), 0);
  EXPECT_EQ(all.size(), 4u + 32 + 52 + 4);
  // What the short list leaves is the long ones'.
  EXPECT_EQ(top_lines(state, View(), 60).size(), 60u);
}

TEST(ThroughputMeter, IsMadeOfTheLastSecondsCounters) {
  ThroughputMeter meter;
  const ThroughputMeter::Time start{1h};
  client::WorkDone done;
  meter.add(start, done);
  EXPECT_FALSE(meter.rates());
  done.requests = 20;
  done.completion_tokens = 100;
  meter.add(start + 2s, done);
  ASSERT_TRUE(meter.rates());
  EXPECT_DOUBLE_EQ(meter.rates()->requests, 10);
  EXPECT_DOUBLE_EQ(meter.rates()->completion_tokens, 50);
  // Work of long ago does not count.
  for (int second = 3; second < 40; ++second)
    meter.add(start + second * 1s, done);
  EXPECT_DOUBLE_EQ(meter.rates()->requests, 0);
  // A coordinator that has started again counts from 0.
  meter.add(start + 40s, client::WorkDone());
  EXPECT_FALSE(meter.rates());
}

}  // namespace
}  // namespace gogrid::cli
