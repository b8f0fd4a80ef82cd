// The whole program as a person or a script sees it, against a real server: what it prints where, and its exit codes.
#include "cli/program.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/help.hpp"
#include "cli/program_test_support.hpp"

namespace gogrid::cli {
namespace {

using client::TestCoordinator;

constexpr const char* status_json =
    R"({"version":"0.1.0","uptime_seconds":61,"workers":{"connected":1,"total":2},"models":{"total":1,"ready":1},)"
    R"("requests":{"running":0,"waiting":0},"engine":{"name":"cpu"}})";
constexpr const char* error_json = R"({"error":{"message":"no","type":"t","code":"c","param":null}})";

TEST_F(ProgramTest, StatusIsAPageForPeopleAndJsonForScripts) {
  server_.on("GET /api/v1/status", 200, status_json);
  EXPECT_EQ(run({"status"}), ExitCode::success) << terminal_.error_text;
  EXPECT_TRUE(printed("Workers:      1 connected of 2\n")) << terminal_.out_text;
  EXPECT_EQ(terminal_.out_text.find('\x1b'), std::string::npos);
  EXPECT_EQ(terminal_.error_text, "");
  EXPECT_EQ(run({"status", "--json"}), ExitCode::success);
  EXPECT_EQ(nlohmann::json::parse(terminal_.out_text), nlohmann::json::parse(status_json));
  terminal_.output_terminal = true;
  EXPECT_EQ(run({"status"}), ExitCode::success);
  EXPECT_TRUE(printed("\x1b[1mWorkers:"));
  environment_["NO_COLOR"] = "1";
  EXPECT_EQ(run({"status"}), ExitCode::success);
  EXPECT_FALSE(printed("\x1b"));
}

TEST_F(ProgramTest, ExitCodesTellWhatWentWrong) {
  const std::pair<int, int> rows[] = {{401, 4}, {403, 4}, {404, 5}, {409, 1}, {400, 1}, {500, 1}, {503, 1}};
  for (const auto& [status, code] : rows) {
    server_.on("GET /api/v1/workers/x", status, error_json);
    EXPECT_EQ(run({"worker", "show", "x"}), code) << status;
    EXPECT_EQ(std::count(terminal_.error_text.begin(), terminal_.error_text.end(), '\n'), 1) << terminal_.error_text;
    EXPECT_EQ(terminal_.out_text, "");
  }
  server_.on("GET /api/v1/workers/x", 200, "gibberish");
  EXPECT_EQ(run({"worker", "show", "x"}), ExitCode::failed);
}

TEST_F(ProgramTest, ACoordinatorThatIsNotThereOrNotTrustedIsNotReached) {
  environment_["GOGRID_URL"] = "https://127.0.0.1:1";
  EXPECT_EQ(run({"status"}), ExitCode::unreachable);
  EXPECT_TRUE(said("127.0.0.1:1")) << terminal_.error_text;
  environment_["GOGRID_URL"] = server_.url();
  environment_["GOGRID_CA"] = "";
  EXPECT_EQ(run({"status"}), ExitCode::unreachable);
  EXPECT_TRUE(said("GOGRID_CA")) << terminal_.error_text;
}

TEST_F(ProgramTest, BadSettingsSayWhatToDo) {
  environment_["GOGRID_CA"] = (home_ / "none.pem").string();
  EXPECT_EQ(run({"status"}), ExitCode::failed);
  EXPECT_TRUE(said("none.pem"));
  environment_["GOGRID_CA"] = write("letter.pem", "Dear CA").string();
  EXPECT_EQ(run({"status"}), ExitCode::failed);
  EXPECT_TRUE(said("no PEM certificate"));
  environment_["GOGRID_URL"] = "http://grid";
  EXPECT_EQ(run({"status"}), ExitCode::failed);
  EXPECT_TRUE(said("only https"));
  log_out();
  EXPECT_EQ(run({"status"}), ExitCode::not_allowed);
  EXPECT_TRUE(said("gogrid login"));
  std::filesystem::create_directories(home_ / ".config/gogrid");
  write(".config/gogrid/config.toml", "url = \"x\"\ncolour = true\n");
  EXPECT_EQ(run({"status"}), ExitCode::failed);
  EXPECT_TRUE(said("config.toml:2: colour"));
}

TEST_F(ProgramTest, FlagsWinOverTheEnvironmentWhichWinsOverTheFile) {
  server_.on("GET /api/v1/status", 200, status_json);
  std::filesystem::create_directories(home_ / ".config/gogrid");
  write(".config/gogrid/config.toml", "url = \"https://127.0.0.1:1\"\napi_key = \"gg_from_file\"\n");
  environment_.erase("GOGRID_API_KEY");
  EXPECT_EQ(run({"status"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(server_.requests().back().authorization, "Bearer gg_from_file");
  EXPECT_EQ(run({"status", "--url", "https://127.0.0.1:1"}), ExitCode::unreachable);
  environment_["GOGRID_URL"] = "https://127.0.0.1:1";
  environment_["GOGRID_CA"] = "/nowhere";
  EXPECT_EQ(run({"status", "--url", server_.url() + "/v1/", "--ca", ca_.string()}), ExitCode::success)
      << terminal_.error_text;
}

TEST_F(ProgramTest, WrongUsageIsOneLineWithTheWayOut) {
  EXPECT_EQ(run({"wrker", "ls"}), ExitCode::usage);
  EXPECT_EQ(terminal_.error_text, "gogrid: there is no command 'gogrid wrker'; did you mean 'gogrid worker'?\n");
  EXPECT_EQ(run({"worker", "frobnicate"}), ExitCode::usage);
  EXPECT_TRUE(said("see 'gogrid worker --help'")) << terminal_.error_text;
  EXPECT_EQ(run({"worker", "show"}), ExitCode::usage);
  EXPECT_TRUE(said("see 'gogrid worker show --help'")) << terminal_.error_text;
  EXPECT_EQ(run({"status", "--no-such-flag"}), ExitCode::usage);
  EXPECT_EQ(run({"token", "create", "--uses", "0"}), ExitCode::usage);
  EXPECT_EQ(run({"model", "add", "x", "--kind", "painting"}), ExitCode::usage);
  EXPECT_EQ(run({"completion", "tcsh"}), ExitCode::usage);
  // What the coordinator would refuse after the file was read.
  EXPECT_EQ(run({"model", "add", "x", "--slots", "257"}), ExitCode::usage);
  EXPECT_EQ(run({"model", "add", "x", "--context", "16777217"}), ExitCode::usage);
}

TEST_F(ProgramTest, ValuesThatCannotBeMeantAreWrongUsage) {
  const std::pair<std::vector<std::string>, const char*> rows[] = {
      {{"key", "create", "x", "--expires", "soon"}, "--expires must be a time"},
      {{"token", "create", "--expires", "0"}, "--expires must be a time"},
      {{"status", "--url", "http://grid"}, "only https"},
      {{"login", "http://grid"}, "only https"},
      {{"login", server_.url(), "--pin", "abc"}, "--pin must be 64"},
      {{"chat", ""}, "nothing to ask"},
      {{"model", "add", "x.gguf", "--name", "two words"}, "--name must be"},
      {{"model", "add", "日本語.gguf"}, "--name"},
      {{"engine", "add", "x.tar.zst", "--name", "a//b"}, "--name must be"}};
  for (const auto& [arguments, words] : rows) {
    EXPECT_EQ(run(arguments), ExitCode::usage) << words;
    EXPECT_TRUE(said(words)) << terminal_.error_text;
    EXPECT_EQ(std::count(terminal_.error_text.begin(), terminal_.error_text.end(), '\n'), 1) << terminal_.error_text;
  }
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(ProgramTest, ArgumentsMayBeCalledLikeCommands) {
  server_.on("GET /api/v1/models/status", 200, R"({"name":"status"})");
  EXPECT_EQ(run({"model", "show", "status"}), ExitCode::success) << terminal_.error_text;
  server_.on("GET /api/v1/models/ls", 200, R"({"name":"ls"})");
  EXPECT_EQ(run({"model", "show", "ls"}), ExitCode::success) << terminal_.error_text;
}

TEST_F(ProgramTest, HelpTeaches) {
  EXPECT_EQ(run({}), ExitCode::success);
  EXPECT_TRUE(printed("gogrid login https://grid:8443"));
  EXPECT_EQ(run({"--version"}), ExitCode::success);
  EXPECT_EQ(terminal_.out_text, "gogrid " GOGRID_VERSION "\n");
  EXPECT_EQ(run({"worker"}), ExitCode::success);
  EXPECT_TRUE(printed("revoke"));
  EXPECT_EQ(run({"help", "model", "add"}), ExitCode::success) << terminal_.error_text;
  const std::string from_help = terminal_.out_text;
  EXPECT_EQ(run({"model", "add", "--help"}), ExitCode::success);
  EXPECT_EQ(terminal_.out_text, from_help);
  EXPECT_EQ(run({"help", "nonsense"}), ExitCode::not_found);
  // Every command has an example that begins as it is typed.
  const CommandTree tree;
  const std::function<void(const CLI::App&)> check = [&](const CLI::App& app) {
    if (app.get_name() != "gogrid")
      EXPECT_NE(help_text(app).find("\n  " + full_name(app)), std::string::npos) << help_text(app);
    for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; }))
      check(*child);
  };
  for (const CLI::App* app :
       tree.root->get_subcommands([](const CLI::App* it) { return it->get_name() != "completion"; }))
    check(*app);
}

TEST_F(ProgramTest, DestructionAsksOnATerminalOnly) {
  server_.on("DELETE /api/v1/workers/den", 204, "");
  const auto deletions = [this] {
    const auto requests = server_.requests();
    return std::count_if(requests.begin(), requests.end(),
                         [](const auto& request) { return request.line.starts_with("DELETE"); });
  };
  terminal_.input_terminal = true;
  terminal_.type("n");
  EXPECT_EQ(run({"worker", "revoke", "den"}), ExitCode::failed);
  terminal_.type_ctrl_c();
  EXPECT_EQ(run({"worker", "revoke", "den"}), ExitCode::failed);
  EXPECT_EQ(deletions(), 0);
  terminal_.type("y");
  EXPECT_EQ(run({"worker", "revoke", "den"}), ExitCode::success);
  EXPECT_TRUE(said("[y/N]"));
  EXPECT_EQ(run({"worker", "revoke", "den", "--yes", "--json"}), ExitCode::success);
  EXPECT_EQ(nlohmann::json::parse(terminal_.out_text).at("revoked"), "den");
  terminal_.input_terminal = false;
  EXPECT_EQ(run({"worker", "revoke", "den"}), ExitCode::success);
  EXPECT_EQ(deletions(), 3);
}

TEST_F(ProgramTest, ANewTokenComesWithTheCommandToType) {
  server_.on("POST /api/v1/tokens", 201,
             R"({"id":"1","token":"ggj_1.s.p","name":"den","uses_left":1,"expires_at":4000000000,"created_at":1})");
  EXPECT_EQ(run({"token", "create", "--name", "den", "--expires", "2h"}), ExitCode::success) << terminal_.error_text;
  EXPECT_TRUE(printed("ggj_1.s.p\n"));
  EXPECT_TRUE(printed("  gogrid-worker join --coordinator localhost:" + std::to_string(server_.port())))
      << terminal_.out_text;
  const auto body = nlohmann::json::parse(server_.requests().back().body);
  EXPECT_EQ(body, (nlohmann::json{{"name", "den"}, {"uses", 1}, {"expires_in_seconds", 7200}}));
  EXPECT_EQ(run({"token", "create", "-q"}), ExitCode::success);
  EXPECT_EQ(terminal_.out_text, "ggj_1.s.p\n");
}

TEST_F(ProgramTest, KeysHaveTheScopesAskedFor) {
  server_.on("POST /api/v1/keys", 201, R"({"id":"1","key":"gg_1_s","name":"ci","scopes":["inference"]})");
  EXPECT_EQ(run({"key", "create", "ci"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(nlohmann::json::parse(server_.requests().back().body),
            (nlohmann::json{{"name", "ci"}, {"scopes", {"inference"}}}));
  EXPECT_EQ(run({"key", "create", "--name", "ops", "--scope", "admin", "--scope", "inference"}), ExitCode::success)
      << terminal_.error_text;
  EXPECT_EQ(nlohmann::json::parse(server_.requests().back().body).at("scopes"), (nlohmann::json{"admin", "inference"}));
}

TEST_F(ProgramTest, ANewKeyComesWithTheAddressesThatClientsWant) {
  server_.on("POST /api/v1/keys", 201, R"({"id":"1","key":"gg_1_s","name":"x","scopes":["inference"]})");
  EXPECT_EQ(run({"key", "create", "Alice's laptop"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(nlohmann::json::parse(server_.requests().back().body).at("name"), "Alice's laptop");
  EXPECT_TRUE(printed("  " + server_.url() + "/v1   for OpenAI's SDKs\n")) << terminal_.out_text;
  EXPECT_TRUE(printed("  " + server_.url() + "      for Anthropic's\n")) << terminal_.out_text;
}

TEST_F(ProgramTest, LoginVerifiesThenStoresForTheOwnerOnly) {
  server_.on("GET /api/v1/status", 200, status_json);
  log_out();
  terminal_.secret = "gg_key";
  EXPECT_EQ(run({"login", server_.url(), "--ca", ca_.string()}), ExitCode::success) << terminal_.error_text;
  struct stat info {};
  ASSERT_EQ(::stat((home_ / ".config/gogrid/config.toml").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  std::filesystem::remove(ca_);
  EXPECT_EQ(run({"status"}), ExitCode::success) << terminal_.error_text;
  EXPECT_EQ(server_.requests().back().authorization, "Bearer gg_key");
  EXPECT_EQ(run({"logout"}), ExitCode::success);
  EXPECT_EQ(run({"status"}), ExitCode::not_allowed);
  EXPECT_TRUE(std::filesystem::is_empty(home_ / ".config/gogrid"));
}

TEST_F(ProgramTest, LoginStoresNothingThatDoesNotWork) {
  log_out();
  terminal_.secret = "gg_wrong";
  server_.on("GET /api/v1/status", 401, error_json);
  EXPECT_EQ(run({"login", server_.url(), "--ca", ca_.string()}), ExitCode::not_allowed);
  EXPECT_EQ(run({"login", "https://127.0.0.1:1", "--ca", ca_.string()}), ExitCode::unreachable);
  // Without a terminal an authority that nobody vouches for is refused, before the key is sent.
  const std::size_t before = server_.requests().size();
  EXPECT_EQ(run({"login", server_.url()}), ExitCode::unreachable);
  EXPECT_TRUE(said("--pin")) << terminal_.error_text;
  EXPECT_EQ(run({"login", server_.url(), "--pin", std::string(64, 'a')}), ExitCode::unreachable);
  EXPECT_EQ(run({"login"}), ExitCode::usage);
  const std::string other = write("other.pem", TestCoordinator::make_authority().certificate).string();
  EXPECT_EQ(run({"login", server_.url(), "--ca", other}), ExitCode::unreachable);
  EXPECT_EQ(server_.requests().size(), before);
  terminal_.secret = "two words";
  EXPECT_EQ(run({"login", server_.url(), "--ca", ca_.string()}), ExitCode::failed);
  EXPECT_FALSE(std::filesystem::exists(home_ / ".config/gogrid"));
}

TEST_F(ProgramTest, LoginTakesAPinOrAPersonsWord) {
  server_.on("GET /api/v1/status", 403, error_json);
  server_.on("GET /v1/models", 200, R"({"data":[]})");
  log_out();
  terminal_.secret = "gg_key";
  const std::string pin = net::pki::inspect(server_.ca())->public_key_pin;
  EXPECT_EQ(run({"login", server_.url(), "--pin", pin}), ExitCode::success) << terminal_.error_text;
  EXPECT_TRUE(printed("not administer"));
  EXPECT_EQ(run({"logout"}), ExitCode::success);
  terminal_.input_terminal = true;
  terminal_.type(server_.url());
  terminal_.type("no");
  EXPECT_EQ(run({"login"}), ExitCode::unreachable);
  EXPECT_TRUE(said(pin.substr(0, 8) + " " + pin.substr(8, 8))) << terminal_.error_text;
  terminal_.type(server_.url());
  terminal_.type("y");
  EXPECT_EQ(run({"login"}), ExitCode::success) << terminal_.error_text;
  EXPECT_TRUE(std::filesystem::exists(home_ / ".config/gogrid/ca.pem"));
}

TEST_F(ProgramTest, AnEngineIsUploaded) {
  const std::string bytes = "\x28\xb5\x2f\xfd" + std::string(5000, 'e');
  server_.expect_upload(Sha256::hex(as_bytes(bytes)), bytes.size());
  EXPECT_EQ(run({"engine", "add", write("cpu-b1.tar.zst", bytes).string(), "--json"}), ExitCode::success)
      << terminal_.error_text;
  EXPECT_EQ(nlohmann::json::parse(terminal_.out_text)["id"], Sha256::hex(as_bytes(bytes)));
  EXPECT_EQ(nlohmann::json::parse(server_.requests().front().body)["name"], "cpu-b1");
}

TEST(ExitCodes, FollowTheError) {
  EXPECT_EQ(exit_code(Error(ErrorCode::unavailable, ""), false), ExitCode::unreachable);
  EXPECT_EQ(exit_code(Error(ErrorCode::unauthenticated, ""), false), ExitCode::unreachable);
  EXPECT_EQ(exit_code(Error(ErrorCode::unavailable, ""), true), ExitCode::failed);
  EXPECT_EQ(exit_code(Error(ErrorCode::permission_denied, ""), true), ExitCode::not_allowed);
}

}  // namespace
}  // namespace gogrid::cli
