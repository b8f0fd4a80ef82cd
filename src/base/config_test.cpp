#include "base/config.hpp"

#include <gtest/gtest.h>

#include <map>

namespace gogrid {
namespace {

struct Values {
  std::int64_t port = 8443;
  double vram = 0;
  bool paused = false;
  std::string host;
  std::vector<std::string> names;
  std::chrono::milliseconds timeout{1000};
  std::string level = "info";
  std::int64_t limit = -1;
  double room = 0;
  std::chrono::milliseconds pause{90'000};

  Config config() {
    std::vector<Setting> settings;
    settings.push_back({"server.port", "GOGRID_PORT", "--port", "Port to listen on", port});
    settings.push_back({"server.host", "", "--host", "Host name", host});
    settings.push_back({"server.names", "GOGRID_NAMES", "", "More names", names});
    settings.push_back({"worker.vram", "", "", "Memory", vram});
    settings.push_back({"worker.paused", "", "", "Paused", paused});
    settings.push_back({"worker.timeout", "", "", "Time", timeout});
    settings.push_back({"log.level", "GOGRID_LEVEL", "--level", "How much",
                        SettingTarget(level).one_of({"debug", "info", "off"}).at_restart()});
    settings.push_back({"log.limit", "", "", "Most", SettingTarget(limit).at_least(1).at_most(9)});
    settings.push_back({"log.room", "", "", "Room", SettingTarget(room).zero_or_at_least(0.25).at_most(8)});
    settings.push_back({"log.pause", "", "", "Pause",
                        SettingTarget(pause).at_least(std::chrono::seconds(1)).at_most(std::chrono::hours(2))});
    return Config(std::move(settings), {{"log.later", "", "this version does not do that yet"}});
  }
};

TEST(Config, FlagsWinOverTheEnvironmentWhichWinsOverTheFile) {
  Values values;
  Config config = values.config();
  ASSERT_TRUE(config.load_text("[server]\nport = 1\nhost = \"file\"\nnames = [\"a\", \"b\"]\n", "x.toml"));
  const std::map<std::string, std::string> environment{{"GOGRID_PORT", "2"}};
  ASSERT_TRUE(config.load_environment([&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  }));
  EXPECT_EQ(values.port, 2);
  ASSERT_TRUE(config.set_flag(config.settings()[0], "3"));
  EXPECT_EQ(values.port, 3);
  EXPECT_EQ(values.host, "file");
  EXPECT_EQ(values.names, (std::vector<std::string>{"a", "b"}));
}

struct BadText {
  const char* text;
  const char* error;
};
class BadConfig : public testing::TestWithParam<BadText> {};

TEST_P(BadConfig, NamesFileLineAndKey) {
  Values values;
  Config config = values.config();
  const auto loaded = config.load_text(GetParam().text, "x.toml");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().detail.find(GetParam().error), std::string::npos) << loaded.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadConfig,
    testing::Values(BadText{"[server]\nprot = 1\n", "x.toml:2: server.prot is not a setting"},
                    BadText{"[server]\nport = \"x\"\n", "x.toml:2: server.port must be a whole number"},
                    BadText{"[server]\nport = -1\n", "server.port must be a whole number"},
                    BadText{"[server]\nport = [1]\n", "server.port must be a whole number"},
                    BadText{"[server]\nnames = \"a\"\n", "server.names must be a list"},
                    BadText{"[worker]\npaused = \"yes\"\n", "worker.paused must be true or false"},
                    BadText{"[worker]\ntimeout = \"5 parsecs\"\n", "worker.timeout must be a time"},
                    BadText{"[server]\nport = {a = 1}\n", "server.port.a is not a setting"},
                    BadText{"[log]\nlevel = 'loud'\n", "log.level must be debug, info or off, not \"loud\""},
                    BadText{"[log]\nlimit = 10\n", "log.limit must be a whole number from 1 to 9, not \"10\""},
                    BadText{"[log]\nroom = 0.1\n", "log.room must be 0 or a number from 0.25 to 8, not \"0.1\""},
                    BadText{"[log]\nroom = -1\n", "log.room must be 0 or a number from 0.25 to 8"},
                    BadText{"[log]\nroom = 9\n", "log.room must be 0 or a number from 0.25 to 8"},
                    BadText{"[log]\npause = 0\n", "log.pause must be a time such as 30s, 5m or 250ms from 1s to 2h"},
                    BadText{"[log]\nlater = 0\n", "log.later: this version does not do that yet"},
                    BadText{"[worker\n", "x.toml:1:"}, BadText{"port = 1\n", "x.toml:1: port is not a setting"}));

TEST(Config, ZeroMayMeanSomethingOfItsOwn) {
  Values values;
  Config config = values.config();
  for (const double room : {0.25, 0.0, 8.0}) {
    ASSERT_TRUE(config.load_text("[log]\nroom = " + std::to_string(room) + "\n", "x")) << room;
    EXPECT_EQ(values.room, room);
  }
}

TEST(Config, TimesHaveUnits) {
  Values values;
  Config config = values.config();
  for (const auto& [text, milliseconds] : std::map<std::string, int>{
           {"\"250ms\"", 250}, {"\"2s\"", 2000}, {"3", 3000}, {"1.5", 1500}, {"\"5m\"", 300000}}) {
    ASSERT_TRUE(config.load_text("[worker]\ntimeout = " + text + "\n", "x")) << text;
    EXPECT_EQ(values.timeout.count(), milliseconds) << text;
  }
}

TEST(Config, WhatIsShownReadsBack) {
  Values values;
  values.host = "a \"quoted\" name";
  values.names = {"a", "b"};
  values.timeout = std::chrono::milliseconds(1500);
  Values copy;
  ASSERT_TRUE(copy.config().load_text(values.config().to_toml(), "shown")) << values.config().to_toml();
  EXPECT_EQ(copy.host, values.host);
  EXPECT_EQ(copy.names, values.names);
  EXPECT_EQ(copy.timeout, values.timeout);
}

TEST(Config, ASettingKnowsWhereItsValueIsFrom) {
  Values values;
  Config config = values.config();
  ASSERT_TRUE(config.load_text("[server]\nport = 1\nhost = 'a'\n[log]\nlevel = 'debug'\n", "x.toml"));
  ASSERT_TRUE(
      config.load_environment([&](const char* name) { return std::string(name) == "GOGRID_PORT" ? "2" : nullptr; }));
  ASSERT_TRUE(config.set_flag(*config.find("log.level"), "off"));
  EXPECT_EQ(config.find("server.port")->origin, SettingOrigin::environment);
  EXPECT_EQ(config.find("server.port")->default_value, "8443");
  EXPECT_EQ(config.find("server.port")->target.show(), "2");
  EXPECT_EQ(config.find("server.host")->origin, SettingOrigin::file);
  EXPECT_EQ(config.find("log.level")->origin, SettingOrigin::flag);
  EXPECT_EQ(config.find("log.level")->default_value, "\"info\"");
  EXPECT_EQ(config.find("log.level")->target.applies(), Applies::at_restart);
  EXPECT_EQ(config.find("worker.vram")->origin, SettingOrigin::default_value);
  EXPECT_EQ(config.find("log.nothing"), nullptr);
}

TEST(Config, WhatIsRefusedChangesNothing) {
  Values values;
  Config config = values.config();
  ASSERT_TRUE(config.set("log.limit", "5"));
  const auto flag = config.set_flag(*config.find("log.level"), "loud");
  ASSERT_FALSE(flag);
  EXPECT_EQ(flag.error().detail, "--level (log.level) must be debug, info or off, not \"loud\"");
  const auto variable = config.load_environment([](const char*) { return "99999999999999999999"; });
  ASSERT_FALSE(variable);
  EXPECT_EQ(variable.error().detail,
            "GOGRID_PORT (server.port) must be a whole number, 0 or more, not \"99999999999999999999\"");
  EXPECT_FALSE(config.set("log.limit", "10"));
  EXPECT_FALSE(config.set("log.pause", "3h"));
  EXPECT_EQ(config.set("log.nothing", "1").error().code, ErrorCode::not_found);
  EXPECT_EQ(config.set("log.later", "1").error().detail, "log.later: this version does not do that yet");
  EXPECT_EQ(values.limit, 5);
  EXPECT_EQ(values.level, "info");
  EXPECT_EQ(values.pause, std::chrono::seconds(90));
}

TEST(Config, ASecretIsNotInAnError) {
  std::string key;
  Config config({{"api_key", "", "", "Key", SettingTarget(key).one_of({"a"}), true}});
  const auto loaded = config.load_text("api_key = 'hunter2'", "x.toml");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().detail, "x.toml:1: api_key must be a");
}

TEST(Config, ANumberThatIsNotSetIsShownAsAComment) {
  Values values;
  EXPECT_EQ(values.config().find("log.limit")->target.show(), "");
  EXPECT_NE(values.config().to_toml().find("\n# limit = \n"), std::string::npos) << values.config().to_toml();
}

TEST(Config, TimesAreShownInTheirLargestUnit) {
  std::chrono::milliseconds time{0};
  const SettingTarget target(time);
  for (const auto& [milliseconds, text] : std::map<int, std::string>{{0, "0s"},
                                                                     {250, "250ms"},
                                                                     {1500, "1500ms"},
                                                                     {90'000, "90s"},
                                                                     {120'000, "2m"},
                                                                     {7'200'000, "2h"},
                                                                     {86'400'000, "1d"}}) {
    time = std::chrono::milliseconds(milliseconds);
    EXPECT_EQ(target.value(), text);
    EXPECT_EQ(target.show(), "\"" + text + "\"");
  }
}

}  // namespace
}  // namespace gogrid
