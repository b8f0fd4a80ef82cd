// Keys with their limits, usage and the audit log, as administrators see them.
#include <nlohmann/json.hpp>

#include "cli/program_test_support.hpp"

namespace gogrid::cli {
namespace {

using nlohmann::json;

class AccessTest : public ProgramTest {
 protected:
  json last_body() const { return json::parse(server_.requests().back().body); }
};

TEST_F(AccessTest, AKeyIsMadeWithLimits) {
  server_.on("POST /api/v1/keys", 201, R"({"id":"k1","key":"gg_1_s","name":"x","scopes":["inference"]})");
  EXPECT_EQ(run({"key", "create", "students", "--models", "small,tiny", "--weight", "0.5", "--requests-per-minute",
                 "60", "--tokens-per-minute", "10000", "--max-concurrent", "4", "--max-queued", "100"}),
            ExitCode::success)
      << terminal_.error_text;
  EXPECT_EQ(last_body(),
            json::parse(R"({"name":"students","scopes":["inference"],"models":["small","tiny"],"weight":0.5,)"
                        R"("requests_per_minute":60,"tokens_per_minute":10000,"max_concurrent":4,"max_queued":100})"));
  EXPECT_EQ(run({"key", "create", "x", "--weight", "0"}), ExitCode::usage);
  EXPECT_EQ(run({"key", "create", "x", "--max-queued", "-1"}), ExitCode::usage);
}

TEST_F(AccessTest, AKeyIsChangedInWhatIsGivenOnly) {
  server_.on("PATCH /api/v1/keys/k1", 200,
             R"({"id":"k1","name":"x","scopes":["inference"],"models":[],"weight":2,"max_concurrent":8})");
  EXPECT_EQ(run({"key", "set", "k1", "--weight", "2", "--max-concurrent", "8", "--any-model"}), ExitCode::success)
      << terminal_.error_text;
  EXPECT_EQ(last_body(), json::parse(R"({"models":[],"weight":2.0,"max_concurrent":8})"));
  EXPECT_TRUE(printed("all     weight 2, 8 at once\n")) << terminal_.out_text;
  EXPECT_EQ(run({"key", "set", "k1"}), ExitCode::usage);
  EXPECT_EQ(run({"key", "set", "k1", "--any-model", "--models", "small"}), ExitCode::usage);
  EXPECT_EQ(run({"key", "set", "none", "--name", "y"}), ExitCode::not_found);
}

TEST_F(AccessTest, TheListShowsModelsAndLimits) {
  server_.on(
      "GET /api/v1/keys", 200,
      R"({"data":[{"id":"k1","name":"a","scopes":["admin"]},{"id":"k2","name":"b","scopes":["inference"],)"
      R"("models":["small","tiny"],"weight":1,"requests_per_minute":60,"tokens_per_minute":9,"max_queued":5}]})");
  EXPECT_EQ(run({"key", "ls"}), ExitCode::success) << terminal_.error_text;
  EXPECT_TRUE(printed("all         none\n")) << terminal_.out_text;
  EXPECT_TRUE(printed("small,tiny  60 r/min, 9 t/min, 5 queued\n"));
}

TEST_F(AccessTest, UsageIsPutTogetherAsAskedFor) {
  server_.on(
      "GET /api/v1/usage", 200,
      R"({"data":[{"day":"2026-11-27","key_id":"k1","key_name":"a","model":"small","requests":2,"prompt_tokens":10,"completion_tokens":5},)"
      R"({"day":"2026-11-28","key_id":"k1","key_name":"a","model":"small","requests":3,"prompt_tokens":20,"completion_tokens":6},)"
      R"({"day":"2026-11-28","key_id":"k2","key_name":null,"model":"tiny","requests":1,"prompt_tokens":1,"completion_tokens":1}]})");
  EXPECT_EQ(run({"usage", "--from", "2026-11-27", "--to", "2026-11-28", "--key", "k1"}), ExitCode::success)
      << terminal_.error_text;
  EXPECT_EQ(server_.requests().back().target, "/api/v1/usage?from=2026-11-27&to=2026-11-28&key=k1");
  EXPECT_TRUE(printed("2026-11-28  k2   tiny          1              1                  1\n")) << terminal_.out_text;
  EXPECT_TRUE(printed("total       -    -             6             31                 12\n")) << terminal_.out_text;
  EXPECT_EQ(run({"usage", "--by", "key"}), ExitCode::success) << terminal_.error_text;
  EXPECT_TRUE(printed("\na             5             30                 11\n")) << terminal_.out_text;
  EXPECT_EQ(run({"usage", "--by", "day", "--json"}), ExitCode::success);
  EXPECT_EQ(json::parse(terminal_.out_text)["data"].size(), 3u);
  EXPECT_EQ(run({"usage", "--by", "week"}), ExitCode::usage);
  EXPECT_EQ(run({"usage", "--from", "yesterday"}), ExitCode::usage);
}

TEST_F(AccessTest, TheAuditLogIsATable) {
  server_.on("GET /api/v1/audit", 200,
             R"({"data":[{"sequence":9,"at":1795867200,"actor":"ops","action":"key.create","subject":"k2",)"
             R"("detail":{"name":"\u001b[31m"}}],"has_more":true,"next":9})");
  EXPECT_EQ(run({"audit", "--limit", "1"}), ExitCode::success) << terminal_.error_text;
  EXPECT_TRUE(printed("     9  2026-11-28 12:00:00 UTC  ops  key.create  k2")) << terminal_.out_text;
  EXPECT_TRUE(printed("More: --before 9\n"));
  EXPECT_EQ(terminal_.out_text.find('\x1b'), std::string::npos);
  EXPECT_EQ(run({"audit", "--before", "9"}), ExitCode::success);
  EXPECT_EQ(server_.requests().back().target, "/api/v1/audit?before=9");
  EXPECT_EQ(run({"audit", "--limit", "0"}), ExitCode::usage);
}

}  // namespace
}  // namespace gogrid::cli
